"""Versions of one thing: which say more than others, and which contradict them."""

from itertools import permutations

import pytest

from services.calls.domain.contradictions import contradictions
from services.calls.tests.stories import fact

QUEUE, OTHER = "sales", "care"


def version(number, kind, id_, record="r", data=None, **fields):
    return fact(kind, 5, id_, data, record=record, record_version=str(number), **fields)


def details(*facts):
    found = [(each.thing, each.about, each.detail) for each in contradictions(facts)]
    for shuffled in permutations(facts):
        assert [(each.thing, each.about, each.detail) for each in contradictions(shuffled)] == found
    return found


ANSWERED = version(1, "call.answered", "1", queue=QUEUE, agent="a-1", data={"wait_seconds": 5})


@pytest.mark.parametrize(
    ("later", "detail"),
    [
        (version(2, "call.answered", "2", queue=OTHER, agent="a-1"), "answered sales a-1 / answered care a-1"),
        (version(2, "call.answered", "2", queue=QUEUE, agent="a-2"), "answered sales a-1 / answered sales a-2"),
        (version(2, "call.abandoned", "2", queue=QUEUE), "answered sales a-1 / unanswered sales"),
        (
            version(2, "call.answered", "2", queue=QUEUE, agent="a-1", data={"wait_seconds": 6.5}),
            "answered sales a-1 wait 5 s / answered sales a-1 wait 6.5 s",
        ),
    ],
)
def test_what_cannot_both_be_true_contradicts(later, detail):
    assert details(ANSWERED, later) == [("record", "r", detail)]


@pytest.mark.parametrize(
    "later",
    [
        [version(2, "call.answered", "2", queue=QUEUE, agent="a-1", data={"wait_seconds": 5.9})],
        [version(2, "call.answered", "2", queue=QUEUE)],
        [version(2, "call.ended", "2", data={"talk_seconds": 60})],
        [
            version(2, "call.answered", "2", queue=QUEUE, agent="a-1"),
            version(2, "call.transferred", "3", agent="a-1"),
            version(2, "call.answered", "4", queue=OTHER, agent="a-2", data={"wait_seconds": 60}),
        ],
        [version(1, "call.answered", "2", queue=QUEUE, agent="a-2")],
        [version(2, "call.answered", "2", "another", queue=OTHER, agent="a-2")],
    ],
    ids=["within a second", "less said", "something else", "more said", "one version", "another queue"],
)
def test_what_says_more_or_of_something_else_does_not(later):
    assert details(ANSWERED, *later) == []


def test_how_a_caller_was_given_up_is_seen_differently_by_feeds():
    left = version(2, "call.queue_left", "2", queue=QUEUE, data={"reason": "timeout"})
    assert details(version(1, "call.abandoned", "1", queue=QUEUE), left) == []


def test_records_of_two_feeds_contradict_each_other_in_what_they_say_of_a_queue():
    other = version(2, "call.answered", "2", "answered a-2", queue=QUEUE, agent="a-2")
    detail = "answered sales a-1 / answered sales a-2"
    assert details(ANSWERED, other) == [("queue", QUEUE, detail)]


def test_talk_with_its_holds_is_not_measured_against_talk_without():
    gross = version(1, "call.ended", "1", data={"talk_seconds": 90, "talk_includes_hold": True})
    net = version(2, "call.ended", "2", data={"talk_seconds": 60})
    assert details(gross, net) == []


def test_what_counts_is_the_measure_of_all_others():
    versions = [version(n, "call.answered", str(n), queue=QUEUE, agent=f"a-{n % 2}") for n in (1, 2, 3)]
    assert details(*versions) == [("record", "r", "answered sales a-0 / answered sales a-1")]
