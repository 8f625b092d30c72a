"""CloudEvents 1.0 in structured and batched mode, as the facts that they carry (FORMATS section 14)."""

from typing import Any

from services.kernel.values import FieldError

PREFIX = "plateau."
CODE = "ingest.invalid_cloudevent"


def fact_of(event: Any) -> dict[str, Any] | list[FieldError]:
    """The fact that an event carries, not yet validated; or what keeps it from being a CloudEvent."""
    if not isinstance(event, dict):
        return [FieldError("", CODE, "Give a JSON object.")]
    faults = [
        FieldError(f"/{name}", CODE, f"{name} is required and must be a text that is not empty.")
        for name in ("id", "source", "type")
        if not isinstance(event.get(name), str) or not event[name]
    ]
    if event.get("specversion") != "1.0":
        faults.append(FieldError("/specversion", CODE, 'specversion must be "1.0".'))
    data = event.get("data")
    if "data_base64" in event or not isinstance(data, dict | None):
        faults.append(FieldError("/data", CODE, "data must be a JSON object."))
    if faults:
        return faults
    kind = event["type"].removeprefix(PREFIX)
    fact = {**(data or {}), "id": event["id"], "source": event["source"], "type": kind}
    if "time" in event:
        fact["occurred_at"] = event["time"]
    if "subject" in event and (about := _about(kind)):
        fact[about] = event["subject"]
    return fact


def pointer_in(event: dict[str, Any], pointer: str) -> str:
    """Where in an event that carries a fact the sender finds what `pointer` names in the fact."""
    if pointer in ("", "/id", "/source", "/type"):
        return pointer
    if pointer == "/occurred_at" and ("time" in event or pointer[1:] not in (event.get("data") or {})):
        return "/time"
    about = _about(event["type"].removeprefix(PREFIX))
    if pointer == f"/{about}" and ("subject" in event or about not in (event.get("data") or {})):
        return "/subject"
    return f"/data{pointer}"


def _about(kind: str) -> str | None:
    return {"call": "call_id", "agent": "agent"}.get(kind.partition(".")[0])
