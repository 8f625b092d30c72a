"""Webhooks as their receivers see them: real HTTP to a real receiver, verified with the library of the standard."""

import asyncio
import base64
import os
import socket
import subprocess
import sys
import threading
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from psycopg_pool import AsyncConnectionPool
from standardwebhooks import WebhookVerificationError

from gateway.deliveries import queue
from gateway.deliveries.channel import Delivered, Gone, Retry
from gateway.deliveries.guard import GuardedTransport, Resolver
from gateway.deliveries.sender import Sender
from gateway.idempotency import IdempotencyKeys
from gateway.networks import networks
from gateway.sealing import SecretBox, WrongKey
from gateway.settings import Settings
from gateway.tests.certificates import tls_for
from gateway.tests.fakes import ADMINISTRATOR, client
from gateway.tests.receiver import Reply, receiving
from gateway.webhooks import standard
from gateway.webhooks.backfills import Backfills
from gateway.webhooks.channel import DISABLED, FAILING, NAME, PING, Webhooks, outcome_of
from gateway.webhooks.endpoints import PATH, WebhookEndpoints
from gateway.webhooks.log import PATH as LOG
from gateway.webhooks.log import DeliveryLog
from services.kernel import decider
from services.kernel.declarations import Api
from services.kernel.feed import LATEST
from services.kernel.values import Actor

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
KEY = base64.b64encode(bytes(32)).decode()
LOOPBACK = networks("127.0.0.0/8")


@decider.event("bell_rung")
class BellRung:
    """A bell was rung."""


@decider.event("door_opened")
class DoorOpened:
    """A door was opened."""


BELLS = Api("bells")
BELLS.publishes(BellRung, DoorOpened)
RUNG, OPENED = "plateau.bells.bell_rung", "plateau.bells.door_opened"


def rung(number=1, kind=RUNG, at="2026-11-21T09:00:00Z"):
    return {"id": str(uuid4()), "type": kind, "subject": "b-1", "revision": number, "time": at, "data": {"n": number}}


class Plateau:
    """A gateway and a sender of deliveries on one database."""

    def __init__(self, pool, http, channel, sender):
        self.pool, self.http, self.channel, self.sender = pool, http, channel, sender

    async def endpoint(self, receiver, *types):
        """A new endpoint at a receiver: its path and its secret."""
        made = await self.http.post(PATH, json={"url": receiver.url, "types": list(types or [RUNG])})
        assert made.status_code == 201, made.text
        return made.headers["location"], made.json()["secret"]

    async def happens(self, *events):
        """Public events, as the reader of them writes them down."""
        async with self.pool.connection() as db:
            await queue.write(db, NAME, await self.channel.wanted(db, events))
        self.sender.wake()

    async def types(self):
        """The types of events that are read for it."""
        async with self.pool.connection() as db:
            return await self.channel.types(db)

    async def deliveries(self, **asked):
        page = (await self.http.get(LOG, params=asked)).json()
        return page["items"]

    async def shown(self, path):
        return (await self.http.get(path)).json()

    async def change(self, statement, *values):
        async with self.pool.connection() as db:
            await db.execute(statement, values)
        self.sender.wake()


@pytest.fixture
async def pool(gateway_url):
    async with AsyncConnectionPool(gateway_url, min_size=1, max_size=8, open=False, timeout=5) as pool:
        yield pool


@asynccontextmanager
async def serving(pool, actor=ADMINISTRATOR, **settings):
    """The gateway's pages of webhooks, and a sender."""
    about = {"secrets": SecretBox.from_text(KEY), "allowed_networks": LOOPBACK, "delivery_timeout": 1, **settings}
    chosen = Settings(pool.conninfo, "amqp://localhost", **about)
    channel = Webhooks(chosen, pool)
    sender = Sender(pool, [channel])
    task = asyncio.create_task(sender.run())
    entries = [
        *WebhookEndpoints(pool, IdempotencyKeys(pool), [BELLS], chosen).entries(),
        *DeliveryLog(pool).entries(),
    ]
    try:
        async with client(entries, actor) as http:
            yield Plateau(pool, http, channel, sender)
    finally:
        sender.stop()
        await task
        await channel.close()


