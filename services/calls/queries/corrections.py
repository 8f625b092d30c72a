"""Figures that have moved after their hour was closed."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from services.calls.domain.intervals import Cause, IntervalFigures
from services.calls.queries.calls import Name
from services.kernel.decider import values
from services.kernel.lists import Paged


@values
class Corrections(Paged):
    """List the closed hours whose figures have moved, with what they were and are; `from` and `to` bound the hours.

    `updated_since` leaves those out that were found before.
    """

    queue: Name | None = None
    from_: datetime | None = None
    to: datetime | None = None
    updated_since: datetime | None = None


@values
class Correction:
    """What moved in an hour of a queue, and why; `revision` counts what was told of that hour, from 1."""

    id: UUID
    queue: str
    interval_start: datetime
    interval: Literal["PT1H"]
    revision: int
    before: IntervalFigures
    after: IntervalFigures
    changed: tuple[str, ...]
    causes: tuple[Cause, ...]
    corrected_at: datetime


@values
class CorrectionList:
    """A page of them."""

    items: tuple[Correction, ...]
    next: str | None
