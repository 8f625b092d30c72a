"""What is doubtful in what the sources said."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from services.calls.queries.calls import Name
from services.kernel.decider import values
from services.kernel.lists import Paged
from services.kernel.values import Range

Doubt = Literal[
    "missing_end",
    "negative_wait",
    "negative_talk",
    "negative_wrapup",
    "end_without_leg",
    "unknown_agent",
    "unknown_queue",
    "conflict",
    "skewed",
    "late",
    "versions_differ",
]
Lateness = Annotated[int, Range(1, 31_622_400)]


@values
class DataQualityOf:
    """Count what is doubtful in what each source said of the calls that began in a time, 7 days at most.

    `missing_end`: closed by inference. `negative_…`: durations that came out below zero and count as zero.
    `end_without_leg`: the end of a leg that never began. `unknown_…`: names that stand for nobody, where a source has
    names of that kind mapped. `conflict`: repeats of a fact with other content. `skewed`: facts ahead of our clock.
    `late`: facts that came more than `late_after_seconds` after they happened. `versions_differ`: versions of one
    record, such as those of two feeds, that name another queue or agent, or durations more than a second apart.
    """

    from_: datetime
    to: datetime
    source: Name | None = None
    late_after_seconds: Lateness = 3600


@values
class DoubtCount:
    """How often a source gave one kind of doubt, and when the latest of it happened."""

    source: str
    kind: Doubt
    count: int
    latest: datetime


@values
class DataQualityReport:
    """Rows by source and kind; what never came up has none."""

    items: tuple[DoubtCount, ...]
    as_of: datetime


@values
class DoubtsOf(Paged):
    """List what is behind a count of the data-quality report."""

    kind: Doubt
    from_: datetime
    to: datetime
    source: Name | None = None
    late_after_seconds: Lateness = 3600


@values
class DoubtItem:
    """One doubt: in which call, about what (a fact, a visit, a name), when that happened, and what is doubtful."""

    source: str
    call_id: UUID
    at: datetime
    about: str
    detail: str | None


@values
class DoubtList:
    """A page of them."""

    items: tuple[DoubtItem, ...]
    next: str | None