@pytest.fixture
async def plateau(pool):
    async with serving(pool) as plateau:
        yield plateau


@pytest.fixture
def receiver():
    with receiving() as receiver:
        yield receiver


async def until(condition, within=10):
    """What a condition, which may be awaited, comes to once it is true."""
    async with asyncio.timeout(within):
        while True:
            result = condition()
            if result := (await result if asyncio.iscoroutine(result) else result):
                return result
            await asyncio.sleep(0.01)


async def settled(plateau, status, count=1):
    async def are():
        found = await plateau.deliveries(status=status)
        return len(found) == count and found

    return await until(are)


# -- the standard


def test_the_signature_is_that_of_the_published_rule():
    secret = "whsec_cGxhdGVhdS10ZXN0LXNlY3JldC0yNGJ5"
    signed = standard.signature(secret, "msg_test0001", 1700000000, b'{"type":"call.ended"}')
    assert signed == "v1,GIqDQwwKcQ3Q5bbrB2uV0KCMEqJ0dsmnwfwlgpjEc0k="


def test_secrets_differ_and_are_as_long_as_the_standard_wants():
    secrets = {standard.new_secret() for _ in range(3)}
    assert len(secrets) == 3
    assert all(24 <= len(base64.b64decode(each.removeprefix("whsec_"))) <= 64 for each in secrets)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 5 ", 5.0),
        ("Sat, 21 Nov 2026 09:01:00 GMT", 60.0),
        ("Sat, 21 Nov 2026 08:00:00 GMT", 0.0),
        ("999999999999999999", 999_999_999.0),
        (None, None),
        ("soon", None),
        ("-3", None),
        ("1.5", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header, seconds):
    assert standard.retry_after(header, NOW) == seconds


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (200, {}, Delivered),
        (204, {}, Delivered),
        (301, {"Location": "http://10.0.0.1/"}, Retry),
        (304, {}, Retry),
        (400, {}, Retry),
        (404, {}, Retry),
        (410, {}, Gone),
        (500, {}, Retry),
    ],
)
def test_what_an_answer_means(status, headers, outcome):
    made = outcome_of(httpx.Response(status, headers=headers), "", NOW)
    assert (type(made), made.status) == (outcome, status)
    assert not isinstance(made, Retry) or not (made.throttled or made.unreachable)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_an_overloaded_receiver_is_left_in_peace_for_as_long_as_it_says(status):
    told = outcome_of(httpx.Response(status, headers={"Retry-After": "90"}), "", NOW)
    assert (told.throttled, told.after) == (True, 90.0)
    untold = outcome_of(httpx.Response(status), "", NOW)
    assert (untold.throttled, untold.unreachable) == (False, True)


# -- endpoints


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "example.com",
        "https://",
        "https://user:password@example.com/",
        "https://example.com/#part",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://0/",
        "https://167772161/",
        "https://0x7f.1/",
        "https://localhost/",
        "http://1.1.1.1/",
    ],
)
async def test_addresses_that_nothing_may_be_sent_to_are_refused(pool, url):
    async with serving(pool, allowed_networks=()) as plateau:
        answer = await plateau.http.post(PATH, json={"url": url, "types": [RUNG]})
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/url"]
        assert (await plateau.http.get(PATH)).json()["items"] == []


async def test_unknown_types_are_refused_and_without_a_key_nothing_is_taken(plateau, pool):
    answer = await plateau.http.post(PATH, json={"url": "https://1.1.1.1/", "types": [RUNG, "plateau.bells.no"]})
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/types"]
    assert RUNG in answer.json()["errors"][0]["detail"]
    async with serving(pool, secrets=None) as other:
        answer = await other.http.post(PATH, json={"url": "https://1.1.1.1/", "types": [RUNG]})
        assert (answer.status_code, answer.json()["code"]) == (503, "webhooks.not_set_up")


