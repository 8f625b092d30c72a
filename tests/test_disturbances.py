"""A simulated morning, sent twice, late and shuffled by several senders at once: the reports tell what happened."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from random import Random
from threading import Event

import pytest

from loadtests.drills.stores import stores
from loadtests.simulator.centre import Centre
from loadtests.simulator.disturbances import USUAL, delivered
from loadtests.simulator.journal import figures
from loadtests.simulator.plan import Plan
from tests.caller import SERVICE_LEVEL, eventually

SEED, SENDERS = 11, 4
SOURCE = "simulated-centre"
DAY = date(2026, 6, 16)
END = "2026-06-17T00:00:00Z"
ASKED = {"from": "2026-06-16T00:00:00Z", "to": END, "interval": "total"}


def batches(facts, rng):
    """The facts in bodies of any size, the bodies in any order."""
    cut, bodies = 0, []
    while cut < len(facts):
        size = rng.choice([1, 7, 50, 400, 1000])
        bodies.append(facts[cut : cut + size])
        cut += size
    rng.shuffle(bodies)
    return bodies


@pytest.fixture(scope="module")
def morning(administrator):
    """The true figures of a morning whose facts were all sent."""
    day = Centre(SEED, Plan(source=SOURCE)).day(DAY, 8, 12)
    bodies = batches(list(delivered(day.facts, USUAL, SEED)), Random(SEED))

    def send(body):
        answer = administrator.post(body)
        assert answer.json() == {"accepted": len(body), "rejected": []}

    with ThreadPoolExecutor(SENDERS) as senders:
        for sent in senders.map(send, bodies):
            assert sent is None
    administrator.settle(60)
    return figures(day.visits, day.legs)


def reported(caller):
    return {row["queue"]: row for row in caller.get(SERVICE_LEVEL, **ASKED)["items"]}


def test_counts_and_waits_of_every_queue_are_the_truth(administrator, morning):
    rows = reported(administrator)
    assert rows.keys() >= morning.keys()
    assert sum(true.offered for true in morning.values()) > 1500
    for queue, true in morning.items():
        row = rows[queue]
        told = {name: row[name] for name in ("offered", "answered", "answered_within", "abandoned", "overflowed")}
        assert told == {name: getattr(true, name) for name in told}, queue
        assert (row["abandoned_within"], row["short_abandoned"]) == (true.abandoned_within, true.short_abandoned)
        assert row["left_by_reason"] == dict(true.left_by_reason)
        assert row["asa_seconds"] == pytest.approx(true.answered_wait / true.answered / 1000, abs=0.001)
        assert row["in_progress"] == 0


def test_a_rebuild_gives_the_same_rows_and_no_report_fails_meanwhile(administrator, stack, morning):
    rebuilt = Event()

    def ask():
        asked = 0
        while not rebuilt.is_set():
            rows = reported(administrator)
            assert sum(rows[queue]["offered"] for queue in morning) == sum(true.offered for true in morning.values())
            asked += 1
        return asked

    calls = stores(stack)[0]  # the others may still hear of the morning's calls; drills wait until they have

    def told_and_applied():
        return calls.is_at_rest() and stack.is_level()

    eventually(told_and_applied, 60)
    before = calls.read_models()
    with ThreadPoolExecutor(1) as asking:
        asked = asking.submit(ask)
        try:
            stack.plateau("rebuild")
        finally:
            rebuilt.set()
        assert asked.result() > 5
    eventually(told_and_applied, 60)
    assert calls.read_models() == before
    assert sum(map(len, before.values())) > 5000


def test_after_a_rebuild_new_facts_are_followed(administrator, stack, morning):
    before = reported(administrator)["sales-fr"]["offered"]
    extra = {"id": "1", "source": SOURCE, "type": "call.queued", "call_id": "extra", "queue": "sales-fr"}
    stack.plateau("rebuild", "calls.calls")
    administrator.send(extra | {"occurred_at": "2026-06-16T15:00:00Z"})
    assert reported(administrator)["sales-fr"]["offered"] == before + 1
