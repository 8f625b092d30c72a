"""FIELD 4.1, "How facts become visits and legs": the lines on legs, rings and the end of a call."""

import pytest

from services.calls.tests.stories import at, fact, opened_by, told

QUEUED = fact("call.queued", 0, queue="sales")


def answered(seconds=10, agent="a-1042", **more):
    return fact("call.answered", seconds, agent=agent, **more)


def ended(seconds=100, **data):
    return fact("call.ended", seconds, data=data)


def test_an_answer_opens_a_leg_of_the_agent():
    answer = answered(data={"ring_seconds": 6})
    (leg,) = told(QUEUED, answer).legs
    assert (leg.id, leg.number, leg.agent, leg.queue, leg.answered_at) == (
        opened_by(answer),
        1,
        "a-1042",
        "sales",
        at(10),
    )
    assert (leg.ended_at, leg.talk_ms, leg.ring_ms) == (None, None, 6_000)
    assert not leg.handled
    assert not leg.pending


def test_the_end_of_the_call_ends_the_leg_with_the_talk_it_states():
    call = told(QUEUED, answered(), ended(by="agent", talk_seconds=80.5, hold_seconds=4))
    (leg,) = call.legs
    assert (leg.ended_at, leg.talk_ms, leg.hold_ms, leg.handled) == (at(100), 80_500, 4_000, True)
    assert (call.state, call.outcome, call.ended_at) == ("ended", "answered", at(100))


def test_talk_is_else_the_difference_of_instants_net_of_hold():
    held = (fact("call.held", 20), fact("call.resumed", 35))
    (leg,) = told(answered(), *held, ended()).legs
    assert (leg.talk_ms, leg.hold_ms) == (75_000, 15_000)


def test_a_hold_longer_than_the_call_leaves_no_talk_and_a_note():
    call = told(answered(), ended(hold_seconds=200))
    assert (call.legs[0].talk_ms, call.notes) == (0, ("negative_talk",))


def test_the_end_of_the_call_ends_every_leg_and_states_the_talk_of_the_named_agent():
    legs = (answered(10, "a-1042"), answered(50, "a-1043"))
    call = told(*legs, fact("call.ended", 100, agent="a-1042", data={"talk_seconds": 42}))
    assert [(leg.agent, leg.talk_ms) for leg in call.legs] == [("a-1042", 42_000), ("a-1043", 50_000)]


def test_an_end_that_states_wait_and_talk_without_an_answer_implies_the_answer():
    end = ended(by="caller", wait_seconds=20, talk_seconds=70, hold_seconds=5)
    call = told(QUEUED, end)
    (visit,), (leg,) = call.visits, call.legs
    assert (visit.outcome, visit.wait_ms, visit.ended_at, visit.inferred) == ("answered", 20_000, at(25), True)
    assert (leg.id, leg.answered_at, leg.talk_ms, leg.handled) == (opened_by(end), at(25), 70_000, True)


def test_an_end_that_states_wait_and_talk_without_any_entry_implies_entry_and_answer():
    call = told(fact("call.ended", 100, queue="sales", agent="a-1042", data={"wait_seconds": 20, "talk_seconds": 70}))
    (visit,), (leg,) = call.visits, call.legs
    assert (visit.entered_at, visit.outcome, visit.agent, visit.inferred) == (at(10), "answered", "a-1042", True)
    assert (leg.answered_at, leg.ended_at, leg.visit_id) == (at(30), at(100), visit.id)


def test_an_end_that_names_no_queue_implies_a_leg_only():
    call = told(ended(wait_seconds=20, talk_seconds=70))
    assert (call.visits, len(call.legs)) == ((), 1)


def test_an_end_after_an_abandon_implies_nothing():
    call = told(QUEUED, fact("call.abandoned", 30, queue="sales"), ended(wait_seconds=30, talk_seconds=0, by="caller"))
    assert ([v.outcome for v in call.visits], call.legs) == (["abandoned"], ())


def test_an_end_after_a_leg_that_has_ended_implies_nothing():
    call = told(answered(), fact("call.leg_ended", 90, agent="a-1042"), ended(wait_seconds=10, talk_seconds=80))
    assert (len(call.legs), call.legs[0].ended_at, call.ended_at) == (1, at(90), at(100))


