"""Calls whose end never came: closed when both clocks have been silent for long, and opened by whatever comes later."""

from datetime import UTC, datetime, timedelta

from services.calls.tests.running import RunningCalls, call_fact

HOURS = timedelta(hours=1)


def outcome(calls: RunningCalls, call_id: str = "c1") -> tuple[str, str | None]:
    (call,) = calls.ask("Calls", call_id=call_id)["items"]
    return call["state"], call["visits"][-1]["reason"]


def waiting(calls: RunningCalls, at: datetime, call_id: str = "c1", **fields) -> None:
    calls.take(call_fact(call_id, "queued", at, queue="sales", **fields))


def test_a_call_of_which_something_was_heard_lately_is_left_alone_by_either_clock(calls):
    now = datetime.now(UTC)
    waiting(calls, now - 30 * HOURS)
    assert calls.reap(now + 3.9 * HOURS) == 0
    waiting(calls, now + 2 * HOURS, "c2")
    assert calls.reap(now + 4.1 * HOURS) == 1
    calls.follow()
    assert outcome(calls, "c2") == ("waiting", None)
    assert calls.reap(now + 6.1 * HOURS) == 1


def test_a_call_that_has_ended_is_left_alone(calls):
    now = datetime.now(UTC)
    calls.take(call_fact("c1", "started", now), call_fact("c1", "ended", now))
    assert calls.reap(now + 100 * HOURS) == 0


def test_a_stale_call_is_over_its_visit_left_for_that_reason_and_inferred(calls):
    now = datetime.now(UTC)
    waiting(calls, now)
    assert calls.reap(now + 5 * HOURS) == 1
    assert calls.reap(now + 5 * HOURS) == 0
    calls.follow()
    assert calls.reap(now + 50 * HOURS) == 0
    (call,) = calls.ask("Calls")["items"]
    (visit,) = call["visits"]
    assert (call["state"], call["outcome"]) == ("ended", "overflowed")
    assert (visit["reason"], visit["inferred"]) == ("stale", True)
    report = calls.ask("ServiceLevelOf", from_=now - HOURS, to=now + HOURS, interval="total")
    assert report["items"][0]["left_by_reason"] == {"stale": 1}


def test_each_source_says_how_long_is_long(calls):
    now = datetime.now(UTC)
    calls.configure("ConfigureSource", "pbx2", {"stale_after_seconds": 60})
    waiting(calls, now, "c1")
    waiting(calls, now, "c2", source="pbx2")
    assert calls.reap(now + timedelta(seconds=120)) == 1
    calls.follow()
    assert (outcome(calls, "c1"), outcome(calls, "c2")) == (("waiting", None), ("ended", "stale"))


def test_any_fact_that_comes_later_undoes_it(calls):
    now = datetime.now(UTC)
    waiting(calls, now)
    calls.reap(now + 5 * HOURS)
    calls.follow()
    calls.take(call_fact("c1", "noted", now))
    assert outcome(calls) == ("waiting", None)
    calls.take(call_fact("c1", "answered", now + HOURS, queue="sales", agent="a-1"))
    (call,) = calls.ask("Calls")["items"]
    assert (call["state"], call["outcome"], call["visits"][0]["inferred"]) == ("talking", "answered", False)


def test_a_call_can_be_closed_again(calls):
    now = datetime.now(UTC)
    waiting(calls, now)
    calls.reap(now + 5 * HOURS)
    calls.follow()
    calls.take(call_fact("c1", "noted", now))
    assert calls.reap(now + 5 * HOURS) == 1
    calls.follow()
    assert outcome(calls) == ("ended", "stale")


def test_a_fact_that_came_between_looking_and_closing_wins(calls):
    """The read model is behind: the closing counts what is stored, so a late follower comes to the same."""
    now = datetime.now(UTC)
    waiting(calls, now)
    calls.store([call_fact("c1", "abandoned", now, queue="sales")])
    calls.reap(now + 5 * HOURS)
    calls.follow()
    (call,) = calls.ask("Calls")["items"]
    assert (call["outcome"], call["visits"][0]["reason"]) == ("abandoned", None)


def test_a_restart_told_later_explains_it_better(calls):
    now = datetime.now(UTC)
    waiting(calls, now)
    calls.reap(now + 5 * HOURS)
    calls.follow()
    restarted = {"id": "r1", "source": "pbx1", "type": "source.restarted"}
    calls.take({**restarted, "occurred_at": (now + timedelta(minutes=1)).isoformat()})
    assert outcome(calls)[1] == "restart"


def test_a_rebuild_comes_to_the_same(calls):
    now = datetime.now(UTC)
    for n in range(5):
        waiting(calls, now, f"c{n}")
    calls.reap(now + 5 * HOURS)
    calls.follow()
    calls.take(call_fact("c0", "noted", now))
    before = calls.tables()
    calls.rebuild()
    assert calls.tables() == before
