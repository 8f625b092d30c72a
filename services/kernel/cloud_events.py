"""Public events as they travel: CloudEvents 1.0, structured, as JSON.

`source` is `/plateau/<service>`, `type` `plateau.<service>.<short type>`, `subject` the id of the thing, `revision` (an
extension) the number of the correction, from 1, of an event that can be corrected, `traceparent` as in W3C's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from services.kernel import schemas, traces
from services.kernel.declarations import Publication
from services.kernel.store import StoredEvent
from services.kernel.upcasting import Upcaster, latest
from services.kernel.wire import rfc3339

SEALED = "sealed"
BODIES = "application/json"  # what a stock Nameko handler takes


class NotAnEvent(Exception):  # noqa: N818 - what the body is, not a mistake of ours
    """A body that is no CloudEvent of ours."""


def exchange_of(service: str) -> str:
    """The topic exchange to which a service publishes; the routing key is the short type."""
    return f"{service}.events"


def source_of(service: str) -> str:
    """The `source` of what a service publishes."""
    return f"/plateau/{service}"


Upcasters = Mapping[tuple[str, int], Upcaster]


def type_of(publication: Publication) -> str:
    """The `type` of what is published."""
    return f"plateau.{publication.service}.{publication.name}"


def body_of(publication: Publication, event: StoredEvent, upcasters: Upcasters) -> bytes | None:
    """The body that tells of a stored event; None where its translation is nothing."""
    told = told_of(publication, event, upcasters)
    return None if told is None else orjson.dumps(told)


def told_of(publication: Publication, event: StoredEvent, upcasters: Upcasters) -> dict[str, Any] | None:
    """That body as plain JSON data."""
    if publication.fact:
        data = publication.translate(event) if publication.translate else None
    else:
        data = _data(publication, latest(upcasters, event.type, event.schema_version, event.data))
    if data is None:
        return None
    made: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(event.event_id),
        "source": source_of(publication.service),
        "type": type_of(publication),
        "subject": str(data[publication.subject] if publication.subject else event.stream_id),
        "time": rfc3339(event.occurred_at),
        "datacontenttype": "application/json",
    }
    if publication.revised:
        made["revision"] = event.version
    if traceparent := event.metadata.get(traces.TRACEPARENT):
        made[traces.TRACEPARENT] = traceparent
    return {**made, "data": data}


def _data(publication: Publication, stored: dict[str, Any]) -> dict[str, Any] | None:
    if publication.translate is None or publication.internal is None:
        return stored
    hidden = dict.fromkeys(schemas.personal_fields(publication.internal))
    opened = {name: value for name, value in stored.items() if name != SEALED}
    public = publication.translate(schemas.revive(publication.internal, {**hidden, **opened}))
    return None if public is None else schemas.dump(public)


@dataclass(frozen=True, slots=True)
class Received:
    """A public event as it arrived; `type` is the short one, `data` plain JSON."""

    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    data: dict[str, Any]
    revision: int | None = None
    traceparent: str | None = None

    @classmethod
    def of(cls, body: bytes) -> "Received":
        """Reads a body; raises NotAnEvent where it is none of ours."""
        try:
            told = orjson.loads(body)
            return cls(
                UUID(told["id"]),
                told["source"],
                told["type"].rpartition(".")[2],
                told["subject"],
                datetime.fromisoformat(told["time"]),
                told["data"],
                told.get("revision"),
                traces.parsed(told.get(traces.TRACEPARENT)),
            )
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise NotAnEvent(f"the body is not a CloudEvent of ours: {error!r}") from error
