"""Facts of one invented call, as tests tell them: seconds after nine o'clock instead of instants."""

from typing import Any
from uuid import UUID

from services.calls.domain.facts import canonical, event_id, stream_id
from services.calls.domain.fold import Call, Fact, fold

SOURCE, CALL_ID = "pbx1", "1767607190.101"
STREAM = stream_id(SOURCE, "call", CALL_ID)
NINE = 1_795_251_600_000_000  # 2026-11-21T09:00:00Z in microseconds


def at(seconds: float) -> int:
    """An instant in microseconds."""
    return NINE + round(seconds * 1_000_000)


def fact(kind: str, seconds: float, id_: str | None = None, data: dict[str, Any] | None = None, **fields: Any) -> Fact:
    """A fact of the call; whatever is told here must be acceptable from outside too."""
    item = {
        "id": id_ or f"{kind}@{seconds}" + "".join(f" {value}" for value in fields.values()),
        "source": SOURCE,
        "type": kind,
        "call_id": CALL_ID,
        "occurred_at": "2026-11-21T09:00:00Z",
        "data": data,
        **fields,
    }
    taken = canonical(item)
    assert isinstance(taken, dict), taken
    return Fact.of(event_id(STREAM, taken["id"]), taken, at(seconds), has_numbers="from" in fields)


def opened_by(told: Fact) -> UUID:
    """The id of the visit or leg that a fact opens."""
    return told.event_id


def told(*facts: Fact, **circumstances: Any) -> Call:
    """The call that the facts tell; it must be the same told backwards and twice."""
    call = fold(facts, **circumstances)
    assert fold([*reversed(facts), *facts], **circumstances) == call
    return call
