"""For every set of facts that is accepted, however strange: order and repeats change nothing, and the sums hold."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.calls.domain.entries import earliest_told, entry_told
from services.calls.domain.facts import canonical, event_id
from services.calls.domain.fold import Call, Fact, fold
from services.calls.domain.vocabulary import LEFT_REASONS, VOCABULARY
from services.calls.tests.stories import CALL_ID, SOURCE, STREAM

NINE = datetime(2026, 11, 21, 9, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

seconds = st.one_of(st.integers(0, 30), st.floats(0, 30, allow_nan=False))
maybe_seconds = st.none() | seconds | st.integers(-30, -1)  # as a clock that was set back states
agents = st.sampled_from(["a-1", "a-2"])
queues = st.sampled_from(["sales", "care"])
CALL_TYPES = [name for name in VOCABULARY if name.startswith("call.")]
SPICE = {
    "wait_seconds": maybe_seconds,
    "talk_seconds": maybe_seconds,
    "hold_seconds": maybe_seconds,
    "ring_seconds": maybe_seconds,
    "wrapup_seconds": maybe_seconds,
    "talk_includes_hold": st.none() | st.booleans(),
    "cancelled": st.none() | st.booleans(),
    "by": st.sampled_from([None, "caller", "agent", "system"]),
    "kind": st.just(None),
    "reason": st.sampled_from(LEFT_REASONS),
    "code": st.just("order"),
    "customer_id": st.sampled_from([None, "k-1", "crm:2"]),
    "location": st.just("recordings/1"),
}


@st.composite
def items(draw: Any) -> dict[str, Any]:
    kind = draw(st.sampled_from(CALL_TYPES))
    at = NINE + timedelta(seconds=draw(seconds))
    carried = {name: draw(spice) for name, spice in SPICE.items() if name in VOCABULARY[kind].carries}
    recorded = draw(st.booleans())
    return {
        "id": str(draw(st.integers(0, 10**9))),
        "source": SOURCE,
        "type": kind,
        "call_id": CALL_ID,
        "occurred_at": at.isoformat(),
        "sequence": draw(st.none() | st.integers(0, 3)),
        "queue": draw(queues) if "queue" in VOCABULARY[kind].needs else draw(st.none() | queues),
        "agent": draw(agents) if kind != "call.held" else draw(st.none() | agents),
        "record": draw(st.sampled_from(["r1", "r2"])) if recorded else None,
        "record_version": draw(st.sampled_from(["1", "2", "10", "x"])) if recorded else None,
        "data": carried,
    }


def known(item: dict[str, Any]) -> Fact:
    fact = canonical(item)
    assert isinstance(fact, dict), fact
    occurred_at = (datetime.fromisoformat(fact["occurred_at"]) - EPOCH) // timedelta(microseconds=1)
    return Fact.of(event_id(STREAM, fact["id"]), fact, occurred_at)


# A machine that is busy otherwise is no fault of the fold.
patiently = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

stories = st.lists(items().map(known), min_size=1, max_size=14, unique_by=lambda fact: fact.id)
instants = st.lists(
    seconds.map(lambda s: (NINE - EPOCH) // timedelta(microseconds=1) + round(s * 1e6)), max_size=2
).map(sorted)


@patiently
@given(stories, instants, st.booleans(), st.data())
def test_order_and_repetition_never_matter(story: list[Fact], restarts: list[int], reaped: bool, data: st.DataObject):
    closed = len(story) if reaped else None
    once = fold(story, restarts, closed)
    again = data.draw(st.permutations(story)) + data.draw(st.lists(st.sampled_from(story), max_size=6))
    assert fold(data.draw(st.permutations(again)), restarts, closed) == once


@patiently
@given(stories, instants, st.booleans())
def test_the_sums_hold_and_no_duration_is_negative(story: list[Fact], restarts: list[int], reaped: bool):
    call = fold(story, restarts, len(story) if reaped else None)
    assert_sound(call)
    if reaped:
        assert call.state == "ended"
        assert all(visit.outcome != "in_progress" for visit in call.visits)
        assert not any(leg.ended_at is None or leg.pending for leg in call.legs)


def assert_sound(call: Call) -> None:
    assert [visit.number for visit in call.visits] == list(range(1, len(call.visits) + 1))
    assert [leg.number for leg in call.legs] == list(range(1, len(call.legs) + 1))
    assert len({visit.id for visit in call.visits}) == len(call.visits)
    assert len({leg.id for leg in call.legs}) == len(call.legs)
    for visit in call.visits:
        assert visit.outcome in {"answered", "abandoned", "overflowed", "in_progress"}
        assert (visit.outcome == "overflowed") == (visit.reason is not None)
        if visit.outcome == "in_progress":
            assert visit.wait_ms is None
            assert visit.ended_at is None
        else:
            assert visit.wait_ms >= 0
            assert visit.ended_at >= visit.entered_at
    answered = [visit.id for visit in call.visits if visit.outcome == "answered"]
    assert sorted(leg.visit_id for leg in call.legs if leg.visit_id) == sorted(answered)
    for leg in call.legs:
        assert min(leg.hold_ms, leg.wrapup_ms, leg.ring_ms or 0) >= 0
        assert not (leg.handled and leg.pending)
        if leg.ended_at is not None:
            assert leg.ended_at >= leg.answered_at
            assert leg.talk_ms >= 0
    assert (call.ended_at is not None) or call.state not in {"ended"}


@patiently
@given(stories, instants, st.booleans())
def test_whatever_begins_does_so_where_one_of_the_facts_tells(story: list[Fact], restarts: list[int], reaped: bool):
    call = fold(story, restarts, len(story) if reaped else None)
    told = {(fact.queue, entry_told(fact)) for fact in story}
    assert {(visit.queue, visit.entered_at) for visit in call.visits} <= told
    began = [leg.answered_at for leg in call.legs] + [ring.at for ring in call.rings]
    earliest, latest = min(map(earliest_told, story)), max(fact.occurred_at for fact in story)
    assert all(earliest <= at <= latest for at in began)
