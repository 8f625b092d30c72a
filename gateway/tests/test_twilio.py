"""Twilio's lines and tasks meet in one call."""

from datetime import UTC, datetime

import orjson
import pytest

from gateway.adapters.reading import forms
from gateway.sources import Source
from gateway.tests.stories import T, calls, form, legs, said, visits

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


def test_a_time_out_of_queue_and_workflow_is_one_visit_and_hides_none_in_the_next_queue():
    late = [
        task_event("task-queue.timeout", 15),
        task_event("workflow.timeout", 15),
        task_event("task-queue.entered", 16, TaskQueueName="q-care"),
        task_event("task.canceled", 36, TaskQueueName="q-care", TaskCanceledReason="Task TTL Exceeded"),
    ]
    assert visits(calls(said("twilio_taskrouter", *HANDLED[:2], *late))["CA01"]) == [
        ("q-sales", "overflowed", "timeout", 4),
        ("q-care", "overflowed", "timeout", 20),
    ]


@pytest.mark.parametrize(
    ("timed_out", "reason"), [([], "overflow"), ([task_event("task-queue.timeout", 15)], "timeout")]
)
def test_a_task_that_is_moved_no_longer_waits_in_the_queue_before(timed_out, reason):
    moved = task_event("task-queue.moved", 15, TaskQueueName="q-care", PreviousTaskQueueName="q-sales")
    accepted = task_event("reservation.accepted", 20, **WORKER, TaskQueueName="q-care")
    story = [*HANDLED[:2], *timed_out, moved, accepted, *HANDLED[4:]]
    assert visits(calls(said("twilio_taskrouter", *story))["CA01"]) == [
        ("q-sales", "overflowed", reason, 4),
        ("q-care", "answered", None, 5),
    ]


def test_who_hangs_up_while_a_transfer_rings_at_an_agent_abandons_no_queue():
    to_agent = {"TransferMode": "COLD", "TransferType": "WORKER", "TaskTransferSid": "TT01"}
    story = [
        *HANDLED[:4],
        task_event("task.transfer-initiated", 100, **to_agent),
        task_event("task.canceled", 110, **to_agent, TaskCanceledReason="hangup"),
    ]
    call = calls(said("twilio_taskrouter", *story))["CA01"]
    assert (visits(call), call.state) == ([("q-sales", "answered", None, 9)], "ended")


def test_whom_an_agent_dials_is_the_customer_of_the_call():
    dialled = {"direction": "outbound", "from": "+33199000100", "outbound_to": "+33199001234"}
    (fact,) = said("twilio_taskrouter", task_event("task.created", 10, TaskAttributes=orjson.dumps(dialled).decode()))
    assert (fact["direction"], fact["from"], fact["to"]) == ("outbound", "+33199000100", "+33199001234")


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


TRANSFER = {"TaskTransferSid": "TT01", "TransferInitiatingWorkerSid": "WK01", "TransferStarted": (T + 100) * 1000}
COLD = {**TRANSFER, "TransferMode": "COLD"}
SECOND = {"WorkerName": "a-1043", "ReservationSid": "WR02"}


def transferred(call):
    return [(leg.agent, leg.queue, leg.transferred, leg.talk_ms / 1000) for leg in call.legs]


