"""A call's facts as they count: each once, of each record its greatest version, in the order in which they happened."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple
from uuid import UUID

from services.calls.domain.vocabulary import RANK

NOTHING: Mapping[str, Any] = {}
NUMBERS = (int, float)


class Fact(NamedTuple):
    """A stored fact as the fold reads it.

    `occurred_at` is in microseconds since 1970, the source's clock offset applied. `customer` is the keyed hash of the
    customer's number; `has_numbers` says that the fact came with numbers, which are sealed elsewhere.
    """

    event_id: UUID
    id: str
    type: str
    occurred_at: int
    sequence: int | None = None
    queue: str | None = None
    agent: str | None = None
    direction: str | None = None
    channel: str | None = None
    campaign: str | None = None
    record: str | None = None
    record_version: str | None = None
    root_call_id: str | None = None
    parent_call_id: str | None = None
    customer: str | None = None
    has_numbers: bool = False
    data: Mapping[str, Any] = NOTHING

    @classmethod
    def of(
        cls,
        event_id: UUID,
        fact: Mapping[str, Any],
        occurred_at: int,
        customer: str | None = None,
        has_numbers: bool = False,
    ) -> "Fact":
        """A fact from its canonical shape, as events keep it."""
        get = fact.get
        return cls(
            event_id,
            fact["id"],
            fact["type"],
            occurred_at,
            get("sequence"),
            get("queue"),
            get("agent"),
            get("direction"),
            get("channel"),
            get("campaign"),
            get("record"),
            get("record_version"),
            get("root_call_id"),
            get("parent_call_id"),
            customer,
            has_numbers,
            get("data", NOTHING),
        )

    def milliseconds(self, name: str) -> int | None:
        """A duration as the source stated it, in whole milliseconds; one below zero counts as zero."""
        stated = self.data.get(name)
        return None if stated is None else max(round(stated * 1000), 0)

    @property
    def is_below_zero(self) -> bool:
        """Whether it states a duration below zero: nothing else in its data can be."""
        return any(stated.__class__ in NUMBERS and stated < 0 for stated in self.data.values())


def sort_key(fact: Fact) -> tuple[int, bool, int, int, str]:
    """Instant, sequence (absent last), place in a call's life, id; never arrival."""
    sequence = fact.sequence
    return fact.occurred_at, sequence is None, sequence or 0, RANK[fact.type], fact.id


def in_order(facts: Iterable[Fact]) -> list[Fact]:
    """The facts that count, sorted; none of them is a repeat."""
    counting = list(facts)
    if _have_versions(counting):
        counting = _of_greatest_versions(counting)
    counting.sort(key=sort_key)
    return counting


def _have_versions(facts: list[Fact]) -> bool:
    """Whether of any record there is more than one version: only then one of them is to be found."""
    first: dict[str, str | None] = {}
    for fact in facts:
        record = fact.record
        if record is not None and first.setdefault(record, fact.record_version) != fact.record_version:
            return True
    return False


def _of_greatest_versions(facts: list[Fact]) -> list[Fact]:
    versions: dict[str, set[str]] = {}
    for fact in facts:
        if fact.record is not None:
            versions.setdefault(fact.record, set()).add(fact.record_version or "")
    greatest = {record: greatest_versions(found) for record, found in versions.items()}
    return [fact for fact in facts if fact.record is None or (fact.record_version or "") in greatest[fact.record]]


def greatest_versions(versions: set[str]) -> set[str]:
    """The versions equal to the greatest one: as instants if all of them are, else as numbers, else as text."""
    stated = versions - {""}
    if len(stated) < 2:
        return stated or versions
    for read in (_instant, _number):
        values = {version: read(version) for version in stated}
        if None not in values.values():
            greatest = max(values.values())
            return {version for version, value in values.items() if value == greatest}
    return {max(stated)}


def _instant(version: str) -> Any:
    try:
        instant = datetime.fromisoformat(version)
    except ValueError:
        return None
    return instant if instant.tzinfo else None


def _number(version: str) -> Any:
    try:
        number = Decimal(version)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
