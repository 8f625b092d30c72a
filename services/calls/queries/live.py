"""The floor now: queues, agents and quotas."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from services.calls.queries.service_level import ServiceLevelRow
from services.kernel.decider import values

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
class LiveView:
    """The floor at one instant."""

    as_of: datetime
    queues: tuple[LiveQueue, ...]
    agents: tuple[LiveAgent, ...]
    quotas: tuple[dict[str, Any], ...]
