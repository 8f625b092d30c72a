"""Value types that the domain, the services and the gateway share. Standard library only."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

E164 = re.compile(r"\+[1-9][0-9]{1,14}")
# A margin of years on both sides: an instant less a wait, or in whichever zone and interval, is still an instant.
FIRST_YEAR, LAST_YEAR = 1900, 9998


class FieldError(NamedTuple):
    """One fault of one field: an RFC 6901 pointer (`""` is the item itself), a stable code, and what to do."""

    pointer: str
    code: str
    detail: str


class Unavailable(Exception):  # noqa: N818 - a state of the world, not a mistake
    """Something that we depend on cannot be reached now; the same call may succeed later."""


@dataclass(frozen=True, slots=True)
class Range:
    """The bounds of a number or a day, both included unless `exclusive` (then the lower one is not)."""

    min: Decimal | int | date | None = None
    max: Decimal | int | date | None = None
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class Length:
    """The bounds of the length of a text or a list, both included."""

    min: int = 0
    max: int | None = None


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression that the whole text must match, and how a person would say it."""

    regex: str
    says: str


@dataclass(frozen=True, slots=True)
class Personal:
    """Marks a field that is sealed with its subject's data key before it is stored."""


@dataclass(frozen=True, slots=True)
class Known:
    """Marks a sealed field of E.164 numbers by which persons are known: their keyed hashes stay open beside it."""


@dataclass(frozen=True, slots=True)
class Example:
    """A value to show in the documentation."""

    value: Any


Day = Annotated[date, Range(date(1900, 1, 1), date(2999, 12, 31))]  # so that weeks and years can be added to it

RATIO_STEP = Decimal("0.0001")
SECONDS_STEP = Decimal("0.001")


def ratio(numerator: int, denominator: int) -> Decimal | None:
    """A share with four decimals, half-even; None on a zero denominator (MEASURES section 1)."""
    if denominator == 0:
        return None
    return (Decimal(numerator) / Decimal(denominator)).quantize(RATIO_STEP, ROUND_HALF_EVEN)


def seconds(milliseconds: int) -> Decimal:
    """Whole milliseconds as decimal seconds."""
    return Decimal(milliseconds) / 1000


def mean_seconds(milliseconds: int, count: int) -> Decimal | None:
    """The mean of durations in seconds, to the millisecond, half-even; None where there is nothing to average."""
    if count == 0:
        return None
    return (Decimal(milliseconds) / (1000 * count)).quantize(SECONDS_STEP, ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in integer minor units of an ISO 4217 currency."""

    minor: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        """Sum of two amounts of one currency; two currencies are never added."""
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}: convert first")
        return Money(self.minor + other.minor, self.currency)

    def split(self, weights: Sequence[int]) -> list["Money"]:
        """Parts by weight that always sum to the whole (largest remainder, ties by position; MEASURES section 8)."""
        total = sum(weights)
        if total <= 0 or min(weights) < 0:
            raise ValueError("weights must not be negative and must not sum to zero")
        whole, sign = abs(self.minor), -1 if self.minor < 0 else 1
        parts = [whole * weight // total for weight in weights]
        by_remainder = sorted(range(len(weights)), key=lambda i: -(whole * weights[i] % total))
        for i in by_remainder[: whole - sum(parts)]:
            parts[i] += 1
        return [Money(sign * part, self.currency) for part in parts]


Party = Literal["centre", "client"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person (bearer token) or a machine (API key), with what they may do and see.

    `queues` and `sources` limit what is seen and sent; None means no limit.
    """

    id: str
    kind: Literal["person", "machine"] = "machine"
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    agent: str | None = None
    team: str | None = None
    client: str | None = None
    queues: frozenset[str] | None = None
    sources: frozenset[str] | None = None

    @property
    def party(self) -> Party:
        """The side of the table that the actor sits on."""
        return "client" if self.client else "centre"

    @property
    def is_limited(self) -> bool:
        """Whether the actor sees less than all: a client of the centre, a key of some queues, an agent."""
        return self.client is not None or self.queues is not None or self.roles == {"agent"}

    def sees_all_of(self, client: str | None, queues: Iterable[str] | None) -> bool:
        """Whether the actor sees whatever somebody sees who is limited to a client and to queues (None: no limit)."""
        return self.client in (None, client) and (
            self.queues is None or (queues is not None and self.queues.issuperset(queues))
        )

    def is_employee(self, employee: UUID | str, agent: str | None = None) -> bool:
        """Whether the actor is the employee of this id, known to calls as `agent`, if by any name.

        They are by the agent that they are, or by the id that they sign in with.
        """
        return str(employee) in (self.agent, self.id) or (agent is not None and agent == self.agent)

    def may(self, scope: str) -> bool:
        """Whether the actor holds a scope."""
        return scope in self.scopes
