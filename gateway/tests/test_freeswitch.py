"""FreeSWITCH's events and detail records tell one call, together and each alone."""

import pytest

from gateway.tests.stories import T, calls, legs, said, visits

MEMBER = {"CC-Queue": "q-sales", "CC-Member-UUID": "m-01", "CC-Member-Session-UUID": "u-01"}
AGENT = {"CC-Agent": "a-1042", "CC-Agent-Called-Time": str(T + 9)}
JOINED = {"CC-Member-Joined-Time": str(T)}


def event(action, sequence, at, **headers):
    return {
        "Event-Subclass": "callcenter::info", "Core-UUID": "c-01", "Event-Sequence": str(sequence), "CC-Action": action,
        "Event-Date-Timestamp": str(round(at * 1_000_000)), **MEMBER,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }  # fmt: skip


ANSWERED = [
    event("member-queue-start", 1, T),
    event("agent-offering", 2, T + 9, **AGENT),
    event("bridge-agent-start", 3, T + 15, **AGENT, **JOINED, CC_Agent_Answered_Time=str(T + 15)),
    event("bridge-agent-end", 4, T + 110, **AGENT, CC_Bridge_Terminated_Time=str(T + 110)),
    event("member-queue-end", 5, T + 110, **JOINED, CC_Cause="Terminated", CC_Member_Leaving_Time=str(T + 110)),
]
RECORD = {
    "core-uuid": "c-01",
    "variables": {
        "uuid": "u-01", "cc_side": "member", "cc_queue": "q-sales", "cc_agent": "a-1042", "cc_cause": "answered",
        "start_epoch": str(T), "cc_queue_joined_epoch": str(T), "cc_queue_answered_epoch": str(T + 15),
        "end_epoch": str(T + 110), "hold_accum_seconds": "12",
    },
}  # fmt: skip


def test_a_member_who_broke_out_abandoned_after_forty_seconds():
    gone = {
        "CC-Action": "member-queue-end", "CC-Queue": "q-sales", "CC-Member-UUID": "m-01", "CC-Cause": "Cancel",
        "CC-Cancel-Reason": "BREAK_OUT", "CC-Member-Joined-Time": str(T), "CC-Member-Leaving-Time": str(T + 40),
    }  # fmt: skip
    assert visits(calls(said("freeswitch_events", gone))["m-01"]) == [("q-sales", "abandoned", None, 40)]


def test_a_detail_record_tells_wait_talk_and_hold():
    call = calls(said("freeswitch_cdr", RECORD))["u-01"]
    assert (visits(call), legs(call)) == ([("q-sales", "answered", None, 15)], [("a-1042", 83, 12, 0)])


def test_a_channel_that_nobody_but_the_queue_answered_is_no_answered_call():
    variables = {**RECORD["variables"], "cc_cause": "cancel", "cc_cancel_reason": "BREAK_OUT", "billsec": "110",
                 "cc_queue_answered_epoch": "0", "cc_queue_canceled_epoch": str(T + 110)}  # fmt: skip
    call = calls(said("freeswitch_cdr", {**RECORD, "variables": variables}))["u-01"]
    assert (visits(call), legs(call)) == ([("q-sales", "abandoned", None, 110)], [])


def test_events_and_detail_record_are_one_call_with_one_visit():
    events, both = said("freeswitch_events", *ANSWERED), said("freeswitch_cdr", RECORD)
    call = calls(events + both)["u-01"]
    assert (visits(call), legs(call)) == ([("q-sales", "answered", None, 15)], [("a-1042", 83, 12, 0)])
    assert [ring.result for ring in call.rings] == ["answered"]
    assert legs(calls(events)["u-01"]) == [("a-1042", 95, 0, 0)]


@pytest.mark.parametrize("lost", range(len(ANSWERED)))
def test_the_detail_record_fills_in_for_an_event_that_was_lost(lost):
    events = said("freeswitch_events", *(each for number, each in enumerate(ANSWERED) if number != lost))
    call = calls(events + said("freeswitch_cdr", RECORD))["u-01"]
    assert (visits(call), legs(call)) == ([("q-sales", "answered", None, 15)], [("a-1042", 83, 12, 0)])


def test_an_earlier_queue_that_only_events_know_stays():
    first = [
        event("member-queue-start", 11, T - 60, CC_Queue="q-first"),
        event("member-queue-end", 12, T - 1, CC_Queue="q-first", CC_Cause="Cancel", CC_Cancel_Reason="TIMEOUT",
              CC_Member_Joined_Time=str(T - 60), CC_Member_Leaving_Time=str(T - 1)),
    ]  # fmt: skip
    call = calls(said("freeswitch_events", *first, *ANSWERED) + said("freeswitch_cdr", RECORD))["u-01"]
    assert visits(call) == [("q-first", "overflowed", "timeout", 59), ("q-sales", "answered", None, 15)]


def test_a_reason_that_nobody_knows_is_kept_by_either_feed():
    variables = {**RECORD["variables"], "cc_cause": "cancel", "cc_cancel_reason": "BORED", "cc_agent": "",
                 "cc_queue_answered_epoch": "0", "cc_queue_canceled_epoch": str(T + 60)}  # fmt: skip
    record = said("freeswitch_cdr", {**RECORD, "variables": variables})
    gone = event("member-queue-end", 2, T + 60, **JOINED, CC_Cause="Cancel", CC_Cancel_Reason="BORED")
    for facts in (record, said("freeswitch_events", ANSWERED[0], gone)):
        (noted,) = (fact for fact in facts if fact["type"] == "call.noted")
        assert "BORED" in noted["data"]["original_type"]
    assert visits(calls(record)["u-01"]) == [("q-sales", "overflowed", "withdrawn", 110)]