def test_a_cold_transfer_to_an_agent_ends_the_leg_and_makes_no_visit_of_the_other():
    to_agent = {**COLD, "TransferType": "WORKER", "TransferTo": "WK02"}
    story = [
        *HANDLED[:4],
        task_event("task.transfer-initiated", 100, **to_agent),
        task_event("reservation.wrapup", 101, **WORKER),
        task_event("reservation.created", 102, **to_agent, **SECOND),
        task_event("reservation.accepted", 110, **to_agent, **SECOND),
        task_event("task.transfer-completed", 110, **to_agent),
        task_event("reservation.completed", 121, **WORKER),
        task_event("reservation.completed", 200, **SECOND),
    ]
    call = calls(said("twilio_taskrouter", *story))["CA01"]
    assert transferred(call) == [("a-1042", "q-sales", "blind", 80), ("a-1043", None, None, 90)]
    assert visits(call) == [("q-sales", "answered", None, 9)]


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        (("reservation.accepted", SECOND), ("answered", None)),
        (("task.canceled", {"TaskCanceledReason": "hangup"}), ("abandoned", None)),
        (("task-queue.timeout", {}), ("overflowed", "timeout")),
    ],
)
def test_a_cold_transfer_to_a_queue_is_a_visit_that_waited_since_then(end, outcome):
    to_queue = {**COLD, "TransferType": "QUEUE", "TransferTo": "WQ02", "TaskQueueName": "q-care"}
    story = [
        *HANDLED[:4],
        task_event("task.transfer-initiated", 100, **to_queue),
        task_event("reservation.wrapup", 101, **WORKER),
        task_event(end[0], 130, **{**to_queue, **end[1]}),
    ]
    for told in (story, [*story, task_event("task-queue.entered", 100, TaskQueueName="q-care")]):
        call = calls(said("twilio_taskrouter", *told))["CA01"]
        assert visits(call) == [("q-sales", "answered", None, 9), ("q-care", *outcome, 30)]
        assert (call.legs[0].transferred, call.legs[0].talk_ms) == ("blind", 80_000)


@pytest.mark.parametrize("undone", ["task.transfer-failed", "task.transfer-canceled"])
def test_a_transfer_that_comes_to_nothing_is_none(undone):
    story = [
        *HANDLED[:4],
        task_event("task.transfer-initiated", 100, **COLD),
        task_event(undone, 110, **COLD),
        *HANDLED[4:],
    ]
    assert transferred(calls(said("twilio_taskrouter", *story))["CA01"]) == [("a-1042", "q-sales", None, 120)]


def test_in_a_warm_transfer_the_first_agent_talks_until_their_reservation_ends():
    warm = {**TRANSFER, "TransferMode": "WARM", "TransferType": "WORKER"}
    story = [
        *HANDLED[:4],
        task_event("task.transfer-initiated", 100, **warm),
        task_event("reservation.accepted", 110, **warm, **SECOND),
        task_event("task.transfer-completed", 110, **warm),
        task_event("reservation.wrapup", 140, **WORKER),
        task_event("reservation.completed", 200, **SECOND),
    ]
    call = calls(said("twilio_taskrouter", *story))["CA01"]
    assert transferred(call) == [("a-1042", "q-sales", None, 120), ("a-1043", None, None, 90)]


def test_activities_mean_what_the_source_says():
    worker = {"WorkerName": "a-1042", "WorkerPreviousActivityName": "Available"}
    coffee = form(
        EventType="worker.activity.update", Sid="EV1", TimestampMs=T * 1000, WorkerActivityName="Coffee", **worker
    )
    assert [fact["type"] for fact in said("twilio_taskrouter", coffee)] == ["agent.paused", "agent.state_changed"]
    available = Source("cloud", activities={"Coffee": "available"})
    assert [f["type"] for f in said("twilio_taskrouter", coffee, source=available)] == ["agent.state_changed"]


def test_a_form_is_read_as_forms_are_written():
    body = b"To=%2B33199000200&Empty=&Bare&Name=Zo%C3%A9+X&a%20b=c%3Dd=e&To=%2B33199000201\r\n\nA=1"
    assert list(forms(body)) == [{"To": "+33199000201", "Name": "Zoé X", "a b": "c=d=e"}, {"A": "1"}]
    assert list(forms(b"Name=A%26B+C&To=%2B1\nEmpty=")) == [{"Name": "A&B C", "To": "+1"}, {}]


@pytest.mark.parametrize(
    "written", ["Mon, 05 Jan 2026 10:00:05 +0000", "Mon, 5 Jan 2026 11:00:05 +0100", "05 Jan 2026 10:00:05 GMT"]
)
def test_a_callback_happened_when_its_timestamp_says_however_that_is_written(written):
    (fact,) = said("twilio_voice", form(CallSid="CA01", CallStatus="ringing", SequenceNumber=1, Timestamp=written))
    assert datetime.fromisoformat(fact["occurred_at"]) == datetime(2026, 1, 5, 10, 0, 5, tzinfo=UTC)
