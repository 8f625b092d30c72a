"""The OpenAPI 3.1 document, derived from what the services declare and what the gateway adds."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import fields

from gateway.exports.exporting import forms_of
from gateway.exports.forms import MEDIA_TYPES
from gateway.roles import SCOPES
from services.kernel import schemas
from services.kernel.declarations import Api, UseCase
from services.kernel.wire import Amount, Instant, Number, Zone

CONTRACT = "1.0.0"  # the version of the contract, not of the build: within v1 there are only additions
DESCRIPTION = "The backend on which the manager of a call centre runs the floor."
LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
PROBLEM_SCHEMA = {
    "type": "object",
    "description": "RFC 9457. GET /v1/errors lists every code with its meaning and remedy.",
    "required": ["type", "title", "status", "detail", "code", "errors", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": ["/v1/errors#request.invalid"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "examples": ["request.invalid"]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "RFC 6901", "examples": ["/items/3/occurred_at"]},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
        "request_id": {"type": "string"},
    },
}
COMMANDED = {
    "type": "object",
    "required": ["id", "version", "position"],
    "properties": {
        "id": {"type": "string"},
        "version": {"type": "integer", "description": "The same as the ETag."},
        "position": {
            "type": "string",
            "description": "Opaque; send it as Plateau-Min-Position to read what you wrote.",
        },
    },
}
MONEY = {
    "type": "object",
    "required": ["amount", "currency"],
    "properties": {
        "amount": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "examples": ["1250.00"]},
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["EUR"]},
    },
}


@dataclass(frozen=True)
class Operation:
    """One documented method of one path: `body` and `answers` as OpenAPI has them; no scope means no credentials."""

    method: str
    path: str
    tag: str
    summary: str
    answers: dict[str, Any]
    scope: str | None = None
    description: str = ""
    parameters: tuple[dict[str, Any], ...] = ()
    body: dict[str, Any] | None = None


def header(name: str, description: str) -> dict[str, Any]:
    """A request header that may be left out."""
    return {"in": "header", "name": name, "description": description, "schema": {"type": "string"}}


ALLOWED_ACTIONS = fields.List(
    fields.String(), required=True, metadata={"description": "The commands that the caller may give to it."}
)
IF_MATCH = header("If-Match", "The ETag of the version that the change is meant for.")
IDEMPOTENCY_KEY = header("Idempotency-Key", "The same key and body, within 24 hours: the same command, done once.")
MIN_POSITION = header("Plateau-Min-Position", "Wait up to 2 s until the answer includes this position.")


class Documents(Protocol):
    """Whatever adds operations to the document."""

    def __call__(self, spec: APISpec) -> Iterable[Operation]:
        """The operations; schemas that they need are added to `spec`."""


def _described(field: fields.Field[Any]) -> dict[str, Any]:
    """What apispec cannot know of our own fields."""
    match field:
        case Instant():
            described: dict[str, Any] = {"type": "string", "format": "date-time"}
        case Number():
            described = {"type": "number"}
        case Zone():
            described = {"type": "string", "examples": ["Europe/Paris"]}
        case Amount():
            described = MONEY
        case _:
            return {}
    return {**described, "type": [described["type"], "null"]} if field.allow_none else described


def specification(title: str, **options: Any) -> tuple[APISpec, Any]:
    """An empty document, and what makes JSON schemas of our fields."""
    marshmallow = MarshmallowPlugin(schema_name_resolver=lambda schema: _class_of(schema).__name__)
    spec = APISpec(title, CONTRACT, "3.1.0", plugins=[marshmallow], **options)
    converter = marshmallow.converter
    converter.add_attribute_function(lambda _converter, field, **_context: _described(field))
    return spec, converter


def document(apis: Iterable[Api], others: Iterable[Documents]) -> dict[str, Any]:
    """The whole document as plain data."""
    spec, converter = specification(
        "Plateau",
        info={"description": DESCRIPTION, "license": LICENSE},
        security=[{"bearer": []}],
    )
    spec.components.security_scheme(
        "bearer", {"type": "http", "scheme": "bearer", "description": "An API key (pl_…), or a JWT of your provider."}
    )
    spec.components.schema("Problem", PROBLEM_SCHEMA)
    spec.components.schema("Commanded", COMMANDED)
    for api in apis:
        for case in api.public_use_cases:
            for operation in _operations(case, converter):
                _add(spec, operation)
    for documents in others:
        for operation in documents(spec):
            _add(spec, operation)
    made = dict(spec.to_dict())
    shapes = made["components"]["schemas"]
    for name in shapes.keys() - _taken(made):
        shapes[name].pop("additionalProperties", None)  # answers may grow within v1; what is sent is checked
    return made


def _taken(document: dict[str, Any]) -> set[str]:
    """The schemas of what is sent, those within them included."""
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    found: set[str] = set()
    open_ends = [operation["requestBody"] for operation in operations if "requestBody" in operation]
    while open_ends:
        names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(open_ends))) - found
        found |= names
        open_ends = [document["components"]["schemas"][name] for name in names]
    return found


def _class_of(schema: Any) -> type:
    return schema if isinstance(schema, type) else type(schema)


def _add(spec: APISpec, operation: Operation) -> None:
    answers = {
        **operation.answers,
        "default": {
            "description": "Anything else",
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        },
    }
    described: dict[str, Any] = {
        "tags": [operation.tag],
        "summary": operation.summary,
        "operationId": _operation_id(operation),
        "parameters": list(operation.parameters),
        "responses": answers,
    }
    if operation.scope is None:
        described["security"] = []
    else:
        described["x-scope"] = operation.scope
    if operation.description:
        described["description"] = operation.description
    if operation.body:
        described["requestBody"] = {"required": True, "content": operation.body}
    spec.path(re.sub(r"\{(\w+):path\}", r"{\1}", operation.path), operations={operation.method.lower(): described})


def _operation_id(operation: Operation) -> str:
    words = re.findall(r"\w+", operation.path.replace("/v1", "").replace(":path", ""))
    return "_".join([operation.method.lower(), *words])


def json_answer(description: str, schema: Any, **headers: str) -> dict[str, Any]:
    """An answer with a JSON body."""
    answer: dict[str, Any] = {"description": description, "content": {"application/json": {"schema": schema}}}
    if headers:
        answer["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in headers.items()
        }
    return answer


def _operations(case: UseCase, converter: Any) -> Iterator[Operation]:
    tag = case.path.split("/")[2]
    described = (case.shape.__doc__ or "").strip().partition("\n\n")[2]
    described = f"{described}\n\nNeeds the scope `{case.scope}`: {SCOPES[case.scope]}".strip()
    schema = schemas.schema_class(case.shape)
    in_path = re.findall(r"\{(\w+)", case.path)
    if case.kind == "command":
        path_parameters = [_in_path(name, {"type": "string"}) for name in in_path]
        yield Operation(
            case.method, case.path, tag, case.summary,
            {
                "200": json_answer("Done", {"$ref": "#/components/schemas/Commanded"}, ETag="The new version"),
                "201": json_answer("Done, and the thing is new", {"$ref": "#/components/schemas/Commanded"}),
            },
            case.scope, described, (*path_parameters, IF_MATCH, IDEMPOTENCY_KEY),
            {"application/json": {"schema": schema}},
        )  # fmt: skip
        return
    parameters = []
    for name, field in schema().fields.items():
        wire_name = field.data_key or name
        described_field = converter.field2property(field)
        if wire_name in in_path:
            parameters.append(_in_path(wire_name, described_field))
        else:
            parameters.append({"in": "query", "name": wire_name, "required": field.required, "schema": described_field})
    answer: Any = schemas.schema_class(case.returns) if case.returns else {"type": "object"}
    if case.shows:
        if case.returns:  # under a name of its own: in a list the same thing comes without its actions
            answer = type(f"Shown{answer.__name__}", (answer,), {"allowed_actions": ALLOWED_ACTIONS})
        as_of = {"in": "query", "name": "as_of", "schema": {"type": "string", "format": "date-time"}}
        yield Operation(
            "GET", case.path, tag, case.summary, {"200": json_answer("The thing", answer, ETag="Its version")},
            case.scope, described, (*parameters, as_of),
        )  # fmt: skip
        past = json_answer("Its events, oldest first", {"type": "object"})
        summary = "List what happened to it."
        yield Operation(
            "GET", f"{case.path}/history", tag, summary, {"200": past}, case.scope, described, tuple(parameters)
        )
        return
    answered = json_answer("The answer", answer)
    answered["content"] |= {MEDIA_TYPES[form]: {"schema": {"type": "string"}} for form in forms_of(case)[1:]}
    yield Operation(
        "GET", case.path, tag, case.summary, {"200": answered}, case.scope, described, (*parameters, MIN_POSITION)
    )


def _in_path(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"in": "path", "name": name, "required": True, "schema": schema}
