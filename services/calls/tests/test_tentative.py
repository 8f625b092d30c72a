"""What a source says for want of better holds unless the rest of the call tells otherwise (ADR 0037)."""

import pytest

from services.calls.tests.stories import fact, told

TENTATIVE = {"tentative": True}


def queued(seconds, queue="sales"):
    return fact("call.queued", seconds, queue=queue)


def over(seconds, queue="sales"):
    return fact("call.queue_left", seconds, queue=queue, data={"reason": "key", **TENTATIVE})


def gave_up(seconds, queue="sales"):
    return fact("call.abandoned", seconds, queue=queue, data={"wait_seconds": seconds, **TENTATIVE})


def ends(*facts):
    return [(visit.outcome, visit.reason, visit.wait_ms) for visit in told(*facts).visits]


def test_an_end_of_which_nothing_else_tells_is_one():
    assert ends(queued(0), over(30)) == [("overflowed", "key", 30_000)]


@pytest.mark.parametrize("leave", [29, 30, 31])
@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (fact("call.answered", 30, queue="sales", agent="a-1042"), ("answered", None, 30_000)),
        (fact("call.abandoned", 30, queue="sales"), ("abandoned", None, 30_000)),
        (fact("call.queue_left", 30, queue="sales", data={"reason": "timeout"}), ("overflowed", "timeout", 30_000)),
    ],
)
def test_whatever_else_ends_the_visit_ends_it(leave, end, expected):
    assert ends(queued(0), over(leave), end) == [expected]


def test_each_visit_to_a_queue_has_the_end_that_is_told_of_it():
    facts = [
        queued(0), over(10),
        queued(11), over(20), fact("call.answered", 21, queue="sales", agent="a-1042"),
        queued(60), over(70),
        queued(71), gave_up(80), over(80.5),
    ]  # fmt: skip
    assert [outcome for outcome, *_ in ends(*facts)] == ["overflowed", "answered", "overflowed", "abandoned"]


def test_an_end_without_a_visit_is_none():
    assert ends(over(10)) == []
    assert ends(queued(0, "care"), over(10)) == [("in_progress", None, None)]


def test_a_caller_who_gave_up_and_is_heard_of_no_more_has_hung_up():
    assert ends(queued(0), gave_up(40)) == [("abandoned", None, 40_000)]


@pytest.mark.parametrize("later", [queued(41, "care"), queued(41), fact("call.answered", 50, agent="a-1042")])
def test_a_caller_who_is_heard_of_again_was_sent_on(later):
    assert ends(queued(0), gave_up(40), later)[0] == ("overflowed", "overflow", 40_000)


def test_an_abandon_that_is_certain_stays_one_whatever_follows():
    assert ends(queued(0), fact("call.abandoned", 40, queue="sales"), queued(41))[0] == ("abandoned", None, 40_000)


def test_the_end_of_a_call_may_come_before_the_exits_of_a_queue_visited_twice():
    """The line is told of in whole seconds, the queue in finer ones."""
    facts = [queued(0), fact("call.queue_left", 9.3, queue="sales", data={"reason": "timeout"}), queued(9.6)]
    facts += [fact("call.ended", 9), fact("call.abandoned", 9.9, queue="sales")]
    assert [outcome for outcome, *_ in ends(*facts)] == ["overflowed", "abandoned"]