def test_an_end_in_another_queue_than_the_first_answer_implies_its_own():
    first = (QUEUED, answered(queue="sales"), fact("call.transferred", 40, agent="a-1042"))
    end = fact("call.ended", 100, queue="care", agent="a-1043", data={"wait_seconds": 5, "talk_seconds": 30})
    call = told(*first, end)
    assert [(v.queue, v.outcome, v.inferred) for v in call.visits] == [
        ("sales", "answered", False),
        ("care", "answered", True),
    ]
    assert [leg.agent for leg in call.legs] == ["a-1042", "a-1043"]


def test_the_one_answer_comes_before_the_one_end_whatever_their_stamps():
    call = told(ended(9, talk_seconds=5), answered(10))
    assert [(leg.talk_ms, leg.ended_at) for leg in call.legs] == [(5_000, at(10))]
    assert call.state == "ended"


def test_talk_between_an_answer_and_an_earlier_end_is_nothing_and_noted():
    call = told(ended(9), answered(10))
    assert (call.legs[0].talk_ms, call.notes) == (0, ("negative_talk",))


def test_leg_ended_ends_the_latest_leg_of_the_named_agent():
    legs = (answered(10, "a-1042"), answered(20, "a-1043"))
    call = told(*legs, fact("call.leg_ended", 60, agent="a-1042", data={"talk_seconds": 49}))
    assert [(leg.ended_at, leg.talk_ms) for leg in call.legs] == [(at(60), 49_000), (None, None)]
    assert call.state == "talking"


def test_leg_ended_of_an_agent_who_had_no_leg_is_noted():
    call = told(answered(), fact("call.leg_ended", 60, agent="a-1043"))
    assert (call.legs[0].ended_at, call.notes) == (None, ("end_without_leg",))
    assert told(fact("call.leg_ended", 60, agent="a-1043")).notes == ("end_without_leg",)


def test_leg_ended_states_what_the_end_before_it_did_not():
    told_later = fact("call.leg_ended", 100.2, agent="a-1042", data={"talk_seconds": 85, "hold_seconds": 3})
    (leg,) = told(answered(), ended(), told_later).legs
    assert (leg.ended_at, leg.talk_ms, leg.hold_ms) == (at(100), 85_000, 3_000)


def test_hold_and_wrap_up_belong_to_the_latest_leg_of_the_named_agent():
    legs = (answered(10, "a-1042"), answered(20, "a-1043"))
    hold = (fact("call.held", 30, agent="a-1042"), fact("call.resumed", 40, agent="a-1042"))
    wrapup = (fact("call.wrapup_ended", 110, agent="a-1042", data={"wrapup_seconds": 9}),)
    call = told(*legs, *hold, ended(), *wrapup)
    assert [(leg.hold_ms, leg.wrapup, leg.wrapup_ms) for leg in call.legs] == [
        (10_000, "closed", 9_000),
        (0, "none", 0),
    ]


def test_hold_and_wrap_up_of_an_unknown_agent_belong_to_the_latest_leg():
    legs = (answered(10, "a-1042"), answered(20, "a-1043"))
    hold = (fact("call.held", 30, agent="a-9"), fact("call.resumed", 40))
    call = told(*legs, *hold, ended(), fact("call.wrapup_started", 100, agent="a-9"))
    assert [(leg.hold_ms, leg.wrapup) for leg in call.legs] == [(0, "none"), (10_000, "open")]


def test_hold_and_wrap_up_before_any_leg_change_nothing():
    kinds = ["call.held", "call.resumed", "call.wrapup_started", "call.wrapup_ended", "call.transferred"]
    assert told(*(fact(kind, 5, agent="a-1042") for kind in kinds)).legs == ()


def test_a_hold_that_still_runs_ends_with_the_leg():
    holds = [fact("call.held", 90), fact("call.held", 95), fact("call.resumed", 120), fact("call.held", 130)]
    (leg,) = told(answered(), *holds, ended()).legs
    assert (leg.hold_ms, leg.talk_ms) == (10_000, 80_000)


