"""The service level report, and what stands behind a figure of it."""

from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from services.calls.domain.service_level import Formula, ServiceLevelPolicy, Threshold
from services.calls.domain.visits import Reason
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
    "excluded",
    "counted_as_abandoned",
    "service_level_numerator",
    "service_level_denominator",
    "talk_seconds",
    "hold_seconds",
    "wrapup_seconds",
    "service_level",
    "answer_rate",
    "abandon_rate",
    "asa_seconds",
    "aht_seconds",
    "max_wait_seconds",
]
Hours = Literal["open", "closed", "all"]

AgentGroup = Literal["agent", "queue", "team", "total"]
AgentMeasure = Literal[
    "handled",
    "pending",
    "rings",
    "rings_answered",
    "rings_missed",
    "rings_cancelled",
    "ring_seconds",
    "transferred",
    "transferred_blind",
    "transferred_attended",
    "handle_seconds",
    "talk_seconds",
    "hold_seconds",
    "wrapup_seconds",
    "signed_in_seconds",
    "handling_seconds",
    "available_seconds",
    "paused_seconds",
    "elsewhere_seconds",
    "signed_out_handling_seconds",
    "inferred_sign_outs",
    "aht_seconds",
    "ring_no_answer_rate",
    "transfer_rate",
    "occupancy",
    "utilisation",
    "state_seconds",
    "activity_seconds",
]
AgentState = Literal["available", "on_call", "wrapup", "paused"]


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

    `queue` is null in a row of a client or of a campaign, which is null itself where the visits have none. Of those
    that `overflowed`, the policy leaves the `excluded` out of every ratio and takes the `counted_as_abandoned` as lost:
    `answer_rate` is answered / (offered - in_progress - excluded), `abandon_rate` lost / (answered + lost), where lost
    = abandoned + counted_as_abandoned.
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
    excluded: int = 0
    counted_as_abandoned: int = 0


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
    """List the visits or legs behind one figure of a report, and the facts behind each.

    Of the service level name the `queue`, or the `client` or `campaign` of the row; of agents the `agent`, or with
    `group_by` queue, team or total what its row names (with team none: the row of what agents did in no team). With
    `team` beside `agent` it is of the agent's time in that team.
    The time that an agent was signed in, available or paused stands on facts of the agent, which come without a call.
    `state_seconds` are of one `state`, `activity_seconds` of pauses for one `activity`.
    `from` and `to` cut the interval as they cut those of the report. Of the service level, `reason` leaves the visits
    that left for it; numerator and denominator are those of the policy's formula. Behind a share or a mean stands
    what it divides by, behind `max_wait_seconds` those that waited so long.
    """

    interval_start: datetime
    measure: Literal[Measure, AgentMeasure]
    queue: Name | None = None
    client: Name | None = None
    campaign: Name | None = None
    agent: Name | None = None
    team: Name | None = None
    group_by: AgentGroup | None = None
    report: Literal["service-level", "agents"] = "service-level"
    interval: Interval = "PT15M"
    from_: datetime | None = None
    to: datetime | None = None
    reason: Reason | None = None
    state: AgentState | None = None
    activity: Name | None = None
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
    """A visit or a leg behind a figure, with its call's facts; or facts of an agent, without a call.

    `value` is what a visit adds to the figure of a service level report: all of them together are the figure. To a
    share it adds 1 or 0, to a mean its own duration; the sum of them, divided by how many they are, is the figure (of
    `aht_seconds`, by how many were handled).
    """

    call_id: UUID | None
    visit_id: UUID | None
    facts: tuple[ExplainedFact, ...]
    leg_id: UUID | None = None
    value: Decimal | None = None


@values
class Explanation:
    """A figure as its report has it, the policies behind it, and a page of what it counts."""

    value: Decimal | None
    policy: tuple[PolicyView, ...]
    items: tuple[ExplainedVisit, ...]
    next: str | None
