"""The delivery engine on a real database, with services and a channel that do as the test says."""

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from psycopg.rows import namedtuple_row
from psycopg_pool import AsyncConnectionPool

from gateway.deliveries import queue, settling
from gateway.deliveries.channel import STANDARD_DELAYS, Attempt, Delivered, Delivery, Gone, Refused, Retry, Wanted
from gateway.deliveries.reader import Reader
from gateway.deliveries.sender import Sender
from gateway.deliveries.settling import settlement
from gateway.deliveries.targets import end_target, open_target, pause_target
from services.kernel import decider
from services.kernel.declarations import Api
from services.kernel.feed import LATEST
from services.kernel.values import Unavailable

pytestmark = pytest.mark.anyio


@decider.event("bell_rung")
class BellRung:
    """A bell was rung."""


BELLS = Api("bells")
BELLS.publishes(BellRung)
RUNG = "plateau.bells.bell_rung"


def rung(subject="b-1", revision=None):
    made = {"id": str(uuid4()), "type": RUNG, "subject": subject, "time": "2026-11-21T09:00:00Z", "data": {}}
    return made | ({"revision": revision} if revision else {})


class Store:
    """The events of a service, as it answers when it is asked for them."""

    def __init__(self):
        self.events, self.away, self.asked, self.meanwhile = [], False, [], None

    async def call(self, service, method, wanted):
        assert (service, method) == ("bells", "events")
        self.asked.append(wanted["types"])
        if self.meanwhile:
            await self.meanwhile()
        if self.away:
            raise Unavailable("The service bells is not running.")
        begin = len(self.events) if wanted["after"] == LATEST else int(wanted["after"].partition(".")[0])
        items = [{"place": f"{n}.0", "event": event} for n, event in enumerate(self.events[begin:], start=begin + 1)]
        items = items[: wanted["limit"]]
        return {"items": items, "reached": items[-1]["place"] if items else f"{len(self.events)}.0"}


class Ways:
    """A channel that wants all bells for its targets, and answers what it is told to, by target."""

    name, delays, lanes, seconds = "ways", (0.0, 5.0, 300.0), 2, 0.3

    def __init__(self):
        self.interested, self.sent, self.noted = [], [], []
        self.answers = defaultdict(Delivered)
        self.keyed = False

    async def types(self, _db):
        return frozenset({RUNG} if self.interested else ())

    async def wanted(self, _db, events):
        key = (lambda event: event["subject"]) if self.keyed else (lambda event: None)
        return [Wanted(target, event, key(event)) for event in events for target in self.interested]

    async def send(self, delivery):
        self.sent.append(delivery)
        answer = self.answers[delivery.target_id]
        return await answer(delivery) if callable(answer) else answer

    async def settled(self, _db, delivery, outcome, failing_since):
        self.noted.append((delivery.id, type(outcome), failing_since is not None))

    async def close(self):
        return

    def to(self, target):
        return [delivery.event["id"] for delivery in self.sent if delivery.target_id == target]


@pytest.fixture
async def pool(gateway_url):
    async with AsyncConnectionPool(gateway_url, min_size=1, max_size=6, open=False, timeout=5) as pool:
        yield pool


@pytest.fixture
def ways():
    return Ways()


@pytest.fixture
async def target(pool, ways):
    """Makes targets that are interested."""

    async def make():
        made = uuid4()
        async with pool.connection() as db:
            await open_target(db, ways.name, made)
        ways.interested.append(made)
        return made

    return make


def reader(store, pool, ways):
    return Reader(BELLS, store, pool, [ways], lambda: None)


async def read_all(store, pool, ways):
    one = reader(store, pool, ways)
    while await one.look():
        pass


async def write(pool, ways, target, *events, urgent=False):
    key = (lambda event: event["subject"]) if ways.keyed else (lambda event: None)
    async with pool.connection() as db:
        return await queue.write(db, ways.name, [Wanted(target, event, key(event)) for event in events], urgent=urgent)


async def rows(pool, columns="*"):
    async with pool.connection() as db, db.cursor(row_factory=namedtuple_row) as cursor:
        # FOR SHARE waits for who is noting an outcome just now: a channel hears of it before it is committed.
        await cursor.execute(f"SELECT {columns} FROM deliveries ORDER BY position FOR SHARE")  # noqa: S608
        return await cursor.fetchall()


async def change(pool, statement, *values):
    async with pool.connection() as db:
        await db.execute(statement, values)


