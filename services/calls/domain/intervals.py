"""Hours of queues that are over: what their figures were then, and what has become of them since."""

from collections.abc import Mapping
from dataclasses import field, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal, get_args
from uuid import UUID, uuid5

from services.kernel.decider import event, values

INTERVALS = UUID("7a4f1b6e-90c2-5b0a-b6a5-1f7c2d3e4a5b")  # never changes: the streams of all intervals hang on it
HOUR = 3_600_000_000  # in microseconds
GRACE = timedelta(minutes=15)  # most calls of an hour are over by then, and late facts have come

QueueHour = tuple[str, int]  # a queue and an hour since 1970
NO_HOURS: frozenset[QueueHour] = frozenset()

# Why a figure moved after its hour was closed: a fact that came late; one that came in time, of a call that was still
# on; a fact that corrects an earlier one; a call taken out of the figures, or back in; and what bears on many calls.
Cause = Literal["late_fact", "open_call", "correction", "exclusion", "inference", "identity", "clock", "restart"]


@values
class IntervalFigures:
    """What the visits that entered a queue in an interval come to: counts and sums, none of which hangs on a policy.

    `wait_seconds` are those of the answered, the other durations those of the handled legs.
    """

    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    overflowed: int = 0
    in_progress: int = 0
    left_by_reason: Mapping[str, int] = field(default_factory=dict)
    handled: int = 0
    pending: int = 0
    wait_seconds: Decimal = Decimal(0)
    talk_seconds: Decimal = Decimal(0)
    hold_seconds: Decimal = Decimal(0)
    wrapup_seconds: Decimal = Decimal(0)


@event("interval_closed")
class IntervalClosed:
    """An hour of a queue is over, and these are its figures; an hour without a visit is not told of."""

    queue: str
    interval_start: datetime
    interval: Literal["PT1H"]
    figures: IntervalFigures


@event("figure_corrected")
class FigureCorrected:
    """Figures of an hour that was closed have changed: `before` is what was told of it last.

    `changed` names the figures that differ, `causes` why; several where several came together.
    """

    queue: str
    interval_start: datetime
    interval: Literal["PT1H"]
    before: IntervalFigures
    after: IntervalFigures
    changed: tuple[str, ...]
    causes: tuple[Cause, ...]


def interval_stream(queue: str, hour: int) -> UUID:
    """The stream of what is told of an hour of a queue."""
    return uuid5(INTERVALS, f"PT1H\x1f{queue}\x1f{hour}")


def start_of(hour: int) -> datetime:
    """When an hour since 1970 begins."""
    return datetime.fromtimestamp(hour * 3600, UTC)


def first_open_hour(now: datetime) -> int:
    """The first hour that is not closed yet: those before are over, and their grace has passed."""
    return int((now - GRACE).timestamp() // 3600)


def told(
    queue: str, hour: int, last: IntervalFigures | None, now: IntervalFigures, causes: set[str]
) -> IntervalClosed | FigureCorrected | None:
    """What is to be told of a closed hour after `last` was told of it (None: nothing yet)."""
    if last is None:
        return None if now == IntervalFigures() else IntervalClosed(queue, start_of(hour), "PT1H", now)
    differ = tuple(each.name for each in fields(last) if getattr(last, each.name) != getattr(now, each.name))
    if not differ:
        return None
    why = tuple(cause for cause in get_args(Cause) if cause in causes)
    return FigureCorrected(queue, start_of(hour), "PT1H", last, now, differ, why)
