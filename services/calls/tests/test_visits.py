"""FIELD 4.1, "How facts become visits and legs": the lines on visits, one test or more for each."""

import pytest

from services.calls.domain.reaper import CallClosedByInference
from services.calls.tests.stories import at, fact, opened_by, told

TURNED_AWAY = ["full", "closed", "no_agents", "overflow"]


def queued(seconds=0, queue="sales", **more):
    return fact("call.queued", seconds, queue=queue, **more)


def test_queued_opens_a_visit_to_that_queue():
    entry = queued(3)
    (visit,) = told(entry).visits
    assert (visit.id, visit.number, visit.queue, visit.entered_at) == (opened_by(entry), 1, "sales", at(3))
    assert (visit.outcome, visit.wait_ms, visit.ended_at, visit.inferred) == ("in_progress", None, None, False)


def test_each_entry_is_a_visit_of_its_own():
    call = told(
        queued(0), fact("call.queue_left", 60, queue="sales", data={"reason": "timeout"}), queued(60, "overflow")
    )
    assert [(v.number, v.queue, v.outcome) for v in call.visits] == [
        (1, "sales", "overflowed"),
        (2, "overflow", "in_progress"),
    ]
    assert (call.state, call.outcome) == ("waiting", "in_progress")


def test_an_exit_belongs_to_the_latest_visit_still_open_to_its_queue():
    call = told(queued(0), queued(5), queued(7, "care"), fact("call.abandoned", 9, queue="sales"))
    assert [v.outcome for v in call.visits] == ["in_progress", "abandoned", "in_progress"]
    assert call.visits[1].wait_ms == 4_000


def test_an_answer_that_names_no_queue_belongs_to_the_latest_visit_open_to_any():
    call = told(queued(0), queued(5, "care"), fact("call.answered", 9, agent="a-1042"))
    assert [v.outcome for v in call.visits] == ["in_progress", "answered"]
    assert call.visits[1].agent == "a-1042"
    assert (call.legs[0].visit_id, call.legs[0].queue) == (call.visits[1].id, "care")


def test_who_waited_did_not_enter_at_the_instant_of_the_exit():
    """A caller who goes round in a queue, under a clock of whole seconds."""
    left = fact("call.queue_left", 60, queue="sales", data={"reason": "timeout", "wait_seconds": 60})
    call = told(queued(0), left, queued(60))
    assert [(v.entered_at, v.outcome) for v in call.visits] == [(at(0), "overflowed"), (at(60), "in_progress")]


@pytest.mark.parametrize(
    ("exit_", "outcome"),
    [
        (fact("call.answered", 30, queue="sales", data={"wait_seconds": 12.5}), "answered"),
        (fact("call.abandoned", 30, queue="sales", data={"wait_seconds": 12.5}), "abandoned"),
        (fact("call.queue_left", 30, queue="sales", data={"reason": "key", "wait_seconds": 12.5}), "overflowed"),
    ],
)
def test_an_exit_without_entry_implies_one_earlier_by_the_stated_wait(exit_, outcome):
    (visit,) = told(exit_).visits
    assert (visit.id, visit.outcome, visit.inferred) == (opened_by(exit_), outcome, True)
    assert (visit.entered_at, visit.ended_at, visit.wait_ms) == (at(17.5), at(30), 12_500)


def test_an_exit_of_another_queue_leaves_the_open_visit_alone():
    call = told(queued(0), fact("call.answered", 9, queue="care", agent="a-1042"))
    assert [(v.queue, v.outcome, v.inferred) for v in call.visits] == [
        ("sales", "in_progress", False),
        ("care", "answered", True),
    ]
    assert call.state == "talking"


@pytest.mark.parametrize(
    ("exit_", "outcome"),
    [
        (fact("call.answered", 9, queue="sales", agent="a-1042"), "answered"),
        (fact("call.abandoned", 9, queue="sales"), "abandoned"),
        (fact("call.queue_left", 9, queue="sales", data={"reason": "timeout"}), "overflowed"),
    ],
)
def test_where_a_call_visits_a_queue_once_entry_and_exit_belong_together_whatever_their_stamps(exit_, outcome):
    entry = queued(10)
    call = told(entry, exit_, fact("call.noted", 11))
    (visit,) = call.visits
    assert (visit.id, visit.entered_at, visit.outcome, visit.inferred) == (opened_by(entry), at(10), outcome, False)
    assert (visit.wait_ms, call.notes) == (0, ("negative_wait",))
    assert visit.ended_at == at(10)


