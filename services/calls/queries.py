"""What can be asked of the calls service, and the shape of each answer (durations in decimal seconds, ratios 0..1)."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from services.calls.domain.service_level import Formula, ServiceLevelPolicy, Threshold
from services.kernel.decider import values
from services.kernel.values import Example, Length, Range

Name = Annotated[str, Length(1, 200)]
Limit = Annotated[int, Range(1, 500)]
Interval = Literal["PT15M", "PT30M", "PT1H", "P1D", "P1W", "P1M", "total"]
AgentState = Literal["available", "on_call", "wrapup", "paused"]
Outcome = Literal["answered", "abandoned", "overflowed", "in_progress", "not_offered"]
Measure = Literal[
    "offered",
    "answered",
    "answered_within",
    "abandoned",
    "abandoned_within",
    "short_abandoned",
    "overflowed",
    "in_progress",
    "handled",
    "pending",
]


@values
class Calls:
    """List calls in the order of their first facts, which `from` and `to` bound."""

    source: Name | None = None
    call_id: Name | None = None
    queue: Name | None = None
    agent: Name | None = None
    direction: Literal["inbound", "outbound", "internal"] | None = None
    outcome: Outcome | None = None
    from_: datetime | None = None
    to: datetime | None = None
    campaign: Name | None = None
    customer: Name | None = None
    limit: Limit = 100
    cursor: str | None = None


@values
class CallOf:
    """Show one call with its visits and legs."""

    id: UUID


@values
class FactsOfCall:
    """List the facts of one call as the source sent them, in the order that counts."""

    id: UUID
    limit: Limit = 100
    cursor: str | None = None


@values
class VisitView:
    """One visit of a call to one queue."""

    id: UUID
    queue: str
    entered_at: datetime
    ended_at: datetime | None
    outcome: Outcome
    reason: str | None
    wait_seconds: Decimal | None
    agent: str | None
    inferred: bool


@values
class LegView:
    """One agent's part in a call; talk is net of hold."""

    id: UUID
    visit_id: UUID | None
    queue: str | None
    agent: str | None
    answered_at: datetime
    ended_at: datetime | None
    ring_seconds: Decimal | None
    talk_seconds: Decimal | None
    hold_seconds: Decimal
    wrapup_seconds: Decimal
    wrapup: Literal["none", "open", "closed"]
    transferred: str | None
    inferred: bool


@values
class CallView:
    """One exchange with a customer, from first ring to last wrap-up, built from its facts."""

    id: UUID
    source: str
    call_id: str
    direction: str | None
    channel: str | None
    campaign: str | None
    caller_number: Annotated[str | None, Example("+33199000001")]
    called_number: Annotated[str | None, Example("+33199000100")]
    state: Literal["started", "waiting", "talking", "wrapping", "ended"]
    outcome: Outcome
    excluded: bool
    started_at: datetime
    ended_at: datetime | None
    root_call_id: str | None
    parent_call_id: str | None
    disposition: dict[str, Any] | None
    visits: tuple[VisitView, ...]
    legs: tuple[LegView, ...]


@values
class CallList:
    """A page of calls; `next` is the cursor of the following page."""

    items: tuple[CallView, ...]
    next: str | None


@values
class FactView:
    """One fact as it was sent, with when it was recorded."""

    id: str
    source: str
    type: str
    occurred_at: datetime
    recorded_at: datetime
    fact: dict[str, Any]


@values
class FactList:
    """A page of facts."""

    items: tuple[FactView, ...]
    next: str | None


@values
class ExportSubject:
    """Give all that is held of a person, who is named by the id of the subject or by an E.164 number."""

    id: Name
    limit: Limit = 100
    cursor: str | None = None


@values
class ExportedCall:
    """A call of the person, and its facts as they were sent; what was sealed for somebody else stays closed."""

    call: CallView
    facts: tuple[FactView, ...]


@values
class SubjectExport:
    """The person's calls by first fact, a page at a time."""

    subject: UUID
    calls: tuple[ExportedCall, ...]
    next: str | None


@values
class ServiceLevelOf:
    """Report the service level per queue and interval, exact for any threshold and formula.

    A visit counts in the interval in which it entered the queue, with all its durations. Without `policy`,
    `threshold_seconds` or `formula` each visit is judged by the policy in force when it entered. With `as_known_at`
    the visits are those that everything recorded at or before that instant tells of.
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


@values
class ServiceLevelRow:
    """The figures of one queue in one interval; null where a ratio or a mean has nothing to stand on."""

    queue: str
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
class Explain:
    """List the visits behind one figure of a report, and the facts behind each visit."""

    queue: Name
    interval_start: datetime
    measure: Measure
    report: Literal["service-level"] = "service-level"
    interval: Interval = "PT15M"
    to: datetime | None = None
    policy: Name | None = None
    threshold_seconds: Threshold | None = None
    formula: Formula | None = None
    timezone: ZoneInfo | None = None
    as_known_at: datetime | None = None
    limit: Limit = 100
    cursor: str | None = None


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


@values
class Live:
    """Show what happens on the floor now: queues, agents and quotas."""


@values
class AgentCounts:
    """How many signed-in agents of a queue do what."""

    available: int
    on_call: int
    wrapup: int
    paused: int


@values
class LiveQueue:
    """One queue now, and its figures since midnight in its own zone."""

    queue: str
    waiting: int
    longest_wait_seconds: Decimal | None
    agents: AgentCounts
    today: ServiceLevelRow


@values
class LiveAgent:
    """One signed-in agent now."""

    agent: str
    state: AgentState
    since: datetime
    activity: str | None
    late: bool


@values
class LiveView:
    """The floor at one instant."""

    as_of: datetime
    queues: tuple[LiveQueue, ...]
    agents: tuple[LiveAgent, ...]
    quotas: tuple[dict[str, Any], ...]


@values
class QueueOf:
    """Show how a queue is counted, and the service level policy last adopted (the default where none is)."""

    queue: Name


@values
class SourceOf:
    """Show how the facts of a source are read."""

    source: Name
