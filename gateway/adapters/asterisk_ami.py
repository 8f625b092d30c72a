"""Events of Asterisk's manager interface, as JSON (FORMATS section 3).

Keys are as AMI writes them, in any case, since Asterisk's versions differ in it; values are text. What an event says
becomes a fact; what a fact has no field for stays in `data.raw`; what an event merely implies is left to the fold.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from gateway.adapters.asterisk_ami_event import Event, Unusable
from gateway.adapters.asterisk_ami_rules import (
    ENDED,
    JOIN,
    LEFT,
    MEMBER,
    OF_EITHER_SIDE,
    PAUSED,
    RESUMED,
    RULES,
    STATE,
    STATES,
    TRANSFERRED,
    WITHOUT_FACT,
    Rule,
)
from gateway.adapters.asterisk_channels import device
from gateway.adapters.asterisk_records import AMI, record
from gateway.adapters.items import Item, Parameters
from gateway.adapters.phone_numbers import e164
from gateway.adapters.reading import documents
from gateway.sources import Source
from services.kernel.values import FieldError

_EPOCH = re.compile(r"(\d{10})(?:\.(\d{1,6}))?")
_NUMBER = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?")


class AsteriskAmi:
    """Reads events of the manager interface."""

    name = "asterisk_ami"
    path = "/v1/telephony/asterisk/ami"
    summary = "Send events of an Asterisk manager interface as JSON: one, an array, or one a line."
    media_types = ("application/json", "application/x-ndjson")
    parameters: Mapping[str, str] = MappingProxyType({})

    def items(self, body: bytes, source: Source, given: Parameters) -> Iterator[Item]:  # noqa: ARG002 - takes none
        """Each event."""
        for each in documents(body):
            yield Item(fault=each) if isinstance(each, FieldError) else _item(Event(each), source)


def _item(event: Event, source: Source) -> Item:
    try:
        stamp, occurred_at = _time(event)
        facts = list(_facts(event, source))
    except Unusable as unusable:
        return Item(fault=unusable.fault)
    event_id = _id(event, stamp)
    for number, fact in enumerate(facts, start=1):
        fact["id"] = event_id if len(facts) == 1 else f"{event_id}-{number}"
        fact["source"] = source.name
        fact["occurred_at"] = occurred_at
    return Item(tuple(facts), id=event_id)


def _id(event: Event, stamp: str) -> str:
    """AMI numbers nothing: an event is known by what it says of whom, and when."""
    said = "\x1f".join((event.name, event.peek("uniqueid"), event.peek("queue"), _member(event), stamp))
    return f"ami-{hashlib.blake2b(said.encode(), digest_size=16).hexdigest()}"


def _time(event: Event) -> tuple[str, str]:
    """When it happened, as written and as an instant: Asterisk's own stamp, else when a shipper had it."""
    if not event.name:
        raise Unusable("Event", "required", "Give an event with its keys as AMI writes them; answers are none.")
    name = "Timestamp" if event.peek("timestamp") else "received_at"
    stamp = event.peek(name.casefold())
    if not stamp:
        remedy = "Set timestampevents=yes in manager.conf, or send when you had the event as received_at."
        raise Unusable("Timestamp", "telephony.time_missing", remedy)
    if epoch := _EPOCH.fullmatch(stamp):
        whole = datetime.fromtimestamp(int(epoch[1]), UTC).replace(tzinfo=None).isoformat()
        return stamp, f"{whole}.{epoch[2]}Z" if epoch[2] else f"{whole}Z"
    if name == "Timestamp":
        raise Unusable(name, "invalid_instant", "Give seconds since 1970, as AMI does: 1767607190.101000.")
    return stamp, stamp


def _member(event: Event) -> str:
    """The agent as the queue names it: the member's name, else its interface."""
    name = event.first(MEMBER)
    return event.peek(name) if name else ""


def _facts(event: Event, source: Source) -> Iterator[dict[str, Any]]:
    if event.kind in WITHOUT_FACT:
        return
    rule = RULES.get(event.kind)
    if rule is None:
        yield from _noted(event)
    elif rule.type.startswith("call."):
        if event.kind == "agentcomplete":
            reason = event.use("reason").casefold()
            rule = TRANSFERRED if reason == "transfer" else ENDED
            if reason in ("caller", "agent"):
                rule = rule._replace(always={"by": reason, **rule.always})
        yield _of_call(rule, event, source)
    else:
        yield from _of_agent(rule, event)


