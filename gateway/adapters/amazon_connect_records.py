"""Amazon Connect's contact records, as Kinesis and Firehose deliver them."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from gateway.adapters.amazon_connect import (
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
from gateway.adapters.reading import (
    Document,
    Fact,
    dated,
    item,
    needed,
    number,
    numbers,
    part,
    without,
    word,
)
from gateway.sources import Source
from services.kernel.values import FieldError

READ = frozenset(
    {"AWSAccountId", "AWSContactTraceRecordFormatVersion", "ContactId", "InitialContactId", "PreviousContactId",
     "Channel", "InitiationMethod", "DisconnectReason", "InitiationTimestamp", "DisconnectTimestamp",
     "LastUpdateTimestamp", "CustomerEndpoint", "SystemEndpoint", "Recordings", "Recording", "Campaign", "Username",
     "Name", "EnqueueTimestamp", "DequeueTimestamp", "ConnectedToAgentTimestamp", "AgentInteractionDuration",
     "CustomerHoldDuration", "Duration", "AfterContactWorkDuration", "AfterContactWorkStartTimestamp",
     "AfterContactWorkEndTimestamp"}
)  # fmt: skip


class AmazonConnectRecords:
    """Reads records, one a line, an array, or one after the other; each is the whole contact as known at its update."""

    name = "amazon_connect_records"
    path = "/v1/telephony/amazon-connect/contact-records"
    summary = "Send Amazon Connect's contact records."
    media_types = ("application/json", "application/x-ndjson")
    parameters: Mapping[str, str] = MappingProxyType({})
    callback = Callback(PASSWORD)

    def items(self, body: bytes, source: Source, _given: Parameters) -> Iterator[Item]:
        """Each record."""
        for record in unwrapped(body):
            if isinstance(record, FieldError):
                yield Item(fault=record)
            elif not is_call(record.get("Channel"), record.get("InitiationMethod")):
                yield Item()
            else:
                contact, version = record.get("ContactId"), record.get("LastUpdateTimestamp")
                id_ = f"{contact}:{version}" if contact and version else None
                yield item(id_, source, _facts(record, source), _rest(record))


def _rest(record: Document) -> dict[str, Any]:
    parts = {"Agent": without(part(record, "Agent"), READ), "Queue": without(part(record, "Queue"), READ)}
    return without({**record, **parts}, READ)


def _facts(record: Document, source: Source) -> Iterator[Fact]:
    contact, version = needed(record, "ContactId"), dated(record, "LastUpdateTimestamp")
    queue_part, agent_part = part(record, "Queue"), part(record, "Agent")
    agent = name_of(agent_part.get("Username"), agent_part.get("ARN"))
    gone = record.get("DisconnectTimestamp") or version
    method, before, after = (
        word(record.get(name)) for name in ("InitiationMethod", "PreviousContactId", "NextContactId")
    )
    queue = entered(name_of(queue_part.get("Name"), queue_part.get("ARN")), method, queue_part.get("EnqueueTimestamp"))

    def fact(kind: str, at: Any, **fields: Any) -> Fact:
        return of_contact(contact, version, kind, at or gone, **fields)

    yield _started(fact("call.started", record.get("InitiationTimestamp")), record, source)
    if method in TRANSFERS and before:
        moved = fact("call.transferred", record.get("InitiationTimestamp"))
        yield moved | {"call_id": before}
    if queue and queue_part.get("EnqueueTimestamp"):
        yield fact("call.queued", queue_part["EnqueueTimestamp"], queue=queue)
    wait = number(queue_part.get("Duration"), "Queue.Duration")
    if agent:
        at = agent_part.get("ConnectedToAgentTimestamp") or queue_part.get("DequeueTimestamp")
        yield fact("call.answered", at, queue=queue, agent=agent, data={"wait_seconds": wait})
        talk = number(agent_part.get("AgentInteractionDuration"), "AgentInteractionDuration")
        hold = number(agent_part.get("CustomerHoldDuration"), "CustomerHoldDuration")
        yield fact("call.leg_ended", None, agent=agent, data={"talk_seconds": talk, "hold_seconds": hold})
        if out := record.get("TransferCompletedTimestamp"):  # to somebody outside; no other contact tells of that
            yield fact("call.transferred", out, agent=agent)
        for wrapup in _wrapup(agent_part, gone):
            yield fact(wrapup.pop("type"), wrapup.pop("at"), agent=agent, data=wrapup)
    elif queue and (method == CALLBACK or after):
        # Where it went on as another contact without an agent, the customer chose to be called back.
        data = {"reason": "callback", "wait_seconds": wait}
        yield fact("call.queue_left", queue_part.get("DequeueTimestamp"), queue=queue, data=data)
    yield _ended(fact("call.ended", None), record, None if agent else wait, waited=bool(queue) and not agent)
    yield from _recordings(fact, record)
    if code := word(part(record, "Attributes").get(source.disposition_attribute or "")):
        yield fact("call.disposition_set", None, data={"code": code})


def _started(about: Fact, record: Document, source: Source) -> Fact:
    method = word(record.get("InitiationMethod"))
    customer, system = part(record, "CustomerEndpoint").get("Address"), part(record, "SystemEndpoint").get("Address")
    direction = DIRECTIONS.get(method or "")
    ends = (system, customer) if direction == "outbound" else (customer, system)
    known, other = numbers(source, **dict(zip(("from", "to"), ends, strict=True)))
    first = word(record.get("InitialContactId"))
    return about | {
        "direction": direction,
        "channel": "voice",
        "campaign": part(record, "Campaign").get("CampaignId"),
        "root_call_id": first if first != about["call_id"] else None,
        "parent_call_id": word(record.get("PreviousContactId")),
        **known,
        "data": {"initiation": method, "raw": other or None},
    }


def _ended(about: Fact, record: Document, wait: float | None, *, waited: bool) -> Fact:
    gave_up = waited and word(record.get("InitiationMethod")) in {"INBOUND", *TRANSFERS}
    reason = word(record.get("DisconnectReason"))
    data = {
        "by": ended_by(reason) or ("caller" if gave_up else None),
        "cause": reason,
        "wait_seconds": wait,
    }
    return about | {"data": data}


def _wrapup(agent: Mapping[str, Any], gone: Any) -> Iterator[Fact]:
    """Its beginning and its end; null means that there was none."""
    seconds = number(agent.get("AfterContactWorkDuration"), "AfterContactWorkDuration")
    if seconds is None:
        return
    began = agent.get("AfterContactWorkStartTimestamp") or gone
    yield {"type": "call.wrapup_started", "at": began}
    yield {"type": "call.wrapup_ended", "at": agent.get("AfterContactWorkEndTimestamp") or began,
           "wrapup_seconds": seconds}  # fmt: skip


def _recordings(fact: Any, record: Document) -> Iterator[Fact]:
    recordings = record.get("Recordings") or [record.get("Recording")]
    for each in recordings if isinstance(recordings, list) else []:
        if isinstance(each, dict) and each.get("Location") and each.get("Status") != "DELETED":
            began = each.get("StartTimestamp")
            yield fact("call.recorded", began, data={"location": each["Location"], "started_at": began})
