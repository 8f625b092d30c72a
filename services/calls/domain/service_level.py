"""Service level: one set of counts, six published readings and two that hide nothing (MEASURES section 2).

A = answered, B = abandoned with the exits that the policy counts as such, ≤T within the threshold, ≤s short. Every
figure is exact: the counts decide, the ratio is rounded only for display.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from services.calls.domain.visits import Reason
from services.kernel.decider import values
from services.kernel.values import Length, Range

Formula = Literal["sl1", "sl2", "sl3", "sl4", "sl5", "sl6", "sl7"]
Threshold = Annotated[Decimal, Range(min=0, max=86400)]


@values
class PolicyTerms:
    """How service level is measured; durations in seconds, the target a share."""

    name: Annotated[str, Length(1, 100)] = "default"
    threshold_seconds: Threshold = Decimal(20)
    comparison: Literal["lt", "lte"] = "lte"
    formula: Formula = "sl1"
    short_abandon_seconds: Threshold = Decimal(5)
    count_as_abandoned: tuple[Reason, ...] = ()
    exclude: tuple[Reason, ...] = ("restart",)
    target: Annotated[Decimal | None, Range(min=0, max=1)] = Decimal("0.8")


@values
class ServiceLevelPolicy(PolicyTerms):
    """Terms that hold for the visits that enter from an instant on; null: since ever."""

    effective_from: datetime | None = None


DEFAULT = ServiceLevelPolicy()


def timeline(
    policies: Iterable[ServiceLevelPolicy], begin: datetime, end: datetime
) -> list[tuple[datetime, datetime, ServiceLevelPolicy]]:
    """The policies in force from `begin` to `end`, by their own dates; of one date the last adopted."""
    by_date = {policy.effective_from: policy for policy in policies}
    dated = sorted((since, policy) for since, policy in by_date.items() if since is not None)
    changes = [(since, policy) for since, policy in dated if begin < since < end]
    before = [policy for since, policy in dated if since <= begin]
    first = (begin, before[-1] if before else DEFAULT)
    ends = [since for since, _ in changes] + [end]
    return [(since, until, policy) for (since, policy), until in zip([first, *changes], ends, strict=True)]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many visits ended how, under one policy.

    `exits_*`: exits whose reason the policy counts as abandoned; `excluded`: exits, and nothing else, that it leaves
    out of every ratio. `*_within` are within the threshold, `*_short` within the short limit.
    """

    answered: int = 0
    answered_within: int = 0
    abandoned: int = 0
    abandoned_within: int = 0
    abandoned_short: int = 0
    exits: int = 0
    exits_within: int = 0
    exits_short: int = 0
    overflowed: int = 0
    excluded: int = 0
    in_progress: int = 0

    @property
    def offered(self) -> int:
        """Every visit, whatever became of it."""
        return self.answered + self.abandoned + self.overflowed + self.in_progress

    @property
    def lost(self) -> int:
        """The policy's B."""
        return self.abandoned + self.exits

    @property
    def settled(self) -> int:
        """What the answer rate stands on: all that entered or were turned away, less those still open or excluded."""
        return self.offered - self.in_progress - self.excluded


Fraction = tuple[int, int]


def service_level(formula: Formula, counts: Counts) -> Fraction:
    """Numerator and denominator of a formula."""
    within, answered, lost = counts.answered_within, counts.answered, counts.lost
    lost_within = counts.abandoned_within + counts.exits_within
    lost_short = counts.abandoned_short + counts.exits_short
    match formula:
        case "sl1":
            return within + lost_within, answered + lost
        case "sl2":
            return within, answered
        case "sl3":
            return within, answered + lost
        case "sl4":
            return within, answered + lost - lost_within
        case "sl5":
            return within + lost_short, answered + lost
        case "sl6":
            return within, answered + lost - lost_short
        case "sl7":
            return within, counts.settled


def answer_rate(counts: Counts) -> Fraction:
    """Answered over all that entered or were turned away (*taux de décroché*)."""
    return counts.answered, counts.settled


def abandon_rate(counts: Counts) -> Fraction:
    """The policy's B over A + B."""
    return counts.lost, counts.answered + counts.lost