def _of_call(rule: Rule, event: Event, source: Source) -> dict[str, Any]:
    root = event.use("linkedid")
    if event.kind in OF_EITHER_SIDE:
        call, agent = root or event.peek("uniqueid"), device(event.peek("channel"))
    else:
        # The keys without prefix are of the caller in the queue, those with Dest of the agent's channel.
        call, agent = event.use("uniqueid"), _used_member(event)
    if not call:
        raise Unusable("Uniqueid", "required", f"{event.name} belongs to a call, and names none.")
    if not agent and rule.type in ("call.ringing", "call.ring_no_answer", "call.answered"):
        raise Unusable("MemberName", "required", f"{event.name} belongs to an agent, and names none.")
    queue = event.use("queue") or None
    fact: dict[str, Any] = {"type": rule.type, "call_id": call, "queue": queue, "agent": agent or None}
    fact["root_call_id"] = root or None
    if rule.told is not None:
        fact |= {"record": record(rule.told, call, queue, agent or None), "record_version": AMI}
    if rule is JOIN and (number := e164(event.peek("calleridnum"), source.default_region)):
        event.use("calleridnum")
        fact["from"] = number
    fact["data"] = {**rule.always, **_measures(rule, event)}
    if rule is not LEFT:  # which says what the entry has said
        fact["data"] |= _raw(event)
    return fact


def _measures(rule: Rule, event: Event) -> dict[str, Any]:
    """The numbers of an event."""
    measures: dict[str, Any] = {}
    for name, place in rule.places.items():
        text = event.use(name)
        if text and not _NUMBER.fullmatch(text):
            raise Unusable(event.spelt(name), "invalid_field", f"{text[:40]!r} is not a number.")
        if text:
            measures[place] = float(text) if "." in text else int(text)
    if "ring_milliseconds" in measures:
        measures["ring_seconds"] = measures.pop("ring_milliseconds") / 1000
    return measures


def _of_agent(rule: Rule, event: Event) -> Iterator[dict[str, Any]]:
    agent = _used_member(event)
    if not agent:
        raise Unusable("MemberName", "required", f"{event.name} belongs to an agent, and names none.")
    if rule is STATE:
        # What a device is doing, which is the same in every queue.
        status = event.use("status")
        if not status:
            yield _note("agent", event) | {"agent": agent}
            return
        state = STATES.get(status, status)
        yield {"type": rule.type, "agent": agent, "data": {"state": state} | _raw(event)}
        return
    about: dict[str, Any] = {"agent": agent, "data": {"queues": [queue]} if (queue := event.use("queue")) else {}}
    paused, reason = event.use("paused"), event.use("pausedreason") or event.use("reason")
    because = about["data"] | ({"reason": reason} if reason else {})
    if rule is not PAUSED:
        yield about | {"type": rule.type, "data": about["data"] | _raw(event)}
        if rule.type == "agent.signed_in" and paused == "1":
            yield about | {"type": PAUSED.type, "data": because}
    elif paused in ("0", "1"):
        yield about | {"type": (RESUMED, PAUSED)[int(paused)].type, "data": because | _raw(event)}
    else:
        raise Unusable("Paused", "invalid_field", f"{event.name}: Paused is {paused[:40]!r}, neither 0 nor 1.")


def _used_member(event: Event) -> str:
    name = event.first(MEMBER)
    return event.use(name) if name else ""


def _noted(event: Event) -> Iterator[dict[str, Any]]:
    """What a site sends of its own, kept as it is; of no call and no agent, there is nothing to hang it on."""
    root = event.peek("linkedid")
    if call := root or event.peek("uniqueid"):
        yield _note("call", event) | {
            "call_id": call,
            "root_call_id": root or None,
            "queue": event.peek("queue") or None,
        }
    elif agent := _member(event):
        yield _note("agent", event) | {"agent": agent}


def _note(family: str, event: Event) -> dict[str, Any]:
    return {"type": f"{family}.noted", "data": {"original_type": event.name, **_raw(event)}}


def _raw(event: Event) -> dict[str, Any]:
    rest = event.rest()
    return {"raw": rest} if rest else {}