def test_a_leg_whose_wrap_up_is_open_is_pending():
    call = told(answered(), ended(), fact("call.wrapup_started", 100, agent="a-1042"))
    (leg,) = call.legs
    assert (leg.wrapup, leg.pending, leg.handled) == ("open", True, False)
    assert (call.state, call.ended_at) == ("wrapping", at(100))


def test_wrap_up_is_as_stated_else_from_its_beginning_else_from_the_end_of_the_leg():
    begun, finished = fact("call.wrapup_started", 102, agent="a-1042"), fact("call.wrapup_ended", 130, agent="a-1042")
    stated = fact("call.wrapup_ended", 130, agent="a-1042", data={"wrapup_seconds": 25})
    assert told(answered(), ended(), begun, stated).legs[0].wrapup_ms == 25_000
    assert told(answered(), ended(), begun, finished).legs[0].wrapup_ms == 28_000
    assert told(answered(), ended(), finished).legs[0].wrapup_ms == 30_000
    assert told(answered(), finished).legs[0].wrapup_ms == 0


def test_wrap_ups_add_up_and_the_state_is_ended_after_them():
    times = [
        ("call.wrapup_started", 100),
        ("call.wrapup_ended", 110),
        ("call.wrapup_started", 120),
        ("call.wrapup_ended", 125),
    ]
    call = told(answered(), ended(), *(fact(kind, seconds, agent="a-1042") for kind, seconds in times))
    assert (call.legs[0].wrapup, call.legs[0].wrapup_ms, call.state) == ("closed", 15_000, "ended")


def test_a_wrap_up_that_ends_before_it_begins_is_nothing_and_noted():
    skewed = [fact("call.wrapup_ended", 101, agent="a-1042"), fact("call.wrapup_started", 102, agent="a-1042")]
    call = told(answered(), ended(), *skewed)
    assert (call.legs[0].wrapup, call.legs[0].wrapup_ms, call.notes) == ("closed", 0, ("negative_wrapup",))


@pytest.mark.parametrize(("kind", "shown"), [("blind", "blind"), ("attended", "attended"), (None, "unstated")])
def test_a_transfer_ends_the_leg(kind, shown):
    given = fact("call.transferred", 50, agent="a-1042", data={"kind": kind, "talk_seconds": 38, "hold_seconds": 2})
    (leg,) = told(QUEUED, answered(), given).legs
    assert (leg.ended_at, leg.talk_ms, leg.hold_ms, leg.transferred) == (at(50), 38_000, 2_000, shown)
    assert leg.handled


def test_after_a_transfer_the_next_leg_is_the_targets():
    call = told(answered(10), fact("call.transferred", 50, agent="a-1042"), answered(55, "a-1043"))
    assert [(leg.agent, leg.ended_at) for leg in call.legs] == [("a-1042", at(50)), ("a-1043", None)]
    assert (call.state, call.ended_at) == ("talking", None)


def test_after_a_transfer_the_next_visit_is_the_targets():
    call = told(answered(10), fact("call.transferred", 50), fact("call.queued", 51, queue="care"))
    assert ([v.queue for v in call.visits], call.state) == (["care"], "waiting")


def test_a_transfer_with_nothing_after_it_is_the_end_of_the_call():
    call = told(
        answered(10), fact("call.transferred", 50, agent="a-1042"), fact("call.wrapup_ended", 60, agent="a-1042")
    )
    assert (call.state, call.ended_at) == ("ended", at(50))


def test_a_transfer_that_names_nobody_ends_the_leg_that_ran_before_it():
    call = told(answered(10), fact("call.transferred", 50), answered(50, "a-1043"))
    assert [(leg.agent, leg.ended_at) for leg in call.legs] == [("a-1042", at(50)), ("a-1043", None)]
    assert told(answered(50), fact("call.transferred", 50)).legs[0].ended_at == at(50)


def test_a_transfer_told_after_the_end_of_the_leg_marks_it():
    call = told(
        answered(), fact("call.leg_ended", 49, agent="a-1042"), fact("call.transferred", 50, data={"kind": "blind"})
    )
    assert [(leg.ended_at, leg.transferred) for leg in call.legs] == [(at(49), "blind")]