@asynccontextmanager
async def sending(pool, ways):
    one = Sender(pool, [ways])
    task = asyncio.create_task(one.run())
    try:
        yield one
    finally:
        one.stop()
        await task


async def until(condition, within=10):
    async with asyncio.timeout(within):
        while not (result := condition()):
            await asyncio.sleep(0.01)
        return result


async def test_a_new_install_begins_now_and_each_event_is_written_once_whatever_restarts(pool, ways, target):
    store, to = Store(), await target()
    store.events.append(rung())
    await read_all(store, pool, ways)
    assert await rows(pool) == []
    store.events += [rung() for _ in range(3)]
    for _ in range(2):
        await read_all(store, pool, ways)
    assert [str(row.event_id) for row in await rows(pool)] == [event["id"] for event in store.events[1:]]
    assert {row.target_id for row in await rows(pool)} == {to}


async def test_what_happened_while_nobody_read_is_written_afterwards(pool, ways, target):
    store, _ = Store(), await target()
    one = reader(store, pool, ways)
    await one.look()
    store.away = True
    store.events.append(rung())
    with pytest.raises(Unavailable):
        await one.look()
    assert await rows(pool) == []
    store.away = False
    await one.look()
    assert len(await rows(pool)) == 1


async def test_who_begins_to_want_events_while_the_reader_looks_misses_none_that_come_afterwards(pool, ways, target):
    store = Store()
    one = reader(store, pool, ways)
    await one.look()

    async def somebody_comes():
        store.meanwhile = None
        await target()
        store.events.append(rung())

    store.meanwhile = somebody_comes
    while await one.look():
        pass
    assert [str(row.event_id) for row in await rows(pool)] == [store.events[0]["id"]]


async def test_nothing_is_asked_for_that_nobody_wants(pool, ways):
    store = Store()
    store.events.append(rung())
    await read_all(store, pool, ways)
    store.events.append(rung())
    await read_all(store, pool, ways)
    assert (set(map(tuple, store.asked)), await rows(pool)) == ({()}, [])


async def test_of_two_readers_one_writes(pool, ways, target):
    store, _ = Store(), await target()
    one, other = reader(store, pool, ways), reader(store, pool, ways)
    await one.look()
    await other.look()
    store.events += [rung() for _ in range(5)]
    while any(await asyncio.gather(one.look(), other.look())):
        pass
    assert len(await rows(pool)) == 5


async def test_a_delivery_that_fails_is_due_again_later_with_each_attempt_on_record(pool, ways, target):
    to = await target()
    ways.answers[to] = Retry(reason="HTTP 500", status=500, excerpt="oops")
    await write(pool, ways, to, rung())
    async with sending(pool, ways) as one:
        for tries in (1, 2, 3):
            await until(lambda tries=tries: len(ways.noted) == tries)
            [row] = await rows(pool, "status, tries, attempts, reason, due_at - now() AS again")
            assert (row.tries, row.attempts, row.reason) == (tries, tries, "HTTP 500")
            assert row.status == ("due" if tries < 3 else "dead")
            if tries < 3:
                assert ways.delays[tries] * 0.9 - 2 <= row.again.total_seconds() <= ways.delays[tries] * 1.1
            await change(pool, "UPDATE deliveries SET due_at = now()")
            one.wake()
    assert len({delivery.event["id"] for delivery in ways.sent}) == 1
    async with pool.connection() as db:
        recorded = await (
            await db.execute("SELECT number, outcome, status, reason, excerpt FROM delivery_attempts ORDER BY 1")
        ).fetchall()
    assert recorded == [(number, "retry", 500, "HTTP 500", "oops") for number in (1, 2, 3)]


async def test_a_slow_and_a_dead_target_hold_nobody_up(pool, ways, target):
    slow, dead, well = await target(), await target(), await target()
    ways.seconds = 60
    stuck = asyncio.Event()

    async def wait(_delivery):
        await stuck.wait()
        return Delivered()

    async def fail(_delivery):
        if len(ways.to(dead)) < 3:
            raise ConnectionRefusedError
        return Retry()

    ways.answers |= {slow: wait, dead: fail}
    for to in (slow, dead):
        await write(pool, ways, to, *(rung() for _ in range(200)))
    async with sending(pool, ways) as one:
        await until(lambda: len(ways.to(slow)) == ways.lanes)
        await write(pool, ways, well, *(rung() for _ in range(50)))
        one.wake()
        await until(lambda: len(ways.to(well)) == 50)
        assert len(ways.to(slow)) == ways.lanes  # none of them has ended meanwhile
        stuck.set()


