"""When an agent was signed in, as the fold concludes it from marks in any order."""

from itertools import pairwise, product

from hypothesis import given
from hypothesis import strategies as st

from services.calls.domain.presence import EVERY_QUEUE, Mark, Pause, attendances, missing_sign_outs
from services.calls.tests.stories import NINE
from services.calls.tests.test_fold_properties import patiently

MINUTE = 60_000_000
LATE = NINE + 10 * 24 * 60 * MINUTE
TYPES = {
    "agent.signed_in": "sign",
    "agent.signed_out": "sign",
    "agent.paused": "pause",
    "agent.resumed": "pause",
    "agent.state_changed": "state",
}


def mark(kind, minutes, about=EVERY_QUEUE, activity=None, fact=None):
    kind = f"agent.{kind}"
    rank = list(TYPES).index(kind)
    at = NINE + round(minutes * MINUTE)
    return Mark(at, 0, rank, fact or f"{kind} {about} {minutes}", TYPES[kind], about, kind, activity)


def minutes(instant):
    return (instant - NINE) / MINUTE


def told(*marks, life=(), restarts=(), now=LATE, queues=None):
    """What the fold makes of the marks: beginning, end, what for or None, inferred; the same backwards and twice."""
    spans = [(NINE + begin * MINUTE, NINE + end * MINUTE) for begin, end in life]
    stops = [NINE + each * MINUTE for each in restarts]
    found = attendances(marks, spans, stops, now)
    assert attendances([*reversed(marks), *marks], spans, stops, now) == found
    seen = [(minutes(each.begin), minutes(each.end), each.to(queues), each.inferred) for each in found]
    return [
        (begin, end, what.activity if isinstance(what, Pause) else what, inferred)
        for begin, end, what, inferred in seen
        if what != "away"
    ]


def test_a_day_with_a_break():
    day = (mark("signed_in", 0), mark("paused", 60, activity="lunch"), mark("resumed", 90), mark("signed_out", 480))
    assert told(*day) == [
        (0, 60, "available", False),
        (60, 90, "lunch", False),
        (90, 480, "available", False),
    ]


def test_who_is_available_again_after_a_break_had_not_left():
    """FreeSWITCH has one word for signing in and for coming back."""
    day = [mark("signed_in", 0), mark("paused", 60, activity="On Break"), mark("signed_in", 90), mark("resumed", 90),
           mark("signed_out", 480)]  # fmt: skip
    assert told(*day) == [(0, 60, "available", False), (60, 90, "On Break", False), (90, 480, "available", False)]
    assert missing_sign_outs(day, (), (), LATE) == []


def test_who_signs_in_the_day_after_a_break_had_left():
    days = [mark("signed_in", 0), mark("paused", 60), mark("signed_in", 1440), mark("signed_out", 1900)]
    assert told(*days) == [(0, 60, "available", False), (1440, 1900, "available", False)]
    assert missing_sign_outs(days, (), (), LATE) == [days[1]]


def test_a_pause_before_the_sign_in_and_one_while_nobody_is_there_say_nothing():
    assert told(mark("paused", 0), mark("signed_in", 10), mark("signed_out", 20), mark("paused", 30)) == [
        (10, 20, "available", False)
    ]


def test_queues_one_by_one():
    marks = (
        mark("signed_in", 0, "sales"),
        mark("signed_in", 1, "care"),
        mark("paused", 10, "sales", "lunch"),
        mark("signed_out", 20, "care"),
        mark("signed_out", 30),
    )
    assert told(*marks)[-1] == (20, 30, "lunch", False)
    assert told(*marks, queues=frozenset({"care"})) == [(1, 10, "available", False), (10, 20, "available", False)]
    assert [each[2] for each in told(*marks, queues=frozenset({"sales"}))] == [
        "available",
        "available",
        "lunch",
        "lunch",
    ]


def test_signed_in_to_all_but_one():
    marks = (mark("signed_in", 0), mark("signed_out", 10, "sales"), mark("signed_out", 20))
    assert told(*marks, queues=frozenset({"sales"})) == [(0, 10, "available", False)]
    assert told(*marks, queues=frozenset({"care"}))[-1] == (10, 20, "available", False)


def test_a_sign_in_again_ends_what_was_before():
    assert told(mark("signed_in", 0), mark("signed_in", 60), mark("signed_out", 90)) == [
        (0, 60, "available", True),
        (60, 90, "available", False),
    ]


def test_a_sign_in_that_two_feeds_tell_of_is_one():
    marks = (mark("signed_in", 0), mark("signed_in", 0.05, fact="the same"), mark("signed_out", 90))
    assert [each[3] for each in told(*marks)] == [False, False]


def test_of_a_missing_sign_out_the_night_does_not_count():
    next_day = 24 * 60
    marks = (mark("signed_in", 0), mark("signed_in", next_day), mark("signed_out", next_day + 60))
    assert told(*marks, life=[(30, 35), (400, 470)]) == [
        (0, 470, "available", True),
        (next_day, next_day + 60, "available", False),
    ]
    told_late = mark("signed_out", 480)
    assert told(*marks, told_late, life=[(30, 35), (400, 470)])[0] == (0, 480, "available", False)


def test_who_is_silent_for_too_long_has_gone_and_work_is_a_sign_of_life():
    now = NINE + 13 * 60 * MINUTE
    assert told(mark("signed_in", 0), now=now) == []  # nothing shows that it lasted
    assert told(mark("signed_in", 0), mark("paused", 5), now=now)[0] == (0, 5, "available", False)
    assert told(mark("signed_in", 0), life=[(60, 70)], now=now) == [(0, 780, "available", False)]