def test_a_leg_that_ended_leaves_the_call_to_go_on():
    assert told(answered(), fact("call.leg_ended", 60, agent="a-1042")).state == "started"


def test_a_ring_without_answer_is_one_attempt_missed_on_the_visit_open_then():
    call = told(QUEUED, fact("call.ring_no_answer", 12, agent="a-1042", data={"ring_seconds": 10}))
    (ring,) = call.rings
    assert (ring.agent, ring.at, ring.result, ring.ring_ms) == ("a-1042", at(12), "missed", 10_000)
    assert ring.visit_id == call.visits[0].id


def test_a_cancelled_ring_is_not_missed():
    cancelled = fact("call.ring_no_answer", 12, agent="a-1042", data={"cancelled": True})
    assert [(ring.result, ring.visit_id) for ring in told(cancelled).rings] == [("cancelled", None)]


def test_ringing_and_what_comes_of_it_are_one_attempt():
    facts = [
        fact("call.ringing", 2, agent="a-1042"),
        fact("call.ringing", 2, agent="a-1043"),
        fact("call.ringing", 2, agent="a-1044"),
        fact("call.ring_no_answer", 12, agent="a-1042"),
        answered(15, "a-1043"),
    ]
    call = told(QUEUED, *facts)
    assert [(ring.agent, ring.result, ring.ring_ms) for ring in call.rings] == [
        ("a-1042", "missed", 10_000),
        ("a-1043", "answered", 13_000),
        ("a-1044", "cancelled", 13_000),  # somebody else was quicker
    ]
    assert call.legs[0].ring_ms == 13_000


def test_a_ring_is_not_missed_where_the_caller_gives_up_and_is_open_while_they_wait():
    ringing = fact("call.ringing", 2, agent="a-1042")
    assert [ring.result for ring in told(QUEUED, ringing).rings] == ["ringing"]
    (ring,) = told(QUEUED, ringing, fact("call.abandoned", 9, queue="sales")).rings
    assert (ring.result, ring.ring_ms) == ("cancelled", 7_000)


def test_a_ring_for_a_second_agent_during_a_call_is_not_ended_by_its_answer():
    call = told(QUEUED, answered(), fact("call.ringing", 30, agent="a-1043"))
    assert [ring.result for ring in call.rings] == ["ringing"]


def test_the_reaper_ends_a_leg_at_the_last_fact_and_leaves_it_out_of_handle_time():
    call = told(QUEUED, answered(), fact("call.held", 40), closed=3)
    (leg,) = call.legs
    assert (leg.ended_at, leg.inferred, leg.handled, leg.pending) == (at(40), True, False, False)
    assert (call.state, call.ended_at) == ("ended", at(40))


def test_the_reaper_ends_a_wrap_up_too():
    call = told(answered(), ended(), fact("call.wrapup_started", 104, agent="a-1042"), closed=3)
    (leg,) = call.legs
    assert (leg.wrapup, leg.inferred, leg.handled, call.state) == ("closed", True, False, "ended")
    assert (leg.ended_at, call.ended_at) == (at(100), at(100))


def test_the_reaper_leaves_what_has_ended_alone():
    assert told(answered(), ended(), closed=2) == told(answered(), ended())


def test_talk_that_includes_holds_is_net_of_those_that_are_told():
    answered = fact("call.answered", 0, agent="a-1")
    held, resumed = fact("call.held", 10, agent="a-1"), fact("call.resumed", 40, agent="a-1")
    gross = fact("call.leg_ended", 101, agent="a-1", data={"talk_seconds": 100, "talk_includes_hold": True})
    (leg,) = told(answered, held, resumed, gross).legs
    assert (leg.talk_ms, leg.hold_ms) == (70_000, 30_000)
    (leg,) = told(answered, gross).legs
    assert (leg.talk_ms, leg.hold_ms) == (100_000, 0)
    short = fact("call.leg_ended", 101, agent="a-1", data={"talk_seconds": 20, "talk_includes_hold": True})
    (leg,) = told(answered, held, resumed, short).legs
    assert leg.talk_ms == 0
