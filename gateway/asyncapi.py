"""The AsyncAPI 3.0 document of the public events, derived from what the services declare."""

from collections.abc import Iterable
from inspect import getdoc
from typing import Any

from gateway.event_feed import PATH
from gateway.openapi import CONTRACT, DESCRIPTION, LICENSE, specification
from services.kernel import schemas
from services.kernel.cloud_events import BODIES, exchange_of, source_of, type_of
from services.kernel.declarations import Api, Publication

SERVERS = {
    "bus": {
        "host": "{host}",
        "protocol": "amqp",
        "protocolVersion": "0.9.1",
        "description": "The RabbitMQ of the installation. Bind a queue of your own to the exchanges.",
        "variables": {"host": {"description": "Name or address, and port.", "default": "localhost:5672"}},
    }
}
PROMISE = (
    "Public events of all services: ids and figures, nothing about a person. Each comes at least once, those of a "
    "service in the order in which they were stored; apply each `id` once. Where there is a `revision`, an event "
    "replaces the one before it of its subject: apply the difference. "
    f"The same events can be read over HTTP, from the first one on: `GET {PATH}`."
)
TEXT = {"type": "string"}


def document(apis: Iterable[Api]) -> dict[str, Any]:
    """The whole document as plain data: for each public event a channel, a message, and the operation that sends it."""
    spec, converter = specification("Plateau events")
    channels, operations, messages = {}, {}, {}
    for publication in (each for api in apis for each in api.publications.values()):
        name = f"{publication.service}.{publication.name}"
        data = converter.resolve_nested_schema(schemas.schema_class(publication.shape))
        messages[name] = _message(publication, data)
        channels[name] = _channel(publication, name)
        operations[name] = {
            "action": "send",
            "channel": _reference("channels", name),
            "summary": messages[name]["summary"],
            "messages": [_reference("channels", name, "messages", name)],
        }
    shapes = spec.to_dict().get("components", {}).get("schemas", {})
    for shape in shapes.values():
        shape.pop("additionalProperties", None)  # events may grow
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Plateau events",
            "version": CONTRACT,
            "description": f"{DESCRIPTION}\n\n{PROMISE}",
            "license": {"name": LICENSE["name"]},
        },
        "defaultContentType": BODIES,
        "servers": SERVERS,
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": shapes},
    }


def _reference(*steps: str) -> dict[str, str]:
    return {"$ref": "/".join(["#", *steps])}


def _channel(publication: Publication, name: str) -> dict[str, Any]:
    exchange = {"name": exchange_of(publication.service), "type": "topic", "durable": True, "autoDelete": False}
    return {
        "address": publication.name,
        "messages": {name: _reference("components", "messages", name)},
        "servers": [_reference("servers", "bus")],
        "bindings": {"amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": "0.3.0"}},
    }


def _message(publication: Publication, data: dict[str, Any]) -> dict[str, Any]:
    """The CloudEvents envelope around the data."""
    fields: dict[str, Any] = {
        "specversion": {"const": "1.0"},
        "id": {**TEXT, "format": "uuid"},
        "source": {"const": source_of(publication.service)},
        "type": {"const": type_of(publication)},
        "subject": {**TEXT, "description": "The id of the thing that it is about."},
        "time": {**TEXT, "format": "date-time", "description": "When it happened."},
        "datacontenttype": {"const": "application/json"},
        "data": data,
    }
    if publication.revised:
        fields["revision"] = {"type": "integer", "minimum": 1, "description": "The number of the correction."}
    summary, _, description = (getdoc(publication.shape) or publication.name).partition("\n\n")
    return {
        "name": type_of(publication),
        "title": publication.name,
        "summary": summary,
        "description": description,
        "contentType": BODIES,
        "payload": {
            "type": "object",
            "required": list(fields),
            "properties": {**fields, "traceparent": {**TEXT, "description": "W3C Trace Context, where it is known."}},
        },
    }
