"""Calls as FreeSWITCH, Twilio and Amazon Connect tell them, through the fold, whatever comes when and how often."""

import random
from datetime import datetime
from itertools import groupby
from urllib.parse import urlencode

import orjson
import pytest

from gateway.adapters import ADAPTERS
from gateway.sources import Source
from services.calls.api import canonical
from services.calls.domain.facts import event_id, stream_id
from services.calls.domain.fold import Fact, fold
from services.calls.projections.stories import microseconds

BY_NAME = {adapter.name: adapter for adapter in ADAPTERS}
SOURCE = Source("cloud", default_region="FR", activities={"Coffee": "paused"}, disposition_attribute="outcome")
T = 1767607190  # 2026-01-05T09:59:50Z


def said(feed, *documents, source=SOURCE):
    """The facts of documents that one feed posts."""
    body = b"\n".join(each if isinstance(each, bytes) else orjson.dumps(each) for each in documents)
    items = list(BY_NAME[feed].items(body, source, {}))
    assert [item.fault for item in items if item.fault] == []
    return [canonical(fact) for item in items for fact in item.facts]


def form(**fields):
    return urlencode(fields).encode()


def calls(facts):
    """The calls that facts tell, by id; the same in any order, with repetition."""
    told = {}
    by_call = sorted((fact for fact in facts if "call_id" in fact), key=lambda fact: fact["call_id"])
    for call_id, group in groupby(by_call, key=lambda fact: fact["call_id"]):
        stream = stream_id("cloud", "call", call_id)
        known = [
            Fact.of(event_id(stream, fact["id"]), fact, microseconds(datetime.fromisoformat(fact["occurred_at"])))
            for fact in group
        ]
        told[call_id] = fold(known)
        for seed in range(5):
            shuffled = random.Random(seed).sample(known + known, 2 * len(known))
            assert fold(shuffled) == told[call_id]
    return told


def visits(call):
    return [(v.queue, v.outcome, v.reason, v.wait_ms / 1000 if v.wait_ms is not None else None) for v in call.visits]


def legs(call):
    return [(leg.agent, leg.talk_ms / 1000, leg.hold_ms / 1000, leg.wrapup_ms / 1000) for leg in call.legs]


# FreeSWITCH

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


# Twilio

TASK = {"TaskSid": "WT01", "TaskAttributes": '{"call_sid": "CA01", "outcome": "sold"}', "TaskQueueName": "q-sales"}
WORKER = {"WorkerName": "a-1042", "ReservationSid": "WR01"}


def task_event(kind, at, **fields):
    return form(EventType=kind, Sid=f"EV{kind}{at}", TimestampMs=(T + at) * 1000, **{**TASK, **fields})


def voice(status, sequence, at, **fields):
    stamp = f"Mon, 05 Jan 2026 {10 + (at - 10) // 3600:02}:{(at - 10) // 60:02}:{(at - 10) % 60:02} +0000"
    return form(CallSid="CA01", CallStatus=status, Timestamp=stamp, SequenceNumber=sequence, Direction="inbound",
                From="+33199001234", **fields)  # fmt: skip


HANDLED = [
    task_event("task.created", 10),
    task_event("task-queue.entered", 11),
    task_event("reservation.created", 12, **WORKER),
    task_event("reservation.accepted", 20, **WORKER),
    task_event("reservation.wrapup", 140, **WORKER),
    task_event("task.wrapup", 140, **WORKER),
    task_event("reservation.completed", 170, **WORKER),
    task_event("task.completed", 171, **WORKER),
]
LINE = [
    voice("initiated", 0, 10),
    voice("in-progress", 2, 10),
    voice("completed", 3, 138, CallDuration="128", Duration="3"),
]


def test_a_task_is_a_visit_and_a_leg_and_its_wrap_up_counts_once():
    call = calls(said("twilio_taskrouter", *HANDLED))["CA01"]
    assert (visits(call), legs(call)) == ([("q-sales", "answered", None, 9)], [("a-1042", 120, 0, 30)])
    assert call.state == "ended"


def test_the_line_and_the_task_meet_in_one_call_that_ends_with_the_line():
    call = calls(said("twilio_taskrouter", *HANDLED) + said("twilio_voice", *LINE))["CA01"]
    assert (visits(call), legs(call)) == ([("q-sales", "answered", None, 9)], [("a-1042", 118, 0, 30)])
    assert (call.ended_at, call.direction) == ((T + 138) * 1_000_000, "inbound")
    assert call.disposition == {"code": "sold"}


def test_an_answered_line_is_no_answered_call():
    call = calls(said("twilio_voice", *LINE))["CA01"]
    assert (call.outcome, call.legs) == ("not_offered", ())


