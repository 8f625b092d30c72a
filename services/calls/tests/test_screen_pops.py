"""`call_offered` and `call_connected`: at once, once a visit or leg, of what has just happened; never a number."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.calls.api import api
from services.calls.domain.screen_pops import CallConnected, CallOffered, ScreenPops
from services.calls.tests.running import RunningCalls, call_fact, stream_of
from services.kernel import schemas
from services.kernel.feed import BEGINNING
from services.kernel.store import StoredEvent
from services.kernel.tests.horizon import until_readable

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
CALLER = "+33199000021"
CALL, SUBJECT = uuid4(), uuid4()


def stored(kind: str, seconds: float = 0, recorded_after: float = 1, **said: Any) -> StoredEvent:
    at = NOW + timedelta(seconds=seconds)
    data = {"id": "f", "source": "pbx1", "call_id": "c", "type": kind, "occurred_at": at.isoformat(), **said}
    metadata = {"customer": SUBJECT.hex} if kind == "call.queued" else {}
    recorded_at = at + timedelta(seconds=recorded_after)
    return StoredEvent(CALL, 1, uuid4(), kind, 1, data, metadata, at, recorded_at, 1, 1)


@pytest.mark.parametrize("recorded_after", [61, -61, 86400])
def test_nothing_pops_up_of_what_happened_long_ago_or_will_by_a_wrong_clock(recorded_after):
    pops = ScreenPops()
    assert pops.offered(stored("call.queued", recorded_after=recorded_after, queue="sales")) is None
    assert pops.connected(stored("call.answered", recorded_after=recorded_after, agent="a-1")) is None


def test_two_feeds_that_tell_of_one_visit_are_told_of_once_and_a_repeat_of_the_relay_as_before():
    pops = ScreenPops()
    first = stored("call.queued", queue="sales")
    assert pops.offered(first)
    assert pops.offered(stored("call.queued", 2, queue="sales")) is None
    assert pops.offered(stored("call.queued", 2, queue="billing"))
    assert pops.offered(first), "the relay may publish the same event again"
    assert pops.offered(stored("call.queued", 300, queue="sales")), "back in the queue"
    assert pops.connected(stored("call.answered", 5, queue="sales", agent="a-1"))
    assert pops.connected(stored("call.answered", 6, queue="sales", agent="a-1")) is None
    assert pops.connected(stored("call.answered", 6, queue="sales", agent="a-2")), "a transfer"


def test_what_is_told_has_the_declared_shape_and_the_subject_of_the_caller():
    pops = ScreenPops()
    offered = pops.offered(stored("call.queued", queue="sales", direction="inbound"))
    connected = pops.connected(stored("call.answered", 9, queue="sales", agent="a-1"))
    at = NOW + timedelta(seconds=9)
    assert schemas.revive(CallOffered, offered) == CallOffered(CALL, "pbx1", "sales", None, "inbound", SUBJECT, NOW)
    assert schemas.revive(CallConnected, connected) == CallConnected(CALL, "pbx1", "sales", "a-1", None, SUBJECT, at)
    assert schemas.dump(schemas.revive(CallOffered, offered)).keys() == offered.keys()


def read(calls: RunningCalls, **asked: Any) -> list[dict[str, Any]]:
    until_readable(calls.connection)
    page = calls.dispatcher.events(**{"after": BEGINNING, "types": [], "limit": 100, **asked})
    return [item["event"] for item in page["items"]]


def test_a_call_of_now_is_told_of_and_a_history_before_it_does_not_hide_it(calls):
    now = datetime.now(UTC)
    old = [call_fact(f"old{n}", "queued", NOW, queue="sales") for n in range(20)]
    calls.take(*old, call_fact("c1", "queued", now, queue="sales", **{"from": CALLER}))
    calls.take(call_fact("c1", "answered", now, queue="sales", agent="a-1"))
    events = read(calls, limit=5)
    call = str(stream_of(calls, "c1"))
    assert [(event["type"], event["subject"]) for event in events] == [
        ("plateau.calls.call_offered", call),
        ("plateau.calls.call_connected", call),
    ]
    assert {event["data"]["customer"] for event in events} == {str(UUID(calls.master.hash_of(CALLER)))}
    assert CALLER not in str(events)
    assert api.publications["call.queued"].name == "call_offered"
