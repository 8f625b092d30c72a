"""Calls as Twilio tells of them: voice and TaskRouter callbacks, Event Streams (FORMATS sections 6 and 7)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from loadtests.feeds.queue_calls import QueueCall, instant

Told = Iterator[tuple[float, str]]


def voice_callbacks(call: QueueCall) -> Told:
    """The steps of the caller's line."""
    steps = (
        ("initiated", call.began),
        ("ringing", call.began),
        ("in-progress", call.queued),
        ("completed", call.ended),
    )
    for number, (status, at) in enumerate(steps):
        form = {
            "Called": call.called, "ToState": "", "CallerCountry": "FR", "Direction": "inbound", "CallerState": "",
            "ToZip": "", "CallSid": f"CA{call.id}", "To": call.called, "CallerZip": "", "ToCountry": "FR",
            "ApiVersion": "2010-04-01", "CalledZip": "", "CalledCity": "", "CallStatus": status, "From": call.caller,
            "AccountSid": "AC00000000000000000000000000000001", "CalledCountry": "FR", "CallerCity": "",
            "Caller": call.caller, "FromCountry": "FR", "ToCity": "", "FromCity": "", "CalledState": "",
            "FromZip": "", "FromState": "", "SequenceNumber": str(number), "CallbackSource": "call-progress-events",
            "Timestamp": format_datetime(datetime.fromtimestamp(int(at), UTC)),
        }  # fmt: skip
        if status == "completed":
            form |= {"CallDuration": str(int(call.ended - call.queued)), "Duration": "1"}
        yield at, urlencode(form, safe="@")


def taskrouter_callbacks(call: QueueCall) -> Told:
    """The events of a task as forms."""
    for event_type, at, said in _task(call):
        stamps = {"EventType": event_type, "Timestamp": str(int(at)), "TimestampMs": str(int(at * 1000))}
        pascal = {"".join(word.capitalize() for word in name.split("_")): text for name, text in said.items()}
        yield at, urlencode({**stamps, **pascal}, safe="@")


def streamed_events(call: QueueCall) -> Told:
    """The same events as CloudEvents."""
    for event_type, at, said in _task(call):
        payload = {**said, "timestamp": instant(at), "eventtype": event_type}
        sid = payload.pop("sid")
        event = {
            "specversion": "1.0", "type": f"com.twilio.taskrouter.{event_type}", "id": f"NO{sid}",
            "source": "/v2/WorkflowSid/WW00000000000000000000000000000001", "datacontenttype": "application/json",
            "dataschema": "https://events-schemas.twilio.com/TaskRouter.WDSEvent/4", "time": instant(at),
            "data": {"sid": sid, "name": event_type, "timestamp": instant(at),
                     "group": event_type.partition(".")[0], "level": "INFO", "publisher": "AC01", "payload": payload},
        }  # fmt: skip
        yield at, orjson.dumps(event).decode()


def _task(call: QueueCall) -> Iterator[tuple[str, float, dict[str, Any]]]:
    """Type, instant and fields of each event of a task that an agent takes, or that its caller leaves."""
    attributes = {"call_sid": f"CA{call.id}", "from": call.caller, "called": call.called, "direction": "inbound"}
    task = {
        "account_sid": "AC00000000000000000000000000000001", "workspace_sid": "WS00000000000000000000000000000001",
        "workspace_name": "Floor", "workflow_sid": "WW00000000000000000000000000000001", "workflow_name": "Calls",
        "task_sid": f"WT{call.id}", "task_attributes": orjson.dumps(attributes).decode(), "task_age": "12",
        "task_priority": "0", "task_channel_unique_name": "voice", "task_assignment_status": "pending",
    }  # fmt: skip
    queue = {"task_queue_sid": "WQ01", "task_queue_name": call.queue, "task_queue_target_expression": "1==1"}
    worker = {"worker_sid": "WK01", "worker_name": call.agent, "reservation_sid": f"WR{call.id}",
              "worker_attributes": '{"contact_uri":"client:agent"}', "worker_activity_name": "Available"}  # fmt: skip
    steps: list[tuple[str, float | None, dict[str, Any]]] = [
        ("task.created", call.began, {}),
        ("task-queue.entered", call.queued, queue),
    ]
    if call.answered is None:
        steps.append(("task.canceled", call.ended, {**queue, "task_canceled_reason": "hangup"}))
    else:
        at_work = {**queue, **worker}
        steps += [
            ("reservation.created", call.rang or call.answered, at_work),
            ("reservation.accepted", call.answered, at_work),
            ("reservation.wrapup", call.ended, at_work),
            ("reservation.completed", call.wrapped_up or call.ended, at_work),
        ]
    for number, (event_type, at, said) in enumerate(steps):
        yield event_type, at or call.ended, {"sid": f"EV{call.id}-{number}", **task, **said}
