"""What events of Twilio's TaskRouter mean, however they come (FORMATS section 7; "TaskRouter Events reference").

An event is a mapping with the snake_case names of Event Streams. A task that names its call (`call_sid` in its
attributes) tells of that call, another of a call of its own.

TaskRouter tells of some things twice, of the reservation and of the task; such facts bear a `record`, and the better
source the greater version, so that each counts once.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import orjson

from gateway.adapters.items import Item
from gateway.adapters.reading import Fact, Malformed, item, needed, noted, number, numbers, since_1970, without, word
from gateway.adapters.taskrouter_transfers import BEGUN, UNDONE, is_cold, is_direct, is_to_queue, of_transfer, waited
from gateway.adapters.twilio_voice import ended
from gateway.sources import Source

Event = Mapping[str, Any]

BY_RESERVATION, BY_TASK = "2", "1"
BY_QUEUE, BY_WORKFLOW, BY_CANCELLATION = "3", "2", "1"  # of the end of a wait
CALLED = ("outbound_to", "to", "called")  # attributes: as Flex names whom an agent dials, and as Enqueue does
PRESENCES = {"Offline": "signed_out", "Available": "available", "Idle": "available"}
READ = frozenset(
    {"event_type", "eventtype", "sid", "account_sid", "workspace_sid", "workspace_name", "event_description",
     "resource_type", "resource_sid", "timestamp", "timestamp_ms", "task_queue_name", "worker_name"}
)  # fmt: skip


def taskrouter_item(event_type: str, id_: str | None, event: Event, source: Source) -> Item:
    """What an event of that type says."""
    return item(id_, source, _facts(event_type, event, source), without(event, READ))


def _facts(event_type: str, event: Event, source: Source) -> Iterator[Fact]:
    rule = RULES.get(event_type)
    if rule is not None:
        yield from rule(event, source)
    else:
        yield _noted(event_type, event)
    if event_type in ("task.updated", "task.completed"):
        yield from _disposition(event, source)


def _noted(event_type: str, event: Event) -> Fact:
    fact = noted(event_type, _raw(event), call_id=_call(event), agent=_agent(event))
    return fact and fact | {"occurred_at": _at(event)}


def _raw(event: Event) -> Any:
    return {name: value for name, value in event.items() if value not in (None, "")}


def _at(event: Event) -> str:
    for name, per_second in (("timestamp_ms", 1000), ("timestamp", 1)):
        written = event.get(name)
        if written and str(written).isdigit():
            return since_1970(written, per_second) or ""
    return needed(event, "timestamp", "timestamp_ms")


def _attributes(event: Event) -> Mapping[str, Any]:
    written = event.get("task_attributes")
    if isinstance(written, str):
        try:
            written = orjson.loads(written)
        except orjson.JSONDecodeError:
            return {}
    return written if isinstance(written, dict) else {}


def _call(event: Event) -> str | None:
    return word(_attributes(event).get("call_sid")) or event.get("task_sid") or None


def _agent(event: Event) -> str | None:
    return event.get("worker_name") or event.get("worker_sid") or None


def _queue(event: Event) -> str | None:
    return event.get("task_queue_name") or event.get("task_queue_sid") or None


def _waited(event: Event) -> Mapping[str, float]:
    return waited(event, _at(event)) if is_to_queue(event) else {}


def _about(event: Event, kind: str, **fields: Any) -> Fact:
    call = _call(event)
    if call is None:
        raise Malformed("It has no TaskSid.")
    return {"type": kind, "call_id": call, "occurred_at": _at(event), "queue": _queue(event), **fields}


def _of_agent(event: Event, kind: str, **fields: Any) -> Fact:
    return _about(event, kind, agent=_agent(event) or needed({}, "WorkerName", "WorkerSid"), **fields)


def _of_record(fact: Fact, what: str, version: str) -> Fact:
    return fact | {"record": f"{fact['call_id']}:{what}"[:200], "record_version": version}


def _created(event: Event, source: Source) -> Iterator[Fact]:
    attributes = _attributes(event)
    called = next((attributes[name] for name in CALLED if attributes.get(name)), None)
    known, other = numbers(source, **{"from": attributes.get("from"), "to": called})
    direction = attributes.get("direction")
    yield _about(
        event,
        "call.started",
        direction=direction if direction in ("inbound", "outbound") else None,
        **known,
        data={"raw": other} if other else None,
    )


def _queued(event: Event, _source: Source) -> Iterator[Fact]:
    yield _about(event, "call.queued", queue=_queue(event) or needed({}, "TaskQueueName", "TaskQueueSid"))


def _moved(event: Event, source: Source) -> Iterator[Fact]:
    """The wait in the queue before ends too, unless that queue has told of its own time-out."""
    before = event.get("previous_task_queue_name") or event.get("previous_task_queue_sid")
    if before:
        yield _about(event, "call.queue_left", queue=before, data={"reason": "overflow", "tentative": True})
    yield from _queued(event, source)


def _timed_out(event_type: str, version: str, event: Event, _source: Source) -> Iterator[Fact]:
    """Where a workflow that gives the task up names no queue, the queue has told of its own time-out."""
    yield _noted(event_type, event) if _queue(event) is None else _left(event, version, reason="timeout")


def _left(event: Event, version: str, **data: Any) -> Fact:
    """The end of a wait in a queue, which may be told of the queue, the workflow and the task."""
    fact = _about(event, "call.queue_left", data={**data, **_waited(event)})
    return _of_record(fact, f"{fact['queue']}:left", version)


def _offered(event: Event, _source: Source) -> Iterator[Fact]:
    yield _of_agent(event, "call.ringing")


def _missed(event: Event, _source: Source) -> Iterator[Fact]:
    yield _of_agent(event, "call.ring_no_answer")


def _withdrawn(event: Event, _source: Source) -> Iterator[Fact]:
    yield _of_agent(event, "call.ring_no_answer", data={"cancelled": True})


def _accepted(event: Event, _source: Source) -> Iterator[Fact]:
    answered = _of_agent(event, "call.answered", data=_waited(event))
    yield answered | {"queue": None} if is_direct(event) else answered


def _transferred(event: Event, _source: Source) -> Iterator[Fact]:
    if is_cold(event):
        by, data = event.get("transfer_initiating_worker_sid"), {"kind": "blind"}
        yield of_transfer(_about(event, "call.transferred", queue=None, agent=by, data=data), event, BEGUN)
    else:
        yield _noted("task.transfer-initiated", event)


def _undone(event_type: str, event: Event, _source: Source) -> Iterator[Fact]:
    yield of_transfer(_noted(event_type, event), event, UNDONE)


def _wraps(event: Event, _source: Source) -> Iterator[Fact]:
    """The agent's line is free: without this, what follows would count as talk too."""
    yield _of_agent(event, "call.leg_ended")
    yield _wrapup(event, "call.wrapup_started", BY_RESERVATION)