def test_an_entry_that_comes_after_an_exit_takes_the_wait_that_the_exit_states():
    call = told(queued(10), fact("call.abandoned", 9, queue="sales", data={"wait_seconds": 20}))
    assert (call.visits[0].wait_ms, call.notes) == (20_000, ())


def test_an_exit_belongs_to_its_entry_even_if_the_call_ends_before_it():
    ended = fact("call.ended", 29, data={"by": "system"})
    call = told(queued(0), ended, fact("call.abandoned", 30, queue="sales", data={"wait_seconds": 30}))
    assert [(v.outcome, v.wait_ms) for v in call.visits] == [("abandoned", 30_000)]


def test_of_two_visits_to_a_queue_stamps_decide():
    call = told(fact("call.abandoned", 5, queue="sales"), queued(10), fact("call.answered", 12, queue="sales"))
    assert [(v.outcome, v.inferred) for v in call.visits] == [("abandoned", True), ("answered", False)]


def test_an_answer_without_queue_or_visit_is_a_leg_only():
    call = told(fact("call.answered", 4, agent="a-1042", direction="outbound"))
    assert call.visits == ()
    assert (call.legs[0].agent, call.legs[0].visit_id, call.legs[0].queue) == ("a-1042", None, None)
    assert (call.outcome, call.direction) == ("answered", "outbound")


def test_a_call_that_reaches_neither_queue_nor_agent_was_not_offered():
    call = told(fact("call.started", 0), fact("call.ended", 8, data={"by": "caller"}))
    assert (call.outcome, call.state, call.ended_at) == ("not_offered", "ended", at(8))


def test_the_wait_is_as_stated_by_the_fact_that_ends_it():
    call = told(queued(0), fact("call.answered", 12, queue="sales", data={"wait_seconds": 11.5}))
    assert call.visits[0].wait_ms == 11_500


def test_the_wait_is_else_the_difference_of_instants():
    assert told(queued(0), fact("call.answered", 12.3456, queue="sales")).visits[0].wait_ms == 12_345


@pytest.mark.parametrize("reason", TURNED_AWAY)
def test_who_is_turned_away_before_entering_has_a_visit_with_no_wait(reason):
    away = fact("call.queue_left", 7, queue="sales", data={"reason": reason})
    (visit,) = told(away).visits
    assert (visit.id, visit.outcome, visit.reason, visit.turned_away) == (opened_by(away), "overflowed", reason, True)
    assert (visit.entered_at, visit.ended_at, visit.wait_ms, visit.inferred) == (at(7), at(7), 0, False)


def test_who_is_turned_away_and_comes_back_has_two_visits():
    call = told(fact("call.queue_left", 0, queue="sales", data={"reason": "full"}), queued(30))
    assert [(v.outcome, v.turned_away) for v in call.visits] == [("overflowed", True), ("in_progress", False)]


@pytest.mark.parametrize("reason", TURNED_AWAY)
def test_who_waited_was_not_turned_away(reason):
    call = told(queued(0), fact("call.queue_left", 7, queue="sales", data={"reason": reason}))
    assert [(v.turned_away, v.reason, v.wait_ms) for v in call.visits] == [(False, reason, 7_000)]


def test_after_leaving_a_queue_the_call_goes_on():
    call = told(queued(0), fact("call.queue_left", 7, queue="sales", data={"reason": "key", "key": "1"}))
    assert (call.state, call.outcome, call.ended_at) == ("started", "overflowed", None)


def test_an_abandoned_call_is_ended():
    call = told(queued(0), fact("call.abandoned", 7, queue="sales"))
    assert (call.state, call.outcome, call.ended_at) == ("ended", "abandoned", at(7))


def test_a_call_that_ends_by_its_caller_while_waiting_is_abandoned():
    call = told(queued(0), fact("call.ended", 25, data={"by": "caller"}))
    (visit,) = call.visits
    assert (visit.outcome, visit.reason, visit.wait_ms, visit.inferred) == ("abandoned", None, 25_000, False)


@pytest.mark.parametrize("by", ["agent", "system", None])
def test_a_call_that_ends_otherwise_while_waiting_has_left(by):
    call = told(queued(0), fact("call.ended", 25, data={"by": by, "wait_seconds": 24}))
    assert [(v.outcome, v.reason, v.wait_ms) for v in call.visits] == [("overflowed", "withdrawn", 24_000)]


def test_the_wait_that_an_end_states_is_that_of_the_latest_visit():
    call = told(queued(0), queued(10, "care"), fact("call.ended", 25, data={"by": "caller", "wait_seconds": 14}))
    assert [v.wait_ms for v in call.visits] == [25_000, 14_000]


