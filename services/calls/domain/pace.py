"""How far a quota has come: what was attained, whether that reaches the target, and where the period is heading."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Literal

from services.kernel.decider import values

Metric = Literal[
    "offered",
    "answered",
    "handled",
    "dispositions",
    "service_level",
    "answer_rate",
    "abandon_rate",
    "asa_seconds",
    "aht_seconds",
]
Comparison = Literal["at_least", "at_most"]
Method = Literal["linear", "as_so_far"]

SHARES: frozenset[Metric] = frozenset({"service_level", "answer_rate", "abandon_rate"})
COUNTS: frozenset[Metric] = frozenset({"offered", "answered", "handled", "dispositions"})
AT_MOST: frozenset[Metric] = frozenset({"abandon_rate", "asa_seconds", "aht_seconds"})
CENT = Decimal("0.01")


@values
class Figures:
    """A figure by what it is made of: a count alone, or a sum (of calls, of seconds) over a count."""

    numerator: Decimal
    denominator: int | None = None

    @property
    def attained(self) -> Decimal | None:
        """The figure as it is shown, of four decimals; None where there is nothing to divide by."""
        if self.denominator is None:
            return self.numerator
        return _quotient(self.numerator, self.denominator)


def _quotient(numerator: Decimal, denominator: int | Decimal) -> Decimal | None:
    return (numerator / denominator).quantize(Decimal("0.0001"), ROUND_HALF_EVEN) if denominator else None


def comparison(metric: Metric) -> Comparison:
    """Whether more is better, which the metric says."""
    return "at_most" if metric in AT_MOST else "at_least"


def reaches(metric: Metric, target: Decimal, figures: Figures) -> bool | None:
    """Whether the figure reaches the target, exactly; None where there is no figure."""
    if figures.denominator == 0:
        return None
    # Multiplied, not divided: a figure that is just short of its target must not be rounded up to it.
    wanted = target * (figures.denominator or 1)
    return figures.numerator <= wanted if metric in AT_MOST else figures.numerator >= wanted


@values
class Pace:
    """How far it has come: `share` is attained over target, `projection` the figure to expect at the period's end.

    By `method` `linear`, a count goes on as it did on average so far; `as_so_far`, a share or a mean stays what it is.
    """

    attained: Decimal | None
    numerator: Decimal
    denominator: int | None
    share: Decimal | None
    projection: Decimal | None
    method: Method
    expected: Literal["reached", "missed"] | None


def pace(metric: Metric, target: Decimal, figures: Figures, elapsed: float) -> Pace:
    """The pace, where that share of the period's time is over."""
    projected = figures
    if metric in COUNTS and elapsed < 1:
        forecast = figures.numerator / Decimal(elapsed) if elapsed else Decimal(0)
        projected = Figures(forecast.quantize(CENT, ROUND_HALF_EVEN))
    reached = reaches(metric, target, projected) if elapsed else None
    return Pace(
        attained=figures.attained,
        numerator=figures.numerator,
        denominator=figures.denominator,
        share=None if figures.attained is None else _quotient(figures.attained, target),
        projection=projected.attained if elapsed else None,
        method="linear" if metric in COUNTS else "as_so_far",
        expected=None if reached is None else "reached" if reached else "missed",
    )