def test_a_restart_ends_what_nothing_shows_to_have_gone_on():
    now = NINE + 300 * MINUTE
    marks = (mark("signed_in", 0),)
    assert told(*marks, restarts=[100], now=now) == [(0, 100, "available", True)]
    assert told(*marks, restarts=[100], life=[(120, 125)], now=now) == [(0, 300, "available", False)]
    assert told(*marks, mark("signed_out", 200), restarts=[100], now=now) == [(0, 200, "available", False)]
    assert told(*marks, mark("signed_in", 200), restarts=[100], now=now)[0] == (0, 100, "available", True)


def test_a_stamp_of_tomorrow_does_not_count_before_it_comes():
    now = NINE + 60 * MINUTE
    assert told(mark("signed_in", 0), mark("signed_out", 999), now=now) == [(0, 60, "available", False)]
    assert told(mark("signed_in", 999), now=now) == []


def test_states_count_where_nobody_tells_of_sign_ins():
    states = [
        mark("state_changed", at, about, activity)
        for at, about, activity in [
            (0, "Available", None),
            (10, "Reserved", None),
            (20, "Lunch", "lunch"),
            (50, "Offline", None),
        ]
    ]
    assert told(*states) == [(0, 10, "available", False), (10, 20, "available", False), (20, 50, "lunch", False)]
    assert told(*states, mark("signed_in", 30), mark("signed_out", 40)) == [(30, 40, "available", False)]


def test_a_queue_of_which_nobody_signed_out_is_not_in_the_next_shift():
    day = 24 * 60
    both = [mark("signed_in", 0, queue, fact="both") for queue in ("sales", "care")]
    marks = (*both, mark("signed_out", 480, "sales"), mark("signed_in", day, "sales"), mark("signed_out", day + 60))
    assert told(*marks) == [(0, 480, "available", False), (day, day + 60, "available", False)]
    assert told(*marks, queues=frozenset({"care"})) == [(0, 480, "available", False)]
    stayed = (*marks, mark("signed_out", 500, "care"))
    assert told(*stayed, queues=frozenset({"care"})) == [(0, 480, "available", False), (480, 500, "available", False)]


def test_a_queue_of_which_nobody_signed_out_stays_within_the_shift():
    both = [mark("signed_in", 0, queue, fact="both") for queue in ("sales", "care")]
    marks = (*both, mark("signed_out", 100, "sales"), mark("signed_in", 160, "sales"), mark("signed_out", 480))
    assert [each[:2] for each in told(*marks, queues=frozenset({"care"}))] == [(0, 100), (100, 160), (160, 480)]


def test_work_shows_that_a_shift_went_on_until_another_queue_was_added():
    marks = (mark("signed_in", 0, "sales"), mark("signed_in", 800, "care"), mark("signed_out", 900))
    assert told(*marks) == [(800, 900, "available", False)]
    assert told(*marks, life=[(60, 700)])[0] == (0, 800, "available", False)


queues = st.sampled_from([EVERY_QUEUE, "sales", "care"])
some_marks = st.lists(
    st.builds(
        mark,
        st.sampled_from([kind.partition(".")[2] for kind in TYPES]),
        st.integers(0, 3000).map(lambda each: each / 2),
        queues,
        st.sampled_from([None, "lunch"]),
        st.integers(0, 10**6).map(str),
    ),
    max_size=14,
    unique_by=lambda each: each.fact,
)
spans = st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 90)), max_size=6).map(
    lambda found: sorted((NINE + begin * MINUTE, NINE + (begin + length) * MINUTE) for begin, length in found)
)
instants = st.lists(st.integers(0, 2000).map(lambda each: NINE + each * MINUTE), max_size=3).map(sorted)


@patiently
@given(some_marks, spans, instants, st.integers(0, 4000), st.data())
def test_order_and_repetition_never_matter_and_no_time_is_negative(marks, life, restarts, now, data):
    moment = NINE + now * MINUTE
    once = attendances(marks, life, restarts, moment)
    again = data.draw(st.permutations(marks + marks[:3]))
    assert attendances(again, life, restarts, moment) == once
    assert all(each.begin < each.end <= moment for each in once)
    assert all(one.end <= other.begin for one, other in pairwise(once))


def near(marks, begin):
    """The marks that are read for a range: those behind its beginning, and before it the newest and newest sign-in."""
    newest = {}
    for each in sorted(marks, key=lambda mark: mark[:-1]):
        if each.at < begin:
            newest[each.kind, each.about] = each
            if each.type == "agent.signed_in":
                newest["sign-in", each.about] = each
    return [*newest.values(), *(each for each in marks if each.at >= begin)]


def test_to_which_queues_an_agent_is_signed_in_does_not_hang_on_where_a_range_begins():
    said = [None, *product(("signed_in", "signed_out"), ("sales", "care"))]
    for story in product(said, repeat=5):
        marks = [mark(what[0], 7 * 60 * place, what[1]) for place, what in enumerate(story) if what]
        whole = attendances(marks, (), (), LATE)
        for place in range(5):
            begin = NINE + (7 * 60 * place + 60) * MINUTE
            there = [in_queues(each, begin) for each in attendances(near(marks, begin), (), (), LATE)]
            assert [each for each in there if each] == [
                each for each in (in_queues(each, begin) for each in whole) if each
            ]


def in_queues(attendance, begin):
    """From when on, up to when, and to which queues somebody is signed in behind an instant."""
    queues = [queue for queue in ("sales", "care") if attendance.to(frozenset({queue})) != "away"]
    return (max(attendance.begin, begin), attendance.end, queues) if attendance.end > begin else None
