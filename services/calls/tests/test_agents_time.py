"""What an agent was doing when: each moment once, and nothing of it lost at the edges of intervals."""

from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.calls.domain.agents_time import Work, life, on_call, spread, talks, with_lost_ends
from services.calls.domain.presence import Attendance, attendances
from services.calls.domain.timelines import Timeline
from services.calls.tests.stories import NINE
from services.calls.tests.test_fold_properties import patiently
from services.calls.tests.test_presence import MINUTE, mark, minutes, some_marks

NOW = NINE + 600 * MINUTE


def work(begin, end, queue="sales", wrapup=0, holds=(), **fields):
    """A leg in minutes after nine; `wrapup` None: begun and not ended."""
    ended_at = None if end is None else NINE + round(end * MINUTE)
    times = {
        "talk_ms": None if end is None else round((end - begin) * 60_000) - sum((b - a) * 60_000 for a, b in holds),
        "hold_ms": sum((b - a) * 60_000 for a, b in holds),
        "wrapup_ms": round((wrapup or 0) * 60_000),
        "wrapup": "open" if wrapup is None else "closed" if wrapup else "none",
        "wrapup_at": ended_at if wrapup is None or wrapup else None,
        "holds": tuple((NINE + a * MINUTE, NINE + b * MINUTE) for a, b in holds),
    }
    answered_at = NINE + round(begin * MINUTE)
    nobody = {"id": UUID(int=1), "call": UUID(int=2), "visit": None, "inferred": False, "transferred": None}
    return Work(queue=queue, answered_at=answered_at, ended_at=ended_at, **nobody, **{**times, **fields})


def seen(marks, legs=(), queues=None, now=NOW):
    present = attendances(marks, [], [], now)
    return [
        (minutes(each.begin), minutes(each.end), each.activity or each.state, each.here, each.signed_in)
        for each in Timeline(present, legs, now).stretches(queues)
    ]


DAY = (mark("signed_in", 0), mark("signed_out", 480))


def test_calls_come_before_wrap_up_and_that_before_pauses():
    marks = (*DAY, mark("paused", 20, activity="lunch"), mark("resumed", 40))
    assert seen(marks, [work(5, 10, wrapup=20), work(15, 18)]) == [
        (0, 5, "available", True, True),
        (5, 10, "on_call", True, True),
        (10, 15, "wrapup", True, True),
        (15, 18, "on_call", True, True),
        (18, 30, "wrapup", True, True),
        (30, 40, "lunch", True, True),
        (40, 480, "available", True, True),
    ]


def test_a_leg_whose_end_was_lost_is_left_at_the_agents_next_answer():
    lost, later, last = with_lost_ends([work(5, None), work(30, 40), work(50, None)])
    assert [on_call(leg, NOW) for leg in (lost, later)] == [
        (later.answered_at - 25 * MINUTE, later.answered_at),
        later[1:3],
    ]
    assert on_call(last, NOW)[1] == NOW
    assert not lost.handled
    assert seen(DAY, [lost, later])[1:] == [
        (5, 40, "on_call", True, True),
        (40, 480, "available", True, True),
    ]


def test_two_legs_at_once_are_one_time_and_another_queues_call_is_elsewhere():
    both = [work(5, 20), work(10, 25, "care")]
    assert [each[:3] for each in seen(DAY, both)][1] == (5, 25, "on_call")
    assert seen(DAY, both, frozenset({"care"}))[1:3] == [
        (5, 10, "on_call", False, True),
        (10, 25, "on_call", True, True),
    ]


def test_work_without_a_sign_in_is_told_apart():
    assert seen(DAY, [work(470, 490)])[1:] == [(470, 480, "on_call", True, True), (480, 490, "on_call", True, False)]


def test_a_wrap_up_that_no_fact_ends_lasts_until_the_next_call_or_the_sign_out():
    assert (10, 30, "wrapup", True, True) in seen(DAY, [work(5, 10, wrapup=None), work(30, 40)])
    assert seen(DAY, [work(5, 10, wrapup=None)])[-1] == (10, 480, "wrapup", True, True)


def test_an_agent_of_two_systems_counts_once():
    one, other = (
        attendances(DAY, [], [], NOW),
        attendances((mark("signed_in", 60), mark("signed_out", 500)), [], [], NOW),
    )
    (whole,) = Timeline([*one, *other], [], NOW).stretches(None)
    assert (minutes(whole.begin), minutes(whole.end)) == (0, 500)


