"""The floor now: queues, agents and quotas."""

from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from services.calls.domain.pace import Comparison, Metric
from services.calls.domain.quota_terms import Scope
from services.calls.queries.service_level import ServiceLevelRow
from services.kernel.decider import values
from services.kernel.values import Party

AgentState = Literal["available", "on_call", "wrapup", "paused"]


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
    """One signed-in agent now, in the state that the agents' report counts this moment in.

    `late` is false until there are schedules to be late by.
    """

    agent: str
    state: AgentState
    since: datetime
    activity: str | None
    late: bool


@values
class LiveQuota:
    """One quota that is in force, in its period of now; `on_track` is null where nothing can be expected yet.

    Calls count at once; what is expected is that of `as_of`, the beginning of a minute, so that it does not move with
    each second. It may be some seconds old, where it takes long to count; `/v1/quotas/{id}/progress` never is.
    """

    quota: UUID
    party: Party
    metric: Metric
    flag: str | None
    scope: Scope
    first_day: date
    end: datetime
    comparison: Comparison
    target: Decimal
    attained: Decimal | None
    numerator: Decimal
    denominator: int | None
    projection: Decimal | None
    on_track: bool | None
    as_of: datetime


@values
class LiveView:
    """The floor at one instant."""

    as_of: datetime
    queues: tuple[LiveQueue, ...]
    agents: tuple[LiveAgent, ...]
    quotas: tuple[LiveQuota, ...]
