"""The service level report, and what stands behind a figure of it."""

from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from services.calls.domain.service_level import Formula, ServiceLevelPolicy, Threshold
from services.calls.queries.calls import Name
from services.kernel.decider import values
from services.kernel.lists import Paged

Interval = Literal["PT15M", "PT30M", "PT1H", "P1D", "P1W", "P1M", "total"]
Measure = Literal[
    "offered",
    "answered",
    "answered_within",
    "abandoned",
    "abandoned_within",
    "short_abandoned",
    "overflowed",
    "in_progress",
    "out_of_hours",
    "handled",
    "pending",
]
Hours = Literal["open", "closed", "all"]


@values
class ServiceLevelOf:
    """Report the service level per queue and interval, exact for any threshold and formula.

    A visit counts in the interval in which it entered the queue, with all its durations. Without `policy`,
    `threshold_seconds` or `formula` each visit is judged by the policy in force when it entered. With `as_known_at`
    the visits are those that everything recorded at or before that instant tells of. `hours` leaves those that entered
    while the queue's calendar was open or closed, by the version in force then; a queue without one is always open.
    With `group_by` a row is of a client's queues or of a campaign: counts are summed, then divided, and each visit is
    judged by the policy of its own queue.
    """

    from_: datetime
    to: datetime
    queue: Name | None = None
    interval: Interval = "PT15M"
    policy: Name | None = None
    threshold_seconds: Threshold | None = None
    formula: Formula | None = None
    timezone: ZoneInfo | None = None
    as_known_at: datetime | None = None
    hours: Hours = "all"
    group_by: Literal["queue", "client", "campaign"] = "queue"


@values
class ServiceLevelRow:
    """The figures of one queue in one interval; null where a ratio or a mean has nothing to stand on.

    `queue` is null in a row of a client or of a campaign, which is null itself where the visits have none.
    """

    queue: str | None
    interval_start: datetime
    offered: int
    answered: int
    answered_within: int
    abandoned: int
    abandoned_within: int
    short_abandoned: int
    overflowed: int
    left_by_reason: dict[str, int]
    in_progress: int
    out_of_hours: int
    service_level: Decimal | None
    service_level_numerator: int
    service_level_denominator: int
    answer_rate: Decimal | None
    abandon_rate: Decimal | None
    asa_seconds: Decimal | None
    max_wait_seconds: Decimal | None
    handled: int
    pending: int
    talk_seconds: Decimal
    hold_seconds: Decimal
    wrapup_seconds: Decimal
    aht_seconds: Decimal | None
    client: str | None = None
    campaign: str | None = None


@values
class PolicyView(ServiceLevelPolicy):
    """A policy that a report used, and for which queue (null: every queue that has none of its own)."""

    queue: str | None = None


@values
class ServiceLevelReport:
    """Rows by queue and interval, the policies that judged them, and as of when."""

    items: tuple[ServiceLevelRow, ...]
    policies: tuple[PolicyView, ...]
    interval: Interval
    timezone: str | None
    as_of: datetime


@values
class Explain(Paged):
    """List the visits behind one figure of a report, and the facts behind each visit.

    The figure is of a `queue`, or of a row grouped by `client` or `campaign`.
    """

    interval_start: datetime
    measure: Measure
    queue: Name | None = None
    client: Name | None = None
    campaign: Name | None = None
    report: Literal["service-level"] = "service-level"
    interval: Interval = "PT15M"
    to: datetime | None = None
    policy: Name | None = None
    threshold_seconds: Threshold | None = None
    formula: Formula | None = None
    timezone: ZoneInfo | None = None
    as_known_at: datetime | None = None
    hours: Hours = "all"


@values
class ExplainedFact:
    """A fact behind a figure."""

    id: str
    source: str
    type: str
    occurred_at: datetime
    recorded_at: datetime


@values
class ExplainedVisit:
    """A visit behind a figure, with its call's facts."""

    call_id: UUID
    visit_id: UUID
    facts: tuple[ExplainedFact, ...]


@values
class Explanation:
    """A figure, the policies behind it, and a page of the visits that it counts."""

    value: int
    policy: tuple[PolicyView, ...]
    items: tuple[ExplainedVisit, ...]
    next: str | None
