"""Facts as they are taken in: checked, put in their canonical shape, and given their place in the event store."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal
from uuid import UUID, uuid5

from services.calls.domain.forms import ANYTHING, Unfit
from services.calls.domain.vocabulary import ALWAYS, ENVELOPE, FIELDS, VOCABULARY, needs
from services.kernel.values import FieldError

Kind = Literal["call", "agent", "source"]

STREAMS = UUID("b6f0a1d8-6f5a-5c3e-9c0f-2f1f6a0d7e11")  # never changes: the id of every stored fact hangs on it

_TAKE = {name: form.take for name, form in FIELDS.items()}
_CARRIES = {
    name: {key: form.take for key, form in {**kind.carries, "raw": ANYTHING}.items()}
    for name, kind in VOCABULARY.items()
}
_NEEDS = {name: needs(name) for name in VOCABULARY}
_NEEDED = {name: frozenset(each for each in wanted if "." not in each) for name, wanted in _NEEDS.items()}
_NEEDED_IN_DATA = {name: frozenset(each[5:] for each in wanted if "." in each) for name, wanted in _NEEDS.items()}
_EITHER = {name: kind.either for name, kind in VOCABULARY.items()}


def canonical(item: object) -> dict[str, Any] | list[FieldError]:
    """A fact as it is published and stored, or every fault of the item with a pointer to it.

    Nulls are dropped, `occurred_at` is in UTC, an unknown call.* or agent.* type becomes call.noted or agent.noted.
    What the vocabulary does not name is kept under `data.raw`, which is sealed: it may say anything about a person.
    """
    if not isinstance(item, dict):
        return [FieldError("", "invalid_type", "Give a fact as a JSON object.")]
    faults: list[FieldError] = []
    fact, strays = _taken(item, _TAKE, "", faults)
    sent = fact.pop("data", {})
    kind: str = fact.get("type", "")
    stray_data: dict[str, Any] = {}
    if kind in VOCABULARY:
        data, stray_data = _taken(sent, _CARRIES[kind], "/data", faults) if sent else ({}, {})
    else:
        kind, data = _noted(kind, sent, faults)
        if not kind:
            return faults + _missing(ALWAYS, item)
        fact["type"] = kind
    if strays or stray_data:
        data["raw"] = _raw(data.get("raw"), fields=strays, data=stray_data)
    if data:
        fact["data"] = data
    if not (fact.keys() >= _NEEDED[kind] and data.keys() >= _NEEDED_IN_DATA[kind]):
        faults += _missing(_NEEDS[kind], item)
    if _EITHER[kind] and fact.keys().isdisjoint(_EITHER[kind]):
        faults += _neither(_EITHER[kind], item)
    return faults or fact


def _taken(
    sent: Mapping[str, Any], takes: Mapping[str, Any], pointer: str, faults: list[FieldError]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is named, as it is kept, and what is not; both without nulls."""
    taken: dict[str, Any] = {}
    strays: dict[str, Any] = {}
    for name, value in sent.items():
        if value is None:
            continue
        take = takes.get(name)
        try:
            if take is None:
                strays[name] = value
                ANYTHING.take({name: value})
            else:
                taken[name] = take(value)
        except Unfit as unfit:
            faults += _below(pointer if take is None else f"{pointer}/{name}", unfit)
    return taken, strays


def _below(pointer: str, unfit: Unfit) -> Iterator[FieldError]:
    return (fault._replace(pointer=f"{pointer}{fault.pointer}") for fault in unfit.faults)


def _noted(kind: str, sent: dict[str, Any], faults: list[FieldError]) -> tuple[str, dict[str, Any]]:
    """The type and data under which a fact of an unknown type is kept; no type where it is none of ours."""
    family, _, rest = kind.partition(".")
    if family not in ENVELOPE or not rest:
        if kind:
            remedy = "Give a type that begins with call. or agent., or source.restarted."
            faults.append(FieldError("/type", "unknown_type", remedy))
        return "", {}
    try:
        ANYTHING.take(sent)
    except Unfit as unfit:
        faults += _below("/data", unfit)
    return f"{family}.noted", {"original_type": kind, **({"raw": sent} if sent else {})}


def _raw(raw: Any, **strays: dict[str, Any]) -> dict[str, Any]:
    """What the sender kept in `data.raw` already, and beside it what we found no name for."""
    kept = {name: found for name, found in strays.items() if found}
    if raw is None:
        return kept
    if isinstance(raw, dict) and not raw.keys() & kept.keys():
        return raw | kept
    return {"raw": raw} | kept


def _missing(names: tuple[str, ...], item: Mapping[str, Any]) -> list[FieldError]:
    return [
        FieldError(f"/{name.replace('.', '/')}", "required", "This type of fact needs this field.")
        for name in names
        if _given(item, name) is None
    ]


def _given(item: Mapping[str, Any], name: str) -> Any:
    if not name.startswith("data."):
        return item.get(name)
    data = item.get("data")
    return data.get(name[5:]) if isinstance(data, dict) else data


def _neither(names: tuple[str, ...], item: Mapping[str, Any]) -> Iterator[FieldError]:
    if all(item.get(name) is None for name in names):
        yield FieldError(f"/{names[0]}", "required", f"Give {' or '.join(names)}.")


def subject(fact: Mapping[str, Any]) -> tuple[Kind, str]:
    """What a canonical fact is about: its call, its agent or its source (which needs no further key)."""
    kind: Kind = fact["type"].partition(".")[0]
    if kind == "source":
        return "source", ""
    return kind, fact["call_id"] if kind == "call" else fact["agent"]


def stream_id(source: str, kind: Kind, key: str) -> UUID:
    """The stream of one call, agent or source: the same for ever, on any machine."""
    return uuid5(STREAMS, f"{kind}\x1f{source}\x1f{key}")  # names hold no control characters, so this is unambiguous


def event_id(stream: UUID, fact_id: str) -> UUID:
    """The id of the event that a fact becomes: the same fact, the same event."""
    return uuid5(stream, fact_id)