@pytest.mark.parametrize("gone", [19, 20, 21])
def test_who_is_transferred_while_waiting_has_left_the_queue_whenever_the_line_is_told_to_be_free(gone):
    ended = fact("call.ended", gone, data={"by": "caller"})
    (visit,) = told(queued(0), fact("call.transferred", 20), ended).visits
    assert (visit.outcome, visit.reason, visit.wait_ms) == ("overflowed", "overflow", 20_000)


def test_a_transfer_ends_no_wait_that_another_fact_ends_nor_one_that_begins_with_it():
    back = fact("call.queue_left", 22, queue="sales", data={"reason": "callback"})
    assert [visit.reason for visit in told(queued(0), fact("call.transferred", 20), back).visits] == ["callback"]
    assert [visit.outcome for visit in told(fact("call.transferred", 20), queued(20)).visits] == ["in_progress"]


def test_who_waits_again_while_an_agent_talks_has_left_when_the_call_ends():
    answer = fact("call.answered", 5, queue="sales", agent="a-1042")
    call = told(queued(0), answer, queued(50, "care"), fact("call.ended", 60, data={"by": "caller", "wait_seconds": 5}))
    assert [(v.outcome, v.wait_ms) for v in call.visits] == [("answered", 5_000), ("abandoned", 10_000)]
    assert call.legs[0].ended_at == at(60)


def test_a_caller_who_goes_on_to_a_queue_as_the_agent_hangs_up_waits_there():
    answer = fact("call.answered", 5, queue="sales", agent="a-1042")
    call = told(queued(0), answer, fact("call.ended", 60, data={"by": "agent"}), queued(60, "survey"))
    assert [(v.queue, v.outcome) for v in call.visits] == [("sales", "answered"), ("survey", "in_progress")]
    assert (call.legs[0].ended_at, call.state) == (at(60), "waiting")


def test_a_restart_of_the_source_ends_the_visits_open_at_that_instant():
    call = told(queued(0), fact("call.ringing", 2, agent="a-1042"), restarts=(at(-5), at(40), at(90)))
    (visit,) = call.visits
    assert (visit.outcome, visit.reason, visit.inferred) == ("overflowed", "restart", True)
    assert (visit.ended_at, visit.wait_ms) == (at(40), 40_000)
    assert (call.state, call.ended_at) == ("ended", at(40))


def test_a_caller_lost_in_a_restart_after_the_agent_hung_up_is_gone_since_the_restart():
    facts = (queued(0), fact("call.answered", 5, queue="sales"), fact("call.transferred", 9), queued(10, "care"))
    call = told(*facts, fact("call.abandoned", 12, queue="survey"), restarts=(at(40),))
    assert (call.state, call.ended_at) == ("ended", at(40))


def test_a_restart_before_the_entry_does_not_touch_it():
    assert told(queued(10), restarts=(at(9.9),)).visits[0].outcome == "in_progress"


def test_a_restart_at_the_instant_of_the_entry_ends_it():
    assert told(queued(10), restarts=(at(10),)).visits[0].wait_ms == 0


def test_a_restart_does_not_touch_a_visit_that_a_fact_ends():
    call = told(queued(0), fact("call.answered", 50, queue="sales", agent="a-1042"), restarts=(at(40),))
    assert (call.visits[0].outcome, call.visits[0].wait_ms, call.state) == ("answered", 50_000, "talking")


def test_the_reaper_takes_a_waiting_call_as_left_and_stale():
    closed = CallClosedByInference(known_facts=2)
    call = told(queued(0), fact("call.ring_no_answer", 20, agent="a-1042"), closed=closed.known_facts)
    (visit,) = call.visits
    assert (visit.outcome, visit.reason, visit.inferred, visit.wait_ms) == ("overflowed", closed.reason, True, 20_000)
    assert (call.state, call.ended_at) == ("ended", at(20))


def test_a_call_that_goes_nowhere_is_ended_by_the_reaper_at_its_last_fact():
    call = told(fact("call.started", 0), closed=1)
    assert (call.state, call.ended_at, call.outcome) == ("ended", at(0), "not_offered")


@pytest.mark.parametrize("seconds", [-1, 10, 30])
def test_any_fact_that_comes_after_the_reaper_undoes_it_whatever_its_stamp(seconds):
    call = told(queued(0), fact("call.ring_no_answer", 20, agent="a-1042"), fact("call.noted", seconds), closed=2)
    assert (call.visits[0].outcome, call.state) == ("in_progress", "waiting")


def test_a_restart_comes_before_the_reaper():
    assert told(queued(0), restarts=(at(40),), closed=1).visits[0].reason == "restart"