@pytest.mark.parametrize(
    ("limits", "scopes"),
    [
        ({"queues": frozenset({"q"})}, ADMINISTRATOR.scopes),
        ({"sources": frozenset({"s"})}, ADMINISTRATOR.scopes),
        ({"client": "acme"}, ADMINISTRATOR.scopes),
        ({}, ADMINISTRATOR.scopes - {"webhooks:write"}),
        ({}, ADMINISTRATOR.scopes - {"events:read"}),
    ],
)
async def test_only_who_may_see_all_events_has_them_sent(pool, limits, scopes):
    async with serving(pool, Actor("key-1", scopes=scopes, **limits)) as plateau:
        answer = await plateau.http.post(PATH, json={"url": "https://1.1.1.1/", "types": [RUNG]})
        assert (answer.status_code, answer.json()["code"]) == (403, "auth.not_allowed")


async def test_the_secret_is_shown_once_and_kept_sealed(plateau, receiver, pool):
    path, secret = await plateau.endpoint(receiver)
    for page in (path, PATH):
        assert secret not in (await plateau.http.get(page)).text
    async with pool.connection() as db:
        [(sealed,)] = await (await db.execute("SELECT sealed FROM webhook_secrets")).fetchall()
    endpoint = UUID(path.rpartition("/")[2])
    assert base64.b64decode(secret.removeprefix("whsec_")) not in sealed
    assert SecretBox.from_text(KEY).open(endpoint, sealed) == secret
    for box, owner in ((SecretBox(bytes(31) + b"1"), endpoint), (SecretBox.from_text(KEY), uuid4())):
        with pytest.raises(WrongKey):
            box.open(owner, sealed)


async def test_a_repeated_order_makes_one_endpoint_and_shows_the_same_secret(plateau, receiver):
    order, key = {"url": receiver.url, "types": [RUNG]}, {"Idempotency-Key": "k-1"}
    first, again = [await plateau.http.post(PATH, json=order, headers=key) for _ in range(2)]
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert len((await plateau.http.get(PATH)).json()["items"]) == 1
    other = await plateau.http.post(PATH, json=order | {"description": "x"}, headers=key)
    assert other.json()["code"] == "idempotency.key_reused"
    rotated = [
        await plateau.http.post(f"{first.headers['location']}/rotate", headers={"Idempotency-Key": "k-2"})
        for _ in range(2)
    ]
    assert rotated[0].json() == rotated[1].json()
    assert rotated[0].json()["secret"] != first.json()["secret"]


async def test_an_endpoint_is_changed_by_those_who_have_seen_it(plateau, receiver):
    path, _ = await plateau.endpoint(receiver)
    order = {"url": receiver.url + "2", "types": [OPENED], "description": "doors"}
    assert (await plateau.http.put(path, json=order)).status_code == 428
    assert (await plateau.http.put(path, json=order, headers={"If-Match": '"7"'})).status_code == 412
    changed = await plateau.http.put(path, json=order, headers={"If-Match": '"1"'})
    assert changed.headers["etag"] == '"2"'
    shown = await plateau.shown(path)
    assert {name: shown[name] for name in order} == order
    await plateau.happens(rung(), rung(kind=OPENED))
    await settled(plateau, "delivered")
    assert [posted.path for posted in receiver.posted] == ["/hook2"]


async def test_a_deleted_endpoint_is_gone_with_its_secrets_and_gets_nothing(plateau, receiver, pool):
    path, _ = await plateau.endpoint(receiver)
    assert (await plateau.http.delete(path)).status_code == 200
    for method, where in (("GET", path), ("DELETE", path), ("POST", f"{path}/test"), ("GET", f"{PATH}/x")):
        assert (await plateau.http.request(method, where)).status_code == 404
    await plateau.happens(rung())
    assert (await plateau.deliveries(), receiver.posted) == ([], [])
    async with pool.connection() as db:
        assert await (await db.execute("SELECT FROM webhook_secrets")).fetchall() == []


# -- deliveries


