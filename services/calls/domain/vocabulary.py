"""The vocabulary of call facts as one table: what each type needs, what its `data` may carry, where it sorts.

The order of the rows is the order of a call's life: facts of one instant and without a sequence are taken in it.
"""

from collections.abc import Mapping
from itertools import chain
from typing import Any, NamedTuple, get_args

from services.calls.domain.forms import (
    ANYTHING,
    COUNT,
    FLAG,
    INSTANT,
    NAME,
    NAMES,
    OBJECT,
    PHONE_NUMBER,
    SECONDS,
    SHA256,
    TEXT,
    VERSION,
    Form,
    one_of,
)
from services.calls.domain.visits import Reason

FIELDS: Mapping[str, Form] = {
    "id": NAME,
    "source": NAME,
    "type": NAME,
    "occurred_at": INSTANT,
    "call_id": NAME,
    "sequence": COUNT,
    "queue": NAME,
    "agent": NAME,
    "direction": one_of("inbound", "outbound", "internal"),
    "from": PHONE_NUMBER,
    "to": PHONE_NUMBER,
    "channel": NAME,
    "campaign": NAME,
    "root_call_id": NAME,
    "parent_call_id": NAME,
    "record": NAME,
    "record_version": VERSION,
    "data": OBJECT,
}
ALWAYS = ("id", "source", "type", "occurred_at")
ENVELOPE = {"call": "call_id", "agent": "agent"}  # what a family of facts needs to find its stream

LEFT_REASONS: tuple[str, ...] = get_args(Reason)
# `talk_includes_hold`: the source measures talk from the answer to the end, holds included, which other facts may tell.
DURATIONS = {"talk_seconds": SECONDS, "hold_seconds": SECONDS, "talk_includes_hold": FLAG}

# The source says so for want of better: it holds unless the rest of the call tells otherwise.
TENTATIVE = {"tentative": FLAG}


class FactType(NamedTuple):
    """What a type needs beside `ALWAYS` (all of `needs`, one of `either`), and what its `data` may carry."""

    needs: tuple[str, ...] = ()
    either: tuple[str, ...] = ()
    carries: Mapping[str, Form] = {}


VOCABULARY: Mapping[str, FactType] = {
    "call.started": FactType(carries={"customer_id": NAME, "initiation": NAME}),
    "call.queued": FactType(("queue",), carries={"position": COUNT}),
    "call.ringing": FactType(("agent",), carries={"ring_seconds": SECONDS, "cancelled": FLAG}),
    "call.ring_no_answer": FactType(("agent",), carries={"ring_seconds": SECONDS, "cancelled": FLAG}),
    "call.answered": FactType(either=("agent", "queue"), carries={"wait_seconds": SECONDS, "ring_seconds": SECONDS}),
    "call.held": FactType(),
    "call.resumed": FactType(),
    "call.transferred": FactType(
        carries={"kind": one_of("blind", "attended"), "to_queue": NAME, "to_agent": NAME, **DURATIONS}
    ),
    "call.abandoned": FactType(("queue",), carries={"wait_seconds": SECONDS, "position": COUNT, **TENTATIVE}),
    "call.queue_left": FactType(
        ("queue", "data.reason"),
        carries={"reason": one_of(*LEFT_REASONS), "wait_seconds": SECONDS, "key": NAME, **TENTATIVE},
    ),
    "call.leg_ended": FactType(("agent",), carries={"cause": TEXT, **DURATIONS}),
    "call.ended": FactType(
        carries={"by": one_of("caller", "agent", "system"), "cause": TEXT, "wait_seconds": SECONDS, **DURATIONS}
    ),
    "call.wrapup_started": FactType(("agent",), carries={"wrapup_seconds": SECONDS}),
    "call.wrapup_ended": FactType(("agent",), carries={"wrapup_seconds": SECONDS}),
    "call.disposition_set": FactType(
        ("data.code",),
        carries={
            "code": NAME,
            "flags": NAMES,
            "kind": one_of("order", "question", "comment", "complaint"),
            "topics": NAMES,
            "sentiment": one_of("positive", "negative", "mixed"),
            "resolved": one_of("yes", "no", "unknown"),
        },
    ),
    "call.recorded": FactType(
        ("data.location",),
        carries={"location": TEXT, "sha256": SHA256, "started_at": INSTANT, "seconds": SECONDS, "notice": ANYTHING},
    ),
    "call.excluded": FactType(("data.reason",), carries={"reason": TEXT}),
    "call.included": FactType(("data.reason",), carries={"reason": TEXT}),
    "call.noted": FactType(carries={"original_type": NAME}),
    "agent.signed_in": FactType(carries={"queues": NAMES}),
    "agent.signed_out": FactType(carries={"queues": NAMES}),
    "agent.paused": FactType(carries={"reason": TEXT, "queues": NAMES}),
    "agent.resumed": FactType(carries={"reason": TEXT, "queues": NAMES}),
    "agent.state_changed": FactType(("data.state",), carries={"state": NAME}),
    "agent.noted": FactType(carries={"original_type": NAME}),
    "source.restarted": FactType(),
}
RANK: Mapping[str, int] = {name: rank for rank, name in enumerate(VOCABULARY)}


def needs(name: str) -> tuple[str, ...]:
    """The fields that a fact of this type must have, `data.` before those of its data."""
    family = ENVELOPE.get(name.partition(".")[0])
    return tuple(dict.fromkeys(chain(ALWAYS, (family,) if family else (), VOCABULARY[name].needs)))


def fact_schema() -> dict[str, Any]:
    """A fact as JSON Schema 2020-12, from the same table that checks it."""
    return {
        "type": "object",
        "description": "A call fact. Absent and null are the same; what is not named here is kept, unread.",
        "required": list(ALWAYS),
        "properties": {name: form.schema if name in ALWAYS else _or_null(form.schema) for name, form in FIELDS.items()}
        | {"type": {"type": "string", "maxLength": 200, "pattern": r"^((call|agent)\..+|source\.restarted)$"}},
        "allOf": [{"if": {"properties": {"type": {"const": name}}}, "then": _particulars(name)} for name in VOCABULARY],
    }


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]} if schema else {}


def _particulars(name: str) -> dict[str, Any]:
    required = [field for field in needs(name) if field not in ALWAYS and not field.startswith("data.")]
    within = [field.removeprefix("data.") for field in needs(name) if field.startswith("data.")]
    carries = VOCABULARY[name].carries
    data: dict[str, Any] = {
        "properties": {key: form.schema if key in within else _or_null(form.schema) for key, form in carries.items()}
    }
    if within:
        data |= {"type": "object", "required": within}
        required.append("data")
    particulars: dict[str, Any] = {"properties": {"data": data}}
    particulars["properties"] |= {key: FIELDS[key].schema for key in required if key != "data"}
    if required:
        particulars["required"] = required
    if VOCABULARY[name].either:
        particulars["anyOf"] = [
            {"required": [key], "properties": {key: FIELDS[key].schema}} for key in VOCABULARY[name].either
        ]
    return particulars
