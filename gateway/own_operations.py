"""What the gateway itself offers, as it stands in the OpenAPI document."""

from collections.abc import Iterator, Sequence
from inspect import getdoc
from typing import Any

from apispec import APISpec

from gateway import api_keys, dead_letters, event_feed, forms, ingest, live_stream
from gateway.adapters import Adapter, callback_of
from gateway.crm import operations as crm
from gateway.exports import downloads
from gateway.exports.forms import MEDIA_TYPES
from gateway.openapi import Operation, header, json_answer, specification
from gateway.roles import INGEST, SCOPES
from gateway.webhooks import operations as webhooks
from services.calls.api import fact_schema
from services.kernel import schemas
from services.kernel.cloud_events import type_of
from services.kernel.dead_letters import ShownDeadLetter
from services.kernel.declarations import Api

EXAMPLE_FACT = {
    "id": "pbx1-1717397259.239826-3",
    "source": "pbx1",
    "type": "call.answered",
    "call_id": "1717397243.239826",
    "occurred_at": "2026-11-21T09:14:03.120Z",
    "queue": "sales-fr",
    "agent": "a-1042",
    "from": "+33199000001",
    "data": {"wait_seconds": 12},
}
EXAMPLE_EVENT = {
    "specversion": "1.0",
    "id": "pbx1-1717397259.239826-3",
    "source": "pbx1",
    "type": "plateau.call.answered",
    "subject": "1717397243.239826",
    "time": "2026-11-21T09:14:03.120Z",
    "data": {"queue": "sales-fr", "agent": "a-1042", "data": {"wait_seconds": 12}},
}
VERDICTS = {
    "type": "object",
    "required": ["accepted", "rejected"],
    "properties": {
        "accepted": {"type": "integer", "description": "Items taken, duplicates included."},
        "rejected": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["index", "pointer", "id", "code", "detail"],
                "properties": {
                    "index": {"type": "integer"},
                    "pointer": {"type": "string", "examples": ["/17/occurred_at"]},
                    "id": {"type": ["string", "null"]},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
ACKNOWLEDGED = {"$ref": "#/components/schemas/Verdicts"}
PROMISE = (
    "202 means that the broker keeps every accepted item. 503 means not acknowledged: repeat the request unchanged, "
    "whatever had arrived counts once. A gzip body is taken (Content-Encoding: gzip); limits count after inflation."
)


def _needs(scope: str) -> str:
    return f"Needs the scope `{scope}`: {SCOPES[scope]}"


class OwnOperations:
    """Ingest, telephone feeds, API keys, dead letters, the event feed, webhooks and the system's own pages."""

    def __init__(self, apis: Sequence[Api], adapters: Sequence[Adapter]) -> None:
        self._adapters = adapters
        self._types = [type_of(publication) for api in apis for publication in api.publications.values()]

    def __call__(self, spec: APISpec) -> Iterator[Operation]:
        """All of them."""
        spec.components.schema("Fact", fact_schema())
        spec.components.schema("Verdicts", VERDICTS)
        yield from _ingest()
        yield from map(_feed, self._adapters)
        yield from _api_keys()
        yield from _dead_letters()
        yield _event_feed(self._types)
        yield _live_stream()
        yield _report_file()
        yield from webhooks.operations(self._types)
        yield from crm.operations()
        yield from _system()


def _ingest() -> Iterator[Operation]:
    fact: dict[str, Any] = {"$ref": "#/components/schemas/Fact"}
    many = {"oneOf": [fact, {"type": "array", "items": fact, "maxItems": forms.MOST_ITEMS}]}
    yield Operation(
        "POST", ingest.PATH, "call facts", "Send facts of calls and agents.",
        {"202": json_answer("Every accepted item is kept", ACKNOWLEDGED)},
        INGEST, f"{PROMISE}\n\n{_needs(INGEST)}",
        body={
            "application/json": {"schema": many, "example": EXAMPLE_FACT},
            "application/x-ndjson": {"schema": {"type": "string", "description": "One fact a line."}},
            "application/cloudevents+json": {"schema": {"type": "object"}, "example": EXAMPLE_EVENT},
            "application/cloudevents-batch+json": {
                "schema": {"type": "array", "items": {"type": "object"}}, "example": [EXAMPLE_EVENT],
            },
        },
    )  # fmt: skip


def _feed(adapter: Adapter) -> Operation:
    texts = [("source", True, "Its name, compared exactly.")]
    texts += [(name, False, text) for name, text in adapter.parameters.items()]
    callback, kept = callback_of(adapter), "Every accepted item is kept"
    answers = {"202": json_answer(kept, ACKNOWLEDGED)}
    needs = _needs(INGEST)
    if callback is not None:
        answers = answers if callback.status == 202 else {str(callback.status): {"description": kept}}
        needs += f" Where the source has a secret, none but that: it is {callback.proof.says}."
    return Operation(
        "POST", adapter.path, "telephony", adapter.summary, answers, INGEST, f"{PROMISE}\n\n{needs}",
        tuple(
            {"in": "query", "name": name, "required": required, "description": text, "schema": {"type": "string"}}
            for name, required, text in texts
        ),
        {media_type: {"schema": {"type": "string"}} for media_type in adapter.media_types},
    )  # fmt: skip


def _api_keys() -> Iterator[Operation]:
    made = {"type": "object", "required": ["id", "key"],
            "properties": {"id": {"type": "string", "format": "uuid"}, "key": {"type": "string"}}}  # fmt: skip
    page = {"type": "object", "required": ["items", "next"], "properties": {
        "items": {"type": "array", "items": {"type": "object"}}, "next": {"type": ["string", "null"]}}}  # fmt: skip
    key_id = {"in": "path", "name": "id", "required": True, "schema": {"type": "string", "format": "uuid"}}
    paging = tuple({"in": "query", "name": name, "schema": {"type": kind}}
                   for name, kind in (("limit", "integer"), ("cursor", "string")))  # fmt: skip
    tag = "API keys"
    yield Operation(
        "POST", api_keys.PATH, tag, "Make an API key; it is shown only now.", {"201": json_answer("Made", made)},
        "keys:write", _needs("keys:write"),
        body={"application/json": {"schema": schemas.schema_class(api_keys.KeyOrder)}},
    )  # fmt: skip
    yield Operation("GET", api_keys.PATH, tag, "List API keys, without their secrets.",
                    {"200": json_answer("A page", page)}, "keys:read", _needs("keys:read"), paging)  # fmt: skip
    yield Operation("GET", f"{api_keys.PATH}/{{id}}", tag, "Show an API key, without its secret.",
                    {"200": json_answer("The key", {"type": "object"})}, "keys:read", _needs("keys:read"),
                    (key_id,))  # fmt: skip
    yield Operation("DELETE", f"{api_keys.PATH}/{{id}}", tag, "Revoke an API key, within 5 seconds.",
                    {"200": json_answer("Revoked", {"type": "object"})}, "keys:write", _needs("keys:write"),
                    (key_id,))  # fmt: skip


def _dead_letters() -> Iterator[Operation]:
    tag = "dead letters"
    letter = ({"in": "path", "name": "id", "required": True, "schema": {"type": "string"}},)
    read = _needs("dead-letters:read")
    yield Operation(
        "GET", dead_letters.PATH, tag, "List what was put aside, the oldest first, without its content.",
        {"200": json_answer("A page", schemas.schema_class(dead_letters.DeadLetterList))}, "dead-letters:read", read,
        tuple(_asked(dead_letters.DeadLettersOf)),
    )  # fmt: skip
    yield Operation(
        "GET", f"{dead_letters.PATH}/{{id}}", tag, "Show a message that was put aside, with its content.",
        {"200": json_answer("The message", schemas.schema_class(ShownDeadLetter))}, "dead-letters:read", read, letter,
    )  # fmt: skip
    yield Operation(
        "POST", f"{dead_letters.PATH}/{{id}}/replay", tag, "Send a message that was put aside to where it came from.",
        {"200": json_answer("Sent", schemas.schema_class(dead_letters.Replayed))}, "dead-letters:replay",
        f"Whatever was done already counts once. {_needs('dead-letters:replay')}", letter,
    )  # fmt: skip


def _event_feed(types: Sequence[str]) -> Operation:
    page = {"type": "object", "required": ["items", "next"], "properties": {
        "items": {"type": "array", "items": {"type": "object"}, "description": "CloudEvents, as in /asyncapi.json."},
        "next": {"type": "string", "description": "Where to read on; never null."}}}  # fmt: skip
    about = getdoc(event_feed.EventsAfter) or ""
    described = f"{about.partition(chr(10) * 2)[2]}\n\nThe types: `{'`, `'.join(types)}`. {_needs('events:read')}"
    return Operation("GET", event_feed.PATH, "events", about.splitlines()[0], {"200": json_answer("A page", page)},
                     "events:read", described, tuple(_asked(event_feed.EventsAfter)))  # fmt: skip


def _report_file() -> Operation:
    described = (
        "Made once, and byte for byte the same at every time: what was sent by e-mail. `report_due` tells its address. "
        "It stays for as many days as deliveries do. Whoever asks must see all that the schedule shows, and hold the "
        f"scope of its report too. {_needs(downloads.SCOPE)}"
    )
    content = {MEDIA_TYPES[form]: {"schema": {"type": "string"}} for form in ("csv", "xlsx")}
    kinds = {"schedule_id": "uuid", "due_at": "date-time"}
    named = ({"in": "path", "name": name, "required": True, "schema": {"type": "string", "format": kind}}
             for name, kind in kinds.items())  # fmt: skip
    return Operation("GET", downloads.PATH, "report-schedules", "Fetch the file of a due time of a schedule.",
                     {"200": {"description": "The file", "content": content}}, downloads.SCOPE, described,
                     tuple(named))  # fmt: skip


LIVE_EVENT = """retry: 3000

id: 6b1f0c2e9a41-1
event: live
data: {"whole":true,"as_of":"2026-11-21T09:14:03.120Z","queues":[…],"agents":[…],"quotas":[],"gone":{"queues":[],"agents":[]}}

id: 6b1f0c2e9a41-2
event: live
data: {"whole":false,"as_of":"2026-11-21T09:14:05.131Z","queues":[],"agents":[…],"gone":{"queues":[],"agents":["a-1042"]}}
"""  # noqa: E501 - as it is sent


def _live_stream() -> Operation:
    about = getdoc(live_stream.LiveStreamOf) or ""
    described = f"{about.partition(chr(10) * 2)[2]}\n\n{_needs(live_stream.SCOPE)}"
    events = {"schema": {"type": "string", "description": "Server-sent events."}, "example": LIVE_EVENT}
    return Operation(
        "GET", live_stream.PATH, "live", about.splitlines()[0],
        {"200": {"description": "Events, for ever", "content": {"text/event-stream": events}}},
        live_stream.SCOPE, described, (header("Last-Event-ID", "The id of the last event that was seen."),),
    )  # fmt: skip


def _asked(shape: type) -> Iterator[dict[str, Any]]:
    """The parameters of a query, as its dataclass declares them."""
    _, converter = specification("")
    for name, field in schemas.schema_class(shape)().fields.items():
        yield {"in": "query", "name": name, "required": False, "schema": converter.field2property(field)}


def _system() -> Iterator[Operation]:
    anything = json_answer("The answer", {"type": "object"})
    text = {"description": "The answer", "content": {"text/plain": {"schema": {"type": "string"}}}}
    page = {"description": "The answer", "content": {"text/html": {"schema": {"type": "string"}}}}
    for path, summary, answer in (
        ("/health/live", "Say that the process answers.", anything),
        ("/health/ready", "Show each dependency, the ingest backlog and the lag of projections and relays.", anything),
        ("/metrics", "Show metrics for Prometheus.", text),
        ("/openapi.json", "Show this document.", anything),
        ("/asyncapi.json", "Show the public events as an AsyncAPI document.", anything),
        ("/docs", "Show this document as a page to read.", page),
        ("/v1/errors", "List every problem code with its meaning, remedy and whether to retry.", anything),
    ):
        yield Operation("GET", path, "system", summary, {"200": answer})