def test_event_streams_and_callbacks_of_the_same_events_are_the_same_facts():
    streamed = [
        {"specversion": "1.0", "type": "com.twilio.taskrouter.reservation.accepted", "source": "AB01", "id": "NO01",
         "data": {"sid": "EVreservation.accepted20", "timestamp": "2026-01-05T10:00:10.000Z",
                  "payload": {"task_sid": "WT01", "task_attributes": TASK["TaskAttributes"], "worker_name": "a-1042",
                              "task_queue_name": "q-sales"}}},
    ]  # fmt: skip
    (fact,) = said("twilio_events", streamed)
    (callback,) = said("twilio_taskrouter", HANDLED[3])
    assert {**fact, "data": None} == {**callback, "data": None}


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("hangup", ("abandoned", None)),
        ("Task TTL Exceeded", ("overflowed", "timeout")),
        ("", ("overflowed", "withdrawn")),
    ],
)
def test_a_canceled_task_abandoned_only_if_the_caller_hung_up(reason, expected):
    facts = said("twilio_taskrouter", *HANDLED[:2], task_event("task.canceled", 31, TaskCanceledReason=reason))
    assert visits(calls(facts)["CA01"]) == [("q-sales", *expected, 20)]


def test_a_time_out_that_is_told_of_queue_and_task_is_one_visit():
    late = [
        task_event("task-queue.timeout", 30),
        task_event("task.canceled", 31, TaskCanceledReason="Task TTL Exceeded"),
    ]
    assert visits(calls(said("twilio_taskrouter", *HANDLED[:2], *late))["CA01"]) == [
        ("q-sales", "overflowed", "timeout", 19)
    ]


def test_after_a_transfer_both_agents_have_their_leg():
    second = {"WorkerName": "a-1043", "ReservationSid": "WR02"}
    story = [
        *HANDLED[:4],
        task_event("reservation.created", 100, **second),
        task_event("reservation.accepted", 110, **second),
        task_event("reservation.wrapup", 140, **WORKER),
        task_event("reservation.completed", 150, **WORKER),
        task_event("reservation.wrapup", 200, **second),
        task_event("reservation.completed", 220, **second),
        task_event("task.completed", 221),
    ]
    assert legs(calls(said("twilio_taskrouter", *story))["CA01"]) == [("a-1042", 120, 0, 10), ("a-1043", 90, 0, 20)]


def test_activities_mean_what_the_source_says():
    worker = {"WorkerName": "a-1042", "WorkerPreviousActivityName": "Available"}
    coffee = form(
        EventType="worker.activity.update", Sid="EV1", TimestampMs=T * 1000, WorkerActivityName="Coffee", **worker
    )
    assert [fact["type"] for fact in said("twilio_taskrouter", coffee)] == ["agent.paused", "agent.state_changed"]
    available = Source("cloud", activities={"Coffee": "available"})
    assert [f["type"] for f in said("twilio_taskrouter", coffee, source=available)] == ["agent.state_changed"]


# Amazon Connect

ARN = "arn:aws:connect:eu-west-3:111122223333:instance/i-1/"
QUEUE_INFO = {"queueInfo": {"queueArn": f"{ARN}queue/q-1", "enqueueTimestamp": "2026-01-05T10:00:11Z"}}
AGENT_INFO = {"agentInfo": {"agentArn": f"{ARN}agent/a-1", "connectedToAgentTimestamp": "2026-01-05T10:00:17Z"}}


def contact_event(kind, contact="c-01", **detail):
    detail = {"eventType": kind, "contactId": contact, "channel": "VOICE", "initiationMethod": "INBOUND",
              "initiationTimestamp": "2026-01-05T10:00:00Z", "disconnectTimestamp": "2026-01-05T10:03:00Z",
              **detail}  # fmt: skip
    return {"id": f"ev-{contact}-{kind}", "time": "2026-01-05T10:03:40Z", "source": "aws.connect", "detail": detail}


EVENTS = [
    contact_event("INITIATED"),
    contact_event("QUEUED", **QUEUE_INFO),
    contact_event("CONNECTED_TO_AGENT", **QUEUE_INFO, **AGENT_INFO),
    contact_event("DISCONNECTED", **QUEUE_INFO, **AGENT_INFO),
    contact_event("COMPLETED", **QUEUE_INFO, **AGENT_INFO),
]
HANDLE = {
    "AgentInteractionDuration": 140,
    "CustomerHoldDuration": 12,
    "NumberOfHolds": 1,
    "AfterContactWorkDuration": 30,
}
EXAMPLE = {"ContactId": "c-01", "LastUpdateTimestamp": "2026-01-05T10:04:00Z", "Queue": {"Duration": 5},
           "Agent": {"Username": "a-1042", **HANDLE}}  # fmt: skip


def contact_record(version, contact="c-01", agent=None, **fields):
    return {
        "ContactId": contact, "LastUpdateTimestamp": version, "Channel": "VOICE", "InitiationMethod": "INBOUND",
        "InitiationTimestamp": "2026-01-05T10:00:00Z", "DisconnectTimestamp": "2026-01-05T10:03:08Z",
        "Queue": {"ARN": f"{ARN}queue/q-1", "Name": "q-sales", "EnqueueTimestamp": "2026-01-05T10:00:11Z",
                  "DequeueTimestamp": "2026-01-05T10:00:16Z", "Duration": 5},
        "Agent": {"ARN": f"{ARN}agent/a-1", "Username": "a-1042",
                  "ConnectedToAgentTimestamp": "2026-01-05T10:00:16Z", **HANDLE, **(agent or {})},
        **fields,
    }  # fmt: skip