async def test_what_ends_in_the_same_moment_is_noted_together(pool, ways, target):
    targets = [await target() for _ in range(10)]
    for to in targets:
        await write(pool, ways, to, rung(), rung())
    async with sending(pool, ways):
        await until(lambda: len(ways.noted) == 20)
    assert {row.status for row in await rows(pool)} == {"delivered"}
    async with pool.connection() as db:
        transactions = await (await db.execute("SELECT count(DISTINCT xmin::text) FROM delivery_attempts")).fetchone()
    assert transactions[0] <= 10


async def test_what_of_one_cannot_be_noted_is_noted_of_those_that_end_with_it(pool, ways, target):
    one, other = await target(), await target()
    await write(pool, ways, one, rung())
    await write(pool, ways, other, rung())
    noted = ways.settled

    async def settled(db, delivery, outcome, failing_since):
        if delivery.target_id == one:
            raise LookupError
        await noted(db, delivery, outcome, failing_since)

    ways.settled = settled
    async with sending(pool, ways):
        await until(lambda: ways.noted)
    assert {row.target_id: (row.status, row.leased_until is None) for row in await rows(pool)} == {
        one: ("due", False),  # its lease runs out, and it is sent again
        other: ("delivered", True),
    }


async def test_of_a_target_that_fails_and_succeeds_in_the_same_moment_the_last_counts(pool, ways, target):
    settles = settling.Settling(pool, {ways.name: ways})
    for outcomes, failing in ((Delivered(), Retry()), True), ((Retry(), Delivered()), False):
        to = await target()
        await write(pool, ways, to, rung(), rung())
        async with pool.connection() as db:
            taken = await queue.take(db, [ways], {}, 10, {ways.name: 60.0})
        made = [Attempt(delivery, outcome, NOW, 0.1) for delivery, outcome in zip(taken, outcomes, strict=True)]
        await asyncio.gather(*(settles.note(attempt) for attempt in made))
        async with pool.connection() as db:
            of = "SELECT failing_since IS NOT NULL FROM delivery_targets WHERE target_id = %s"
            assert await (await db.execute(of, (to,))).fetchone() == (failing,)
        await change(pool, "DELETE FROM deliveries")


async def test_of_one_subject_the_next_is_sent_once_the_one_before_has_arrived(pool, ways, target):
    ways.keyed, to = True, await target()
    fails = {"b-1"}

    async def answer(delivery):
        return Retry() if delivery.event["subject"] in fails else Delivered()

    ways.answers[to] = answer
    first, second, other = rung("b-1", 1), rung("b-1", 2), rung("b-2")
    await write(pool, ways, to, first, second, other)
    async with sending(pool, ways) as one:
        await until(lambda: len(ways.noted) == 2)
        assert set(ways.to(to)) == {first["id"], other["id"]}
        fails.clear()
        await change(pool, "UPDATE deliveries SET due_at = now()")
        one.wake()
        await until(lambda: len(ways.noted) == 4)
    assert [event for event in ways.to(to) if event != other["id"]] == [first["id"], first["id"], second["id"]]


async def test_what_a_dead_process_had_in_hand_is_sent_again_and_its_late_outcome_ignored(pool, ways, target):
    to = await target()
    await write(pool, ways, to, rung())
    async with pool.connection() as db:
        [lost] = await queue.take(db, [ways], {}, 10, {ways.name: 60.0})
        assert await queue.take(db, [ways], {}, 10, {ways.name: 60.0}) == []
    await change(pool, "UPDATE deliveries SET leased_until = now() - interval '1 second'")
    async with sending(pool, ways):
        await until(lambda: ways.noted)
    [again] = ways.sent
    assert (again.id, again.event, again.attempt) == (lost.id, lost.event, 2)
    async with pool.connection() as db:
        late = Attempt(lost, Refused(reason="late"), NOW, 0.1)
        assert await queue.settle(db, [(late, queue.Settlement("dead", 1))]) == set()
    assert [row.status for row in await rows(pool)] == ["delivered"]


async def test_a_target_that_asks_for_patience_gets_nothing_meanwhile_and_loses_no_try(pool, ways, target):
    to = await target()
    ways.answers[to] = Retry(after=30, throttled=True)
    await write(pool, ways, to, *(rung() for _ in range(20)))
    async with sending(pool, ways) as one:
        await until(lambda: len(ways.noted) == ways.lanes)
        other = await target()
        await write(pool, ways, other, rung())
        one.wake()
        await until(lambda: ways.to(other))
    assert len(ways.to(to)) == ways.lanes
    found = await rows(pool, "target_id, status, tries, attempts, due_at - now() AS again")
    tried = [row for row in found if row.attempts and row.target_id == to]
    assert {(row.status, row.tries) for row in tried} == {("due", 0)}
    assert all(28 < row.again.total_seconds() <= 34 for row in tried)