async def test_an_event_arrives_signed_with_type_timestamp_and_data(plateau, receiver):
    _, secret = await plateau.endpoint(receiver)
    event = rung(3)
    await plateau.happens(event, rung(kind=OPENED))
    [delivery] = await settled(plateau, "delivered")
    [posted] = receiver.posted
    assert posted.verified(secret) == {
        "type": RUNG,
        "timestamp": event["time"],
        "data": {"subject": "b-1", "revision": 3, "n": 3},
    }
    assert posted.headers["content-type"] == "application/json"
    assert posted.id == event["id"] == delivery["event_id"]
    for spoiled in (
        posted._replace(body=posted.body + b" "),
        posted._replace(headers=posted.headers | {"webhook-id": "x"}),
    ):
        with pytest.raises(WebhookVerificationError):
            spoiled.verified(secret)
    shown = await plateau.shown(f"{LOG}/{delivery['id']}")
    assert shown["body"] == orjson.loads(posted.body)
    [attempt] = shown["attempts_made"]
    assert (attempt["number"], attempt["outcome"], attempt["status"]) == (1, "delivered", 204)


async def test_an_alert_goes_to_the_endpoints_that_its_rule_names_whatever_types_they_take(plateau, receiver):
    named, other = [(await plateau.endpoint(receiver))[0].rpartition("/")[2] for _ in range(2)]
    assert "plateau.calls.alert_raised" in await plateau.types()
    raised = rung(kind="plateau.calls.alert_raised")
    gone = str(uuid4())
    await plateau.happens(
        raised | {"data": {"webhooks": [named, gone]}}, rung(kind=OPENED) | {"data": {"webhooks": [other]}}
    )
    [delivery] = await settled(plateau, "delivered")
    assert (delivery["endpoint_id"], delivery["event_id"]) == (named, raised["id"])