def test_the_published_example_handles_in_182_seconds():
    call = calls(said("amazon_connect_records", EXAMPLE))["c-01"]
    ((agent, *durations),) = legs(call)
    assert (agent, sum(durations)) == ("a-1042", 182)


def test_events_alone_tell_a_visit_a_leg_and_its_wrap_up():
    call = calls(said("amazon_connect_events", *EVENTS))["c-01"]
    assert (visits(call), legs(call)) == ([("q-1", "answered", None, 6)], [("a-1", 163, 0, 40)])


def test_the_record_is_the_whole_contact_whenever_its_events_come():
    events, record = (
        said("amazon_connect_events", *EVENTS),
        said("amazon_connect_records", contact_record("2026-01-05T10:04:00Z")),
    )
    call = calls(events + record)["c-01"]
    assert (visits(call), legs(call)) == ([("q-sales", "answered", None, 5)], [("a-1042", 140, 12, 30)])
    alone = calls(record)["c-01"]
    assert (call.visits, call.legs, call.state) == (alone.visits, alone.legs, "ended")


def test_of_its_records_the_newest_counts_months_later_too():
    old = contact_record("2026-01-05T10:04:00Z")
    new = contact_record("2027-11-05T10:04:00.5Z", agent={"AgentInteractionDuration": 100})
    facts = said("amazon_connect_records", new, old, new) + said("amazon_connect_events", *EVENTS)
    assert legs(calls(facts)["c-01"]) == [("a-1042", 100, 12, 30)]


def test_parts_that_never_happened_are_no_wrap_up():
    record = contact_record(
        "2026-01-05T10:04:00Z", agent={"AfterContactWorkDuration": None, "CustomerHoldDuration": None}
    )
    call = calls(said("amazon_connect_records", record))["c-01"]
    assert (legs(call), call.legs[0].wrapup) == ([("a-1042", 140, 0, 0)], "none")


def test_whoever_hangs_up_in_the_queue_abandons_by_events_and_by_record():
    events = said("amazon_connect_events", *EVENTS[:2], contact_event("DISCONNECTED", **QUEUE_INFO))
    assert visits(calls(events)["c-01"]) == [("q-1", "abandoned", None, 169)]
    record = contact_record("2026-01-05T10:04:00Z", Agent=None, DisconnectReason="CUSTOMER_DISCONNECT")
    record["Queue"]["Duration"] = 177
    for facts in (said("amazon_connect_records", record), said("amazon_connect_records", record) + events):
        assert visits(calls(facts)["c-01"]) == [("q-sales", "abandoned", None, 177)]


@pytest.mark.parametrize("fields", [{"InitiationMethod": "CALLBACK"}, {"NextContactId": "c-02"}])
def test_a_callback_that_waits_in_a_queue_is_no_abandon(fields):
    record = contact_record("2026-01-05T10:04:00Z", Agent=None, DisconnectReason="CONTACT_FLOW_DISCONNECT", **fields)
    assert visits(calls(said("amazon_connect_records", record))["c-01"]) == [("q-sales", "overflowed", "callback", 5)]


def test_a_transfer_ends_the_leg_before_it_by_events_and_by_records():
    moved = {"initiationMethod": "TRANSFER", "previousContactId": "c-01", "initialContactId": "c-01",
             "initiationTimestamp": "2026-01-05T10:02:00Z"}  # fmt: skip
    events = said("amazon_connect_events", *EVENTS[:3], contact_event("INITIATED", "c-02", **moved))
    assert [leg.transferred for leg in calls(events)["c-01"].legs] == ["unstated"]
    second = contact_record("2026-01-05T10:04:00Z", "c-02", InitiationMethod="TRANSFER", PreviousContactId="c-01",
                            InitialContactId="c-01", InitiationTimestamp="2026-01-05T10:02:00Z")  # fmt: skip
    records = said("amazon_connect_records", contact_record("2026-01-05T10:04:00Z"), second)
    told = calls(events + records)
    assert [leg.transferred for leg in told["c-01"].legs] == ["unstated"]
    assert legs(told["c-01"]) == [("a-1042", 140, 12, 30)]
    assert (told["c-02"].root_call_id, told["c-02"].parent_call_id) == ("c-01", "c-01")


def test_a_disposition_comes_from_the_attribute_that_the_source_names():
    record = contact_record("2026-01-05T10:04:00Z", Attributes={"outcome": "sold", "other": "no"})
    assert calls(said("amazon_connect_records", record))["c-01"].disposition == {"code": "sold"}
    assert calls(said("amazon_connect_records", record, source=Source("cloud")))["c-01"].disposition is None
