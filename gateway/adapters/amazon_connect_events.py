"""Amazon Connect's contact events as EventBridge delivers them."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from gateway.adapters.amazon_connect import (
    BEFORE_ANY_RECORD,
    CALLBACK,
    DIRECTIONS,
    TRANSFERS,
    ended_by,
    entered,
    is_call,
    name_of,
    of_contact,
    unwrapped,
)
from gateway.adapters.items import Item, Parameters
from gateway.adapters.proofs import PASSWORD, Callback
from gateway.adapters.reading import MALFORMED, Document, Fact, item, needed, noted, part, without, word
from gateway.sources import Source
from services.kernel.values import FieldError

ABOUT_CONTACTS = "Amazon Connect Contact Event"
WITHOUT_FACT = frozenset({"CONNECTED_TO_SYSTEM", "PAUSED", "RESUMED"})  # the system's answer; pauses of tasks, no holds
READ = frozenset(
    {"eventType", "contactId", "channel", "initiationMethod", "initiationTimestamp", "disconnectTimestamp",
     "initialContactId", "previousContactId", "disconnectReason", "queueInfo", "agentInfo", "AgentInfo", "instanceArn"}
)  # fmt: skip


class AmazonConnectEvents:
    """Reads envelopes of EventBridge, one or many; events of other channels than voice say nothing of calls."""

    name = "amazon_connect_events"
    path = "/v1/telephony/amazon-connect/contact-events"
    summary = "Send Amazon Connect's contact events."
    media_types = ("application/json", "application/x-ndjson")
    parameters: Mapping[str, str] = MappingProxyType({})
    callback = Callback(PASSWORD)

    def items(self, body: bytes, source: Source, _given: Parameters) -> Iterator[Item]:
        """Each event."""
        for envelope in unwrapped(body):
            yield Item(fault=envelope) if isinstance(envelope, FieldError) else _item(envelope, source)


def _item(envelope: Document, source: Source) -> Item:
    detail, id_ = envelope.get("detail"), envelope.get("id")
    if not isinstance(detail, dict) or not isinstance(id_, str):
        return Item(fault=FieldError("", MALFORMED, "Give EventBridge's envelope, with id and detail."))
    if not is_call(detail.get("channel"), detail.get("initiationMethod")):
        return Item()
    return item(id_, source, _facts(detail, envelope), without(detail, READ))


def _facts(detail: Mapping[str, Any], envelope: Document) -> Iterator[Fact]:
    about = envelope.get("detail-type") or ABOUT_CONTACTS
    if about != ABOUT_CONTACTS:  # of a rule that matches too much
        other = noted(str(about)[:200], dict(detail), call_id=word(detail.get("contactId")))
        yield other and other | {"occurred_at": needed(envelope, "time")}
        return
    kind, contact = needed(detail, "eventType"), needed(detail, "contactId")
    queue_info, agent_info = part(detail, "queueInfo"), part(detail, "agentInfo", "AgentInfo")
    queue = entered(
        name_of(None, queue_info.get("queueArn")), detail.get("initiationMethod"), queue_info.get("enqueueTimestamp")
    )
    agent = name_of(None, agent_info.get("agentArn") or agent_info.get("AgentArn"))
    linked = ("initiationMethod", "initialContactId", "previousContactId", "disconnectReason")
    method, first, before, reason = (word(detail.get(name)) for name in linked)

    def fact(type_: str, at: Any, **fields: Any) -> Fact:
        told = of_contact(contact, BEFORE_ANY_RECORD, type_, at or needed(envelope, "time"), **fields)
        links = {"root_call_id": first if first != contact else None, "parent_call_id": before}
        return told | links | {"direction": DIRECTIONS.get(method or ""), "channel": "voice"}

    if kind in WITHOUT_FACT:
        return
    match kind:
        case "INITIATED":
            yield fact("call.started", detail.get("initiationTimestamp"), data={"initiation": method})
            if method in TRANSFERS and before:
                yield transferred(before, contact, BEFORE_ANY_RECORD, detail.get("initiationTimestamp"), envelope)
        case "QUEUED":
            yield fact("call.queued", queue_info.get("enqueueTimestamp"), queue=queue or needed({}, "queueArn"))
        case "CONNECTED_TO_AGENT":
            at = agent_info.get("connectedToAgentTimestamp")
            yield fact("call.answered", at, queue=queue, agent=agent or needed({}, "agentArn"))
        case "DISCONNECTED":
            at = detail.get("disconnectTimestamp")
            if agent is None and queue and method == CALLBACK:
                yield fact("call.queue_left", at, queue=queue, data={"reason": "callback"})
            gave_up = agent is None and (method == "INBOUND" or method in TRANSFERS)
            by = "caller" if gave_up else ended_by(reason)
            yield fact("call.ended", at, data={"by": by, "cause": reason})
        case "COMPLETED" if agent:
            yield fact("call.wrapup_ended", None, agent=agent)
        case _:
            yield fact("call.noted", None, data={"original_type": kind, "raw": dict(detail)})


def transferred(before: str, contact: str, version: str, at: Any, envelope: Document) -> Fact:
    """What the beginning of a contact says of the one before it, whose own record does not tell."""
    fact = of_contact(contact, version, "call.transferred", at or needed(envelope, "time"))
    return fact | {"call_id": before}
