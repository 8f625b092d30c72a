"""`/v1/crm/connections` as it stands in the OpenAPI document."""

import re
from collections.abc import Iterator
from inspect import getdoc
from typing import Any

from gateway.crm import shapes
from gateway.crm.endpoints import PATH, READ, WRITE
from gateway.crm.terms import KINDS
from gateway.openapi import IDEMPOTENCY_KEY, IF_MATCH, Operation, json_answer, specification
from gateway.roles import SCOPES
from services.kernel import schemas

ONE = f"{PATH}/{{id}}"
LOG = f"{ONE}/deliveries"
OF_ALL = "A caller who is limited to certain queues, sources or a client may not."
CHANGED = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "string", "format": "uuid"}, "version": {"type": "integer"}},
}


def operations() -> Iterator[Operation]:
    """All of them."""
    changed = {"200": json_answer("Done", CHANGED, ETag="The new version")}
    terms = "\n\n".join(
        f"**{name}** settings: {_said(kind.settings)} Secrets: {_said(kind.secrets)}" for name, kind in KINDS.items()
    )
    made = {"201": json_answer("Made", CHANGED, ETag="Its version")}
    yield _operation("POST", PATH, "Connect a CRM.", WRITE, made, parameters=(IDEMPOTENCY_KEY,),
                     body=shapes.ConnectionOrder, about=f"{_about(shapes.ConnectionOrder)}\n\n{terms}")  # fmt: skip
    yield _operation("GET", PATH, _summary(shapes.ConnectionsOf), READ, _answers("A page", shapes.ConnectionList),
                     asked=shapes.ConnectionsOf)  # fmt: skip
    yield _operation("GET", ONE, "Show a CRM connection; its secrets by name only.", READ,
                     _answers("The connection", shapes.ConnectionView))  # fmt: skip
    yield _operation("PUT", ONE, "Change a CRM connection; its provider stays.", WRITE, changed,
                     body=shapes.ConnectionOrder, parameters=(IF_MATCH,))  # fmt: skip
    yield _operation("DELETE", ONE, "End a CRM connection; what waits is never sent.", WRITE, changed)
    yield _operation("POST", f"{ONE}/pause", "Pause a CRM connection: everything waits.", WRITE, changed)
    yield _operation("POST", f"{ONE}/resume", "Resume a CRM connection, with what has waited first.", WRITE, changed)
    yield _operation("POST", f"{ONE}/test", "Ask the provider of a CRM connection something harmless.", WRITE,
                     _answers("What came of it", shapes.ConnectionTested))  # fmt: skip
    yield _operation("GET", LOG, _summary(shapes.DeliveriesOf), READ, _answers("A page", shapes.CrmDeliveryList),
                     asked=shapes.DeliveriesOf)  # fmt: skip
    yield _operation("GET", f"{LOG}/{{delivery}}", "Show a delivery of a CRM connection with every attempt.", READ,
                     _answers("The delivery", shapes.CrmDeliveryView))  # fmt: skip
    again = _answers("How many are sent again", shapes.CrmReplayed)
    yield _operation("POST", f"{LOG}/{{delivery}}/replay", "Send a delivery of a CRM connection again.", WRITE, again)
    yield _operation("POST", f"{ONE}/replay", _summary(shapes.RangeOrder), WRITE, again, body=shapes.RangeOrder)
    signed = "Signed by the provider (HubSpot: signature v3; Zendesk), which is its authentication: no key is needed."
    yield Operation("POST", f"{ONE}/inbound", "crm", "Take a webhook of the provider.",
                    _answers("Taken", shapes.TakenChanges), None, signed, _in_path(f"{ONE}/inbound"),
                    {"application/json": {"schema": {}}})  # fmt: skip


def _operation(
    method: str,
    path: str,
    summary: str,
    scope: str,
    answers: dict[str, Any],
    *,
    parameters: tuple[dict[str, Any], ...] = (),
    asked: type | None = None,
    body: type | None = None,
    about: str = "",
) -> Operation:
    needs = f"Needs the scope `{scope}`: {SCOPES[scope]} {OF_ALL}"
    given = (*_in_path(path), *parameters, *(_in_query(asked) if asked else ()))
    sent = {"application/json": {"schema": schemas.schema_class(body)}} if body else None
    return Operation(method, path, "crm", summary, answers, scope, f"{about}\n\n{needs}".strip(), given, sent)


def _answers(text: str, shape: type) -> dict[str, Any]:
    return {"200": json_answer(text, schemas.schema_class(shape))}


def _in_path(path: str) -> tuple[dict[str, Any], ...]:
    uuid = {"type": "string", "format": "uuid"}
    return tuple({"in": "path", "name": n, "required": True, "schema": uuid} for n in re.findall(r"\{(\w+)", path))


def _in_query(shape: type) -> Iterator[dict[str, Any]]:
    _, converter = specification("")
    for name, field in schemas.schema_class(shape)().fields.items():
        shown = field.data_key or name
        yield {"in": "query", "name": shown, "required": False, "schema": converter.field2property(field)}


def _summary(shape: type) -> str:
    return (getdoc(shape) or "").splitlines()[0]


def _about(shape: type) -> str:
    return (getdoc(shape) or "").partition("\n\n")[2]


def _said(shape: type) -> str:
    """The fields of a shape, and what its docstring says of them."""
    return f"`{'`, `'.join(shape.__dataclass_fields__)}`. {' '.join((getdoc(shape) or '').split())}"