def test_a_stated_talk_is_spread_over_the_call_less_its_holds_and_none_of_it_is_lost():
    leg = work(0, 10, holds=[(2, 6)], talk_ms=180_000)  # its stamps would tell of 6 minutes
    edges = [NINE, NINE + 4 * MINUTE, NINE + 20 * MINUTE]
    assert list(spread(180_000, talks(leg, NOW), edges)) == [(0, 60_000), (1, 120_000)]
    assert list(spread(240_000, leg.holds, edges)) == [(0, 120_000), (1, 120_000)]


def test_what_took_no_time_by_its_stamps_lies_where_it_was():
    assert list(spread(5_000, [(NINE, NINE)], [NINE - 1, NINE, NINE + 1])) == [(1, 5_000)]


legs_drawn = st.lists(
    st.builds(
        work,
        begin := st.integers(0, 200),
        st.none(),
        st.sampled_from(["sales", "care", None]),
        st.sampled_from([0, 3, None]),
    )
    | st.tuples(begin, st.integers(0, 40), st.sampled_from(["sales", None]), st.sampled_from([0, 5, None])).map(
        lambda each: work(each[0], each[0] + each[1], each[2], each[3])
    ),
    max_size=6,
)


@patiently
@given(some_marks, legs_drawn, st.sampled_from([None, frozenset({"sales"})]))
def test_every_moment_is_in_one_state(marks, legs, queues):
    present: list[Attendance] = attendances(marks, [], [], NOW)
    found = Timeline(present, legs, NOW).stretches(queues)
    assert all(one.end <= other.begin for one, other in pairwise(found))
    assert all(each.begin < each.end for each in found)
    signed_in = sum(each.end - each.begin for each in present if each.to(queues) != "away")
    assert sum(each.end - each.begin for each in found if each.signed_in) == signed_in


@patiently
@given(
    st.integers(0, 10**7),
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 50)), min_size=1, max_size=4),
    st.lists(st.integers(0, 700), min_size=1, max_size=6),
)
def test_the_parts_come_to_the_whole_however_the_edges_lie(total, lengths, bounds):
    spans, at = [], 0
    for gap, length in lengths:
        spans.append((at + gap, at + gap + length))
        at += gap + length
    parts = list(spread(total, spans, sorted({-1, *bounds})))
    assert sum(much for _, much in parts) == total
    assert all(much > 0 for _, much in parts)


def strongest(present, legs, queues, moment):
    """What the agent is doing at a moment, by the rules alone."""
    timeline = Timeline(present, legs, NOW)
    lines, wraps = zip(timeline.legs, timeline.lines, strict=True), zip(timeline.legs, timeline.wrapups, strict=True)
    here = [each.to(queues) for each in present if each.begin <= moment < each.end and each.to(queues) != "away"]
    for state, spans in (("on_call", lines), ("wrapup", wraps)):
        at = [leg for leg, span in spans if span and span[0] <= moment < span[1]]
        if at:
            return state, None, queues is None or any(leg.queue in queues for leg in at), bool(here)
    if not here:
        return None
    if "available" in here:
        return "available", None, True, True
    pause = max(here, key=lambda pause: (pause.at, pause.activity or ""))
    return "paused", pause.activity, True, True


@patiently
@given(some_marks, some_marks, legs_drawn, st.sampled_from([None, frozenset({"sales"})]))
def test_at_each_moment_the_strongest_state_counts(marks, others, legs, queues):
    present = [*attendances(marks, [], [], NOW), *attendances(others, [], [], NOW)]
    found = Timeline(present, legs, NOW).stretches(queues)
    bounds = sorted({bound for each in found for bound in each[:2]} | {leg.answered_at for leg in legs})
    for moment in [*bounds, *((one + other) // 2 for one, other in pairwise(bounds))]:
        at = [each[2:] for each in found if each.begin <= moment < each.end]
        told = strongest(present, legs, queues, moment)
        assert at == ([told] if told else [])


def test_life_is_told_once_however_legs_overlap():
    legs = [work(30, 40, wrapup=10), work(0, 10), work(5, 8), work(10, 12), work(200, None)]
    assert [(minutes(begin), minutes(end)) for begin, end in life(legs, NOW)] == [(0, 12), (30, 50), (200, 600)]
