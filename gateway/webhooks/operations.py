"""`/v1/webhooks` as it stands in the OpenAPI document."""

import re
from collections.abc import Iterator, Sequence
from inspect import getdoc
from typing import Any

from gateway.openapi import IDEMPOTENCY_KEY, IF_MATCH, Operation, json_answer, specification
from gateway.roles import SCOPES
from gateway.webhooks import endpoints, log, shapes
from gateway.webhooks.channel import OWN_TYPES
from services.kernel import schemas

READ, WRITE = "webhooks:read", "webhooks:write"
ONE = f"{endpoints.PATH}/{{id}}"


def operations(types: Sequence[str]) -> Iterator[Operation]:
    """All of them; `types` are those of the public events."""
    named = f"The types: `{'`, `'.join([*types, *OWN_TYPES])}`."
    order = {"application/json": {"schema": schemas.schema_class(shapes.EndpointOrder)}}
    made = json_answer("Made; the secret is shown only now", _shape(shapes.MadeEndpoint), ETag="Its version")
    changed = {"200": json_answer("Done", _shape(shapes.Changed), ETag="The new version")}
    yield _operation(
        "POST", endpoints.PATH, "Make a webhook endpoint.", WRITE, {"201": made},
        parameters=(IDEMPOTENCY_KEY,), body=order,
        about=f"Events are posted there from now on (Standard Webhooks). {named} Needs the scope `events:read` too.",
    )  # fmt: skip
    yield _operation("GET", endpoints.PATH, _summary(shapes.EndpointsOf), READ, _page(shapes.EndpointList),
                     parameters=tuple(_asked(shapes.EndpointsOf)))  # fmt: skip
    shown = {"200": json_answer("The endpoint", _shape(shapes.EndpointView), ETag="Its version")}
    yield _operation("GET", ONE, "Show a webhook endpoint.", READ, shown)
    yield _operation("PUT", ONE, "Change a webhook endpoint.", WRITE, changed, parameters=(IF_MATCH,), body=order,
                     about="Needs If-Match, and the scope `events:read` too.")  # fmt: skip
    yield _operation("DELETE", ONE, "Delete a webhook endpoint; the record of its deliveries stays.", WRITE, changed,
                     parameters=(IF_MATCH,))  # fmt: skip
    yield _operation("POST", f"{ONE}/pause", "Pause a webhook endpoint: its deliveries wait.", WRITE, changed,
                     parameters=(IF_MATCH,))  # fmt: skip
    yield _operation("POST", f"{ONE}/resume", "Resume a webhook endpoint that is paused or disabled.", WRITE, changed,
                     parameters=(IF_MATCH,), about="Needs the scope `events:read` too.")  # fmt: skip
    rotated = {"200": json_answer("The new secret, shown only now", _shape(shapes.NewSecret), ETag="The new version")}
    yield _operation("POST", f"{ONE}/rotate", "Give a webhook endpoint a new secret; the old one signs for a day more.",
                     WRITE, rotated, parameters=(IDEMPOTENCY_KEY,))  # fmt: skip
    tested = {
        "200": json_answer("What became of it", _shape(shapes.DeliveryView)),
        "202": json_answer("Not sent yet: look at the delivery later", _shape(shapes.DeliveryView)),
    }
    yield _operation("POST", f"{ONE}/test", "Post a ping to a webhook endpoint, once, and show what became of it.",
                     WRITE, tested, about="Needs the scope `events:read` too.")  # fmt: skip
    yield _operation(
        "POST", f"{ONE}/replay", _summary(shapes.ReplayOrder), WRITE,
        {"202": json_answer("Ordered: the endpoint shows how far it is", {"type": "object"})},
        parameters=(IDEMPOTENCY_KEY,),
        body={"application/json": {"schema": schemas.schema_class(shapes.ReplayOrder)}},
        about=f"{_about(shapes.ReplayOrder)} Needs the scope `events:read` too.",
    )  # fmt: skip
    yield _operation("GET", log.PATH, _summary(shapes.DeliveriesOf), READ, _page(shapes.DeliveryList),
                     parameters=tuple(_asked(shapes.DeliveriesOf)))  # fmt: skip
    yield _operation("GET", f"{log.PATH}/{{id}}", "Show a delivery with its attempts and its body.", READ,
                     {"200": json_answer("The delivery", _shape(shapes.DeliveryView))},
                     about="Needs the scope `events:read` too.")  # fmt: skip
    yield _operation("POST", f"{log.PATH}/{{id}}/replay", "Post a delivery again, with the same id and body.", WRITE,
                     {"200": json_answer("It is due now", _shape(shapes.Sent))})  # fmt: skip


def _operation(
    method: str,
    path: str,
    summary: str,
    scope: str,
    answers: dict[str, Any],
    *,
    parameters: tuple[dict[str, Any], ...] = (),
    body: dict[str, Any] | None = None,
    about: str = "",
) -> Operation:
    in_path = tuple(
        {"in": "path", "name": name, "required": True, "schema": {"type": "string", "format": "uuid"}}
        for name in re.findall(r"\{(\w+)", path)
    )
    described = f"{about} Needs the scope `{scope}`: {SCOPES[scope]}".strip()
    return Operation(method, path, "webhooks", summary, answers, scope, described, (*in_path, *parameters), body)


def _shape(shape: type) -> Any:
    return schemas.schema_class(shape)


def _page(shape: type) -> dict[str, Any]:
    return {"200": json_answer("A page", _shape(shape))}


def _summary(shape: type) -> str:
    return (getdoc(shape) or "").splitlines()[0]


def _about(shape: type) -> str:
    return (getdoc(shape) or "").partition("\n\n")[2]


def _asked(shape: type) -> Iterator[dict[str, Any]]:
    """The parameters of a query, as its dataclass declares them."""
    _, converter = specification("")
    for name, field in schemas.schema_class(shape)().fields.items():
        described = converter.field2property(field)
        yield {"in": "query", "name": field.data_key or name, "required": False, "schema": described}
