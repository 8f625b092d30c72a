"""What Amazon Connect's contact events and contact records share (FORMATS section 8; Connect's administrator guide).

A contact is a call. Events tell of it as it happens, the record a minute after its end, and again whenever something is
corrected: the newest record is the whole contact. Therefore what both tell of a contact bears its id as `record`, and
events a version older than any record's. The entry into a queue is a record of its own: one that does not name the
queue takes nothing away from an event that does.
"""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.adapters.reading import Document, Fact, documents, part, word
from services.kernel.values import FieldError

BEFORE_ANY_RECORD = "1970-01-01T00:00:00Z"
NO_CALL = frozenset({"MONITOR"})  # a supervisor who listens
TRANSFERS = frozenset({"TRANSFER", "QUEUE_TRANSFER"})
CALLBACK = "CALLBACK"
DIALLED = frozenset({"OUTBOUND", "EXTERNAL_OUTBOUND"})  # by an agent
DIRECTIONS = {
    "INBOUND": "inbound",
    "OUTBOUND": "outbound",
    "EXTERNAL_OUTBOUND": "outbound",
    "CALLBACK": "outbound",
}
BY = {"CUSTOMER_DISCONNECT": "caller", "AGENT_DISCONNECT": "agent"}


def unwrapped(body: bytes) -> Iterator[Document | FieldError]:
    """The documents of a body; of a batch as Lambda, Kinesis and Firehose hand it on, those that its records hold."""
    for document in documents(body):
        batch = None if isinstance(document, FieldError) else document.get("Records") or document.get("records")
        if not isinstance(batch, list):
            yield document
            continue
        for record in batch:
            yield from documents(_content(record) if isinstance(record, dict) else b"null")


def _content(record: Mapping[str, Any]) -> bytes:
    """What a record holds: base64 in one of Kinesis or Firehose, text in one of SQS or SNS."""
    told = part(record, "kinesis").get("data") or record.get("data")
    if told is None:
        return str(record.get("body") or part(record, "Sns").get("Message") or "null").encode()
    try:
        return base64.b64decode(str(told), validate=True)
    except ValueError:
        return str(told).encode("utf-8", "replace")


def is_call(channel: Any, method: Any) -> bool:
    """Whether a contact is a call: a voice one, as long as no channel is named, and no supervision."""
    return (word(channel) or "VOICE").upper() == "VOICE" and (word(method) or "").upper() not in NO_CALL


def name_of(named: Any, arn: Any) -> str | None:
    """The name, else the last part of the ARN, which is the id."""
    return word(named) or (word(arn) or "").rpartition("/")[2] or None


def entered(queue: str | None, method: Any, at: Any) -> str | None:
    """The queue of a contact, if anybody waited in it: what an agent dials bears the queue of their routing profile."""
    return None if word(method) in DIALLED and not at else queue


def of_contact(contact: str, version: str, kind: str, at: Any, **fields: Any) -> Fact:
    """A fact of a contact."""
    return {
        "type": kind,
        "call_id": contact,
        "occurred_at": at,
        "record": f"{contact}:queue" if kind == "call.queued" else contact,
        "record_version": version,
        **fields,
    }


def ended_by(reason: Any) -> str | None:
    """Who ended the contact, by the reason that Connect gives."""
    return BY.get(reason, "system") if (reason := word(reason)) else None