def _task_wraps(event: Event, _source: Source) -> Iterator[Fact]:
    yield _wrapup(event, "call.wrapup_started", BY_TASK) if _agent(event) else _noted("task.wrapup", event)


def _reservation_done(event: Event, _source: Source) -> Iterator[Fact]:
    """After a transfer others are still at work on the task, so that this ends no call."""
    yield _of_agent(event, "call.leg_ended")
    yield _wrapup(event, "call.wrapup_ended", BY_RESERVATION)


def _task_done(event: Event, _source: Source) -> Iterator[Fact]:
    if _agent(event):
        yield _wrapup(event, "call.wrapup_ended", BY_TASK)
    yield ended(_about(event, "call.ended", data={"cause": event.get("task_completed_reason")}), "1")


def _wrapup(event: Event, kind: str, version: str) -> Fact:
    fact = _of_agent(event, kind)
    return _of_record(fact, f"{fact['agent']}:{kind}", version)


def _canceled(event: Event, _source: Source) -> Iterator[Fact]:
    reason = str(event.get("task_canceled_reason") or event.get("reason") or "")
    hung_up = any(word in reason.lower() for word in ("hang", "hung"))
    raw = {"raw": {"reason": reason}} if reason else {}
    queued = _queue(event) is not None and not is_direct(event)
    if queued and hung_up:
        yield _about(event, "call.abandoned", data={**_waited(event), **raw})
    elif queued:
        late = any(word in reason.lower() for word in ("timeout", "timed out", "ttl"))
        yield _left(event, BY_CANCELLATION, reason="timeout" if late else "withdrawn", **raw)
    if not queued or (not hung_up and _call(event) == event.get("task_sid")):
        yield ended(_about(event, "call.ended", data={"by": "caller" if hung_up else "system", **raw}), "1")


def _activity(event: Event, source: Source) -> Iterator[Fact]:
    """Signs and pauses from the source's table of activities, which adds to the names that a new workspace has."""
    presences = {**PRESENCES, **source.activities}
    activity, before = needed(event, "worker_activity_name"), event.get("worker_previous_activity_name")
    now, then = (presences.get(str(name), "paused") if name else None for name in (activity, before))
    about: Fact = {"agent": _agent(event) or needed({}, "WorkerName", "WorkerSid"), "occurred_at": _at(event)}
    if now == "signed_out":
        yield about | {"type": "agent.signed_out"}
    elif then in (None, "signed_out"):
        yield about | {"type": "agent.signed_in"}
    if now == "paused":
        yield about | {"type": "agent.paused", "data": {"reason": activity}}
    elif then == "paused":
        yield about | {"type": "agent.resumed", "data": {"reason": before}}
    spent = number(event.get("worker_time_in_previous_activity_ms"), "WorkerTimeInPreviousActivityMs")
    raw = {name: value for name, value in (("previous", before), ("previous_milliseconds", spent)) if value is not None}
    yield about | {"type": "agent.state_changed", "data": {"state": activity, "raw": raw or None}}


def _updated(event: Event, _source: Source) -> Iterator[Fact]:
    yield _noted("task.updated", event)


def _disposition(event: Event, source: Source) -> Iterator[Fact]:
    found: Any = _attributes(event)
    for step in (source.disposition_attribute or "").split("."):
        found = found.get(step) if isinstance(found, dict) else None
    if found and isinstance(found, str | int):
        yield _about(event, "call.disposition_set", data={"code": str(found)})


RULES: Mapping[str, Callable[[Event, Source], Iterator[Fact]]] = {
    "task.created": _created,
    "task-queue.entered": _queued,
    "task-queue.moved": _moved,
    "task-queue.timeout": partial(_timed_out, "task-queue.timeout", BY_QUEUE),
    "workflow.timeout": partial(_timed_out, "workflow.timeout", BY_WORKFLOW),
    "reservation.created": _offered,
    "reservation.rejected": _missed,
    "reservation.timeout": _missed,
    "reservation.canceled": _withdrawn,
    "reservation.rescinded": _withdrawn,
    "reservation.failed": _withdrawn,
    "reservation.accepted": _accepted,
    "reservation.wrapup": _wraps,
    "reservation.completed": _reservation_done,
    "task.wrapup": _task_wraps,
    "task.completed": _task_done,
    "task.canceled": _canceled,
    "task.transfer-initiated": _transferred,
    "task.transfer-failed": partial(_undone, "task.transfer-failed"),
    "task.transfer-canceled": partial(_undone, "task.transfer-canceled"),
    "task.updated": _updated,
    "worker.activity.update": _activity,
}