async def test_a_paused_target_waits_but_for_what_is_urgent_which_is_sent_once(pool, ways, target):
    to = await target()
    ways.answers[to] = Retry(reason="HTTP 500")
    ping = rung()
    async with pool.connection() as db:
        await pause_target(db, ways.name, to)
    await write(pool, ways, to, rung())
    await write(pool, ways, to, ping, urgent=True)
    async with sending(pool, ways) as one:
        await until(lambda: ways.noted)
        assert [row.status for row in await rows(pool)] == ["due", "dead"]
        assert ways.to(to) == [ping["id"]]
        ways.answers[to] = Delivered()
        async with pool.connection() as db:
            await open_target(db, ways.name, to)
        one.wake()
        await until(lambda: len(ways.noted) == 2)
    assert [row.status for row in await rows(pool)] == ["delivered", "dead"]


async def test_what_is_due_to_a_target_that_ends_is_dead_and_old_deliveries_are_forgotten(pool, ways, target):
    to = await target()
    await write(pool, ways, to, rung())
    async with pool.connection() as db:
        await end_target(db, ways.name, to, "the endpoint was deleted")
    [row] = await rows(pool)
    assert (row.status, row.reason) == ("dead", "the endpoint was deleted")
    async with pool.connection() as db:
        assert await queue.forget(db, 30, 100) == 0
    await change(pool, "UPDATE deliveries SET made_at = now() - interval '31 days'")
    async with pool.connection() as db:
        assert await queue.forget(db, 30, 100) == 1


async def test_what_arrives_while_its_target_ends_is_delivered(pool, ways, target):
    to = await target()
    await write(pool, ways, to, rung())

    async def arrive(_delivery):
        async with pool.connection() as db:
            await end_target(db, ways.name, to, "the endpoint was deleted")
        return Delivered()

    ways.answers[to] = arrive
    async with sending(pool, ways):
        await until(lambda: ways.noted)
    assert [row.status for row in await rows(pool)] == ["delivered"]


NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


def a_delivery(tries=0, *, urgent=False, begun_at=NOW):
    return Delivery(uuid4(), "ways", UUID(int=0), rung(), tries + 1, tries, begun_at, urgent)


class Standard(Ways):
    delays = STANDARD_DELAYS


def test_the_tries_of_the_standard_take_three_days():
    assert sum(STANDARD_DELAYS) == timedelta(hours=75, minutes=35, seconds=5).total_seconds()
    made, waited = queue.Settlement("due", 0), []
    while (made := settlement(Standard(), a_delivery(made.tries), Retry(), NOW, 0.5)).status == "due":
        waited.append(made.again)
    assert (waited, made) == (list(STANDARD_DELAYS[1:]), queue.Settlement("dead", 10))


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_delays_are_spread_and_what_the_target_asks_for_is_kept(chance):
    plain = settlement(Standard(), a_delivery(1), Retry(), NOW, chance)
    assert plain == queue.Settlement("due", 2, pytest.approx(300 * (0.9 + 0.2 * chance)))
    assert settlement(Standard(), a_delivery(1), Retry(after=900), NOW, chance).again == 900
    assert settlement(Standard(), a_delivery(1), Retry(after=1e9), NOW, chance).again == settling.LONGEST_AFTER
    throttled = settlement(Standard(), a_delivery(9), Retry(after=60, throttled=True), NOW, chance)
    assert throttled == queue.Settlement("due", 9, pytest.approx(60 * (1 + 0.1 * chance)))


def test_what_can_never_succeed_or_was_put_off_for_five_days_is_dead():
    assert settlement(Standard(), a_delivery(), Refused(), NOW, 0.5).status == "dead"
    assert settlement(Standard(), a_delivery(), Gone(), NOW, 0.5).status == "dead"
    assert settlement(Standard(), a_delivery(urgent=True), Retry(), NOW, 0.5).status == "dead"
    old = a_delivery(begun_at=NOW - timedelta(days=5, seconds=1))
    assert settlement(Standard(), old, Retry(after=60, throttled=True), NOW, 0.5).status == "dead"
