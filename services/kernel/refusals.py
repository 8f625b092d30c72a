"""Refusals as they travel: answers like any other, never exceptions that cross the bus."""

from collections.abc import Sequence
from typing import Any

from services.kernel.decider import Rejected
from services.kernel.values import FieldError

Answer = dict[str, Any]

HIDDEN = Rejected("request.not_found", "There is nothing here, or nothing that you may see.", 404)


def refused(
    code: str, detail: str, status: int, errors: Sequence[FieldError] = (), retry_after: int | None = None
) -> Answer:
    """A refusal as it travels."""
    listed = [error._asdict() for error in errors]
    return {"refused": {"code": code, "detail": detail, "status": status, "errors": listed, "retry_after": retry_after}}


def not_valid(pointer: str, detail: str) -> Answer:
    """The refusal of one parameter."""
    fault = FieldError(pointer, "invalid_field", detail)
    return refused("request.invalid", "Some parameters are not valid.", 422, [fault])


def refusal_of(rejected: Rejected) -> Answer:
    """A domain's refusal as it travels."""
    faults = [FieldError(rejected.pointer, rejected.code, rejected.detail)] if rejected.pointer else []
    return refused(rejected.code, rejected.detail, rejected.status, faults)


def nothing_here() -> Answer:
    """The refusal that does not tell a thing that is not there from one that the actor may not know of."""
    return refusal_of(HIDDEN)


def verdict(index: int, first: FieldError, *others: FieldError) -> dict[str, Any]:
    """Why an item was not taken, at its first fault; it tells of the others."""
    detail = " ".join([first.detail, *(f"{other.pointer}: {other.detail}" for other in others)])
    return {"index": index, "pointer": f"/items/{index}{first.pointer}", "code": first.code, "detail": detail}