async def test_after_a_rotation_both_secrets_verify_for_a_day(plateau, receiver):
    path, old = await plateau.endpoint(receiver)
    new = (await plateau.http.post(f"{path}/rotate")).json()["secret"]
    shown = (await plateau.shown(path))["secrets"]
    assert [each["expires_at"] is None for each in shown] == [True, False]
    ends = datetime.fromisoformat(shown[1]["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=23, minutes=59) < ends <= timedelta(hours=24)
    await plateau.happens(rung())
    await settled(plateau, "delivered")
    for secret in (old, new):
        receiver.posted[0].verified(secret)
    await plateau.change("UPDATE webhook_secrets SET expires_at = now() WHERE expires_at IS NOT NULL")
    await plateau.happens(rung())
    await settled(plateau, "delivered", 2)
    receiver.posted[1].verified(new)
    with pytest.raises(WebhookVerificationError):
        receiver.posted[1].verified(old)


async def test_what_failed_comes_again_with_the_same_id_and_its_attempts_are_on_record(plateau, receiver):
    await plateau.endpoint(receiver)
    receiver.answer = lambda _: Reply(500, {}, b"out of paper" * 10_000)
    await plateau.happens(rung())
    [failed] = await until(lambda: plateau.deliveries(status="due"))
    await until(lambda: receiver.posted)
    receiver.answer = lambda _: Reply()
    await until(lambda: _attempted(plateau, failed["id"], 1))
    await plateau.change("UPDATE deliveries SET due_at = now()")
    await settled(plateau, "delivered")
    assert len(set(receiver.ids)) == 1
    one, two = (await plateau.shown(f"{LOG}/{failed['id']}"))["attempts_made"]
    assert (one["outcome"], one["status"], one["reason"]) == ("retry", 500, "HTTP 500")
    assert one["excerpt"] == ("out of paper" * 50)[:500]
    assert two["outcome"] == "delivered"


async def _attempted(plateau, delivery, times):
    return len((await plateau.shown(f"{LOG}/{delivery}"))["attempts_made"]) == times


async def test_redirects_are_not_followed(plateau, receiver):
    with receiving() as elsewhere:
        receiver.answer = lambda _: Reply(307, {"Location": elsewhere.url})
        await plateau.endpoint(receiver)
        await plateau.happens(rung())
        [delivery] = await until(lambda: plateau.deliveries(status="due"))
        await until(lambda: _attempted(plateau, delivery["id"], 1))
        assert elsewhere.posted == []
    [attempt] = (await plateau.shown(f"{LOG}/{delivery['id']}"))["attempts_made"]
    assert (attempt["status"], attempt["reason"]) == (307, "HTTP 307: redirects are not followed")


async def test_a_receiver_that_does_not_answer_in_time_is_cut_off(plateau, receiver):
    answered = threading.Event()

    def wait(_posted):
        answered.wait(10)
        return Reply()

    receiver.answer = wait
    await plateau.endpoint(receiver)
    await plateau.happens(rung())
    [delivery] = await until(lambda: plateau.deliveries(status="due"))
    await until(lambda: _attempted(plateau, delivery["id"], 1))
    answered.set()
    [attempt] = (await plateau.shown(f"{LOG}/{delivery['id']}"))["attempts_made"]
    assert attempt["outcome"] == "retry"
    assert 0.9 < attempt["seconds"] < 3


async def test_410_disables_an_endpoint_until_it_is_resumed_and_tells_the_others(plateau, receiver):
    with receiving() as watcher:
        path, _ = await plateau.endpoint(receiver)
        await plateau.endpoint(watcher, DISABLED, FAILING)
        receiver.answer = lambda _: Reply(410)
        await plateau.happens(rung())
        await until(lambda: watcher.posted)
        told = orjson.loads(watcher.posted[0].body)
        assert (told["type"], told["data"]["endpoint_id"]) == (DISABLED, path.rpartition("/")[2])
    shown = await plateau.shown(path)
    assert (shown["status"], shown["reason"]) == ("disabled", "it answered 410 Gone")
    assert "replay" not in shown["allowed_actions"]
    await plateau.happens(rung())
    assert len(await plateau.deliveries(endpoint=path.rpartition("/")[2])) == 1
    for action in ("pause", "replay"):
        body = {"from": "2026-11-21T00:00:00Z", "to": "2026-11-22T00:00:00Z"}
        answer = await plateau.http.post(f"{path}/{action}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "webhooks.endpoint.disabled")
    receiver.answer = lambda _: Reply()
    assert (await plateau.http.post(f"{path}/resume")).status_code == 200
    await plateau.happens(rung())
    await until(lambda: len(receiver.posted) == 2)


async def test_an_endpoint_that_fails_is_warned_of_after_a_day_and_disabled_after_five(plateau, receiver):
    plateau.channel.delays = (0.0, 86_400.0)  # so that nothing but what happens here is tried, however long it takes
    receiver.answer = lambda _: Reply(500)
    path, _ = await plateau.endpoint(receiver)
    with receiving() as watcher:
        await plateau.endpoint(watcher, DISABLED, FAILING)
        for number, (days, kinds) in enumerate([(0, []), (2, [FAILING]), (3, [FAILING]), (6, [FAILING, DISABLED])], 1):
            since = "UPDATE delivery_targets SET failing_since = now() - make_interval(days => %s) WHERE failures > 0"
            await plateau.change(since, days)
            event = rung()
            await plateau.happens(event)
            # On record, and not only posted: what comes of an attempt is noted after its answer.
            delivery = next(each for each in await plateau.deliveries(type=RUNG) if each["event_id"] == event["id"])
            await until(lambda delivery=delivery["id"]: _attempted(plateau, delivery, 1))
            await until(lambda kinds=kinds: [orjson.loads(each.body)["type"] for each in watcher.posted] == kinds)
            shown = await plateau.shown(path)
            assert shown["status"] == ("live" if number < 4 else "disabled")
            assert (shown["failing_since"] is not None) == (number < 4)
    assert len(receiver.posted) == 4
    assert "every delivery has failed since" in shown["reason"]
    assert {each["status"] for each in await plateau.deliveries(type=RUNG)} == {"dead"}


async def test_who_fails_again_after_it_was_well_is_warned_of_again(plateau, receiver):
    plateau.channel.delays = (0.0, 86_400.0)
    await plateau.endpoint(receiver)
    with receiving() as watcher:
        await plateau.endpoint(watcher, FAILING)
        for number, answer in enumerate((500, 500, 204, 500, 500), 1):
            receiver.answer = lambda _, status=answer: Reply(status)
            since = "UPDATE delivery_targets SET failing_since = now() - interval '2 days' WHERE failures > 0"
            await plateau.change(since)
            await plateau.change("UPDATE webhook_endpoints SET warned_at = warned_at - interval '9 days'")
            event = rung()
            await plateau.happens(event)
            delivery = next(each for each in await plateau.deliveries(type=RUNG) if each["event_id"] == event["id"])
            await until(lambda delivery=delivery["id"]: _attempted(plateau, delivery, 1))
            await until(lambda count=(0, 1, 1, 1, 2)[number - 1]: len(watcher.posted) == count)


async def test_an_endpoint_that_has_moved_is_not_left_in_peace_for_what_it_said_where_it_was(plateau, receiver):
    path, _ = await plateau.endpoint(receiver)
    receiver.answer = lambda _: Reply(429, {"Retry-After": "80000"})
    await plateau.happens(rung())
    await until(lambda: receiver.posted)
    await until(lambda: _failing(plateau, path))
    with receiving() as other:
        order = {"url": other.url, "types": [RUNG]}
        assert (await plateau.http.put(path, json=order, headers={"If-Match": '"1"'})).status_code == 200
        assert not await _failing(plateau, path)
        event = rung()
        await plateau.happens(event)
        await until(lambda: other.ids == [event["id"]])


async def _failing(plateau, path):
    return (await plateau.shown(path))["failing_since"] is not None


async def test_a_paused_endpoint_gets_what_happened_meanwhile_once_it_is_resumed(plateau, receiver):
    path, _ = await plateau.endpoint(receiver)
    for _ in range(2):
        assert (await plateau.http.post(f"{path}/pause")).json()["version"] == 2
    await plateau.happens(rung())
    tested = await plateau.http.post(f"{path}/test")
    assert [orjson.loads(posted.body)["type"] for posted in receiver.posted] == [PING]
    assert (tested.status_code, tested.json()["status"]) == (200, "delivered")
    await plateau.http.post(f"{path}/resume")
    await until(lambda: len(receiver.posted) == 2)


async def test_a_test_tells_what_went_wrong_and_is_not_repeated(plateau, receiver):
    path, _ = await plateau.endpoint(receiver)
    receiver.answer = lambda _: Reply(404, {}, b"no such page")
    tested = (await plateau.http.post(f"{path}/test")).json()
    assert tested["status"] == "dead"
    assert tested["attempts_made"][0]["excerpt"] == "no such page"
    assert (await plateau.shown(path))["failing_since"] is None


async def test_a_delivery_is_replayed_with_its_id_and_listed_by_filters(plateau, receiver):
    await plateau.endpoint(receiver, RUNG, OPENED)
    await plateau.happens(rung(), rung(kind=OPENED))
    both = await settled(plateau, "delivered", 2)
    [opened] = await plateau.deliveries(type=OPENED)
    assert both[0] == opened
    assert await plateau.deliveries(status="dead") == []
    assert await plateau.deliveries(endpoint=str(uuid4())) == []
    assert await plateau.deliveries(to="2026-01-01T00:00:00Z") == []
    first = await plateau.http.get(LOG, params={"limit": 1})
    rest = await plateau.http.get(first.links["next"]["url"])
    assert first.json()["items"] + rest.json()["items"] == both
    assert (await plateau.http.post(f"{LOG}/{opened['id']}/replay")).status_code == 200
    await until(lambda: receiver.ids.count(opened["event_id"]) == 2)
    assert (await plateau.http.post(f"{LOG}/{uuid4()}/replay")).status_code == 404


class Store:
    """The events of a service, as it answers when it is asked for them."""

    def __init__(self, *events):
        self.events = list(events)

    async def call(self, service, method, wanted):
        assert (service, method) == ("bells", "events")
        begin = len(self.events) if wanted["after"] == LATEST else int(wanted["after"].partition(".")[0])
        items = [
            {"place": f"{number}.0", "event": event}
            for number, event in enumerate(self.events[begin:], start=begin + 1)
            if event["type"] in wanted["types"]
        ]
        return {"items": items[:2], "reached": items[1]["place"] if items[2:] else f"{len(self.events)}.0"}


async def test_a_range_is_replayed_from_the_events_themselves(plateau, receiver, pool):
    days = [rung(day, at=f"2026-11-{day:02}T09:00:00Z") for day in range(1, 10)]
    store = Store(*days, rung(kind=OPENED, at="2026-11-05T09:00:00Z"))
    path, _ = await plateau.endpoint(receiver)
    await plateau.happens(days[3])
    await settled(plateau, "delivered")
    order = {"from": "2026-11-03T09:00:00Z", "to": "2026-11-07T09:00:00Z"}
    for bad, code in (
        ({**order, "to": order["from"]}, "webhooks.replay.range_empty"),
        ({**order, "types": [OPENED]}, "request.invalid"),
        ({"from": order["from"]}, "request.invalid"),
    ):
        answer = await plateau.http.post(f"{path}/replay", json=bad)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    ordered = await plateau.http.post(f"{path}/replay", json=order)
    assert ordered.status_code == 202
    backfills = Backfills(store, pool, [BELLS])
    while await backfills.step():
        pass
    await until(lambda: len(receiver.posted) == 5)
    assert sorted(receiver.ids) == sorted([days[3]["id"], *(day["id"] for day in days[2:6])])
    [replay] = (await plateau.shown(path))["replays"]
    assert (replay["id"], replay["status"], replay["found"]) == (ordered.json()["id"], "done", 4)


# -- where nothing may be sent


@pytest.fixture
def names(monkeypatch):
    """What names mean, each time that they are looked up: the last of its addresses for ever."""
    known, asked = {}, []

    def look_up(host, port, **_options):
        asked.append(host)
        addresses = known[host]
        address = addresses.pop(0) if len(addresses) > 1 else addresses[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr("gateway.deliveries.guard.socket.getaddrinfo", look_up)
    return known, asked


def through(allowed=LOOPBACK, tls=None):
    return httpx.AsyncClient(transport=GuardedTransport(Resolver(allowed), tls))


async def test_a_name_that_means_something_else_later_leads_nowhere_else(names, receiver):
    known, asked = names
    port = httpx.URL(receiver.url).port
    known["rebinds.example"] = ["127.0.0.1", "10.0.0.1", "127.0.0.1"]
    async with through() as http:
        assert (await http.post(f"http://rebinds.example:{port}/")).status_code == 204
    async with through() as http:
        with pytest.raises(httpx.ConnectError, match=r"10\.0\.0\.1"):
            await http.post(f"http://rebinds.example:{port}/")
    assert (len(asked), len(receiver.posted)) == (2, 1)


async def test_what_was_public_when_the_endpoint_was_made_is_looked_at_again(names, pool, receiver):
    known, _ = names
    known["moves.example"] = ["93.184.216.34", "127.0.0.1"]
    async with serving(pool, allowed_networks=()) as plateau:
        url = f"https://moves.example:{httpx.URL(receiver.url).port}/"
        made = await plateau.http.post(PATH, json={"url": url, "types": [RUNG]})
        assert made.status_code == 201
        await plateau.happens(rung())
        [delivery] = await until(lambda: plateau.deliveries(status="due"))
        await until(lambda: _attempted(plateau, delivery["id"], 1))
        [attempt] = (await plateau.shown(f"{LOG}/{delivery['id']}"))["attempts_made"]
    assert "127.0.0.1, where nothing may be sent" in attempt["reason"]
    assert receiver.posted == []


async def test_without_tls_only_to_what_is_allowed(names):
    names[0]["public.example"] = ["93.184.216.34"]
    async with through() as http:
        with pytest.raises(httpx.ConnectError, match="where nothing may be sent"):
            await http.post("http://public.example/")


async def test_tls_verifies_the_name_though_the_address_was_chosen_by_us(names, tmp_path):
    known, _ = names
    known |= {"right.example": ["127.0.0.1"], "wrong.example": ["127.0.0.1"]}
    server, trusting = tls_for("right.example", tmp_path)
    with receiving(tls=server) as receiver:
        port = httpx.URL(receiver.url).port
        async with through(tls=trusting) as http:
            assert (await http.post(f"https://right.example:{port}/")).status_code == 204
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await http.post(f"https://wrong.example:{port}/")
        async with through() as http:
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await http.post(f"https://right.example:{port}/")


# -- connections


async def test_a_connection_is_used_again_until_its_receiver_ends_it(receiver):
    async with through() as http:
        for _ in range(3):
            assert (await http.post(receiver.url)).status_code == 204
        assert len(receiver.connections) == 1
        await asyncio.gather(*(http.post(receiver.url) for _ in range(4)))
        before = len(receiver.connections)
        assert before <= 4
        for connection in receiver.connections:
            connection.shutdown(socket.SHUT_RDWR)
        assert (await http.post(receiver.url)).status_code == 204
        assert len(receiver.connections) == before + 1


async def test_connections_that_nobody_uses_any_more_are_closed_by_what_goes_to_others(receiver, monkeypatch):
    monkeypatch.setattr("gateway.deliveries.guard.KEPT_OPEN", 0.2)
    with receiving() as other:
        async with through() as http:
            await http.post(other.url)
            [kept] = other.connections
            await asyncio.sleep(0.3)
            await http.post(receiver.url)
            await until(lambda: kept.fileno() == -1)


async def test_head_and_body_of_a_request_travel_together():
    came = []

    async def answer(reader, writer):
        came.append(await reader.read(65_536))
        writer.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server, through() as http:
        port = server.sockets[0].getsockname()[1]
        assert (await http.post(f"http://127.0.0.1:{port}/", content=b"all of it")).status_code == 413
        assert came[0].endswith(b"\r\n\r\nall of it")


# -- the process


def serve(gateway_url, amqp_url):
    settings = {
        "PLATEAU_GATEWAY_DATABASE_URL": gateway_url,
        "PLATEAU_AMQP_URL": amqp_url,
        "PLATEAU_GATEWAY_KEY": KEY,
        "PLATEAU_ALLOWED_NETWORKS": "127.0.0.0/8",
        "PLATEAU_LOG_LEVEL": "error",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "infra.command_line", "serve", "deliveries"], env=os.environ | settings
    )


async def test_a_process_that_is_killed_while_it_sends_repeats_at_most_what_it_had_in_hand(
    pool, receiver, gateway_url, amqp_url
):
    async with serving(pool) as plateau:
        path, secret = await plateau.endpoint(receiver)
    stuck = threading.Event()

    def wait(posted):
        if len(receiver.posted) > 20:
            stuck.wait(20)
        return Reply()

    receiver.answer = wait
    endpoint, events = UUID(path.rpartition("/")[2]), [rung(number) for number in range(30)]
    async with pool.connection() as db:
        await queue.write(db, NAME, [queue.Wanted(endpoint, event) for event in events])
    first = serve(gateway_url, amqp_url)
    try:
        await until(lambda: len(receiver.posted) >= 30, 20)
        before = list(receiver.ids)
    finally:
        first.kill()
        first.wait()
        stuck.set()
    async with pool.connection() as db:
        await db.execute("UPDATE deliveries SET leased_until = now() WHERE leased_until IS NOT NULL")
    second = serve(gateway_url, amqp_url)
    try:

        async def are_all():
            async with pool.connection() as db:
                row = await (await db.execute("SELECT count(*) FROM deliveries WHERE status = 'delivered'")).fetchone()
            return row[0] == 30

        await until(are_all, 20)
    finally:
        second.terminate()
    assert second.wait(20) == 0
    assert set(receiver.ids) == {event["id"] for event in events}
    assert 0 < len(receiver.posted) - len(before) <= Webhooks.lanes
    for posted in receiver.posted:
        posted.verified(secret)
