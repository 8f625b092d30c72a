"""What a simulated call centre is made of: its queues, its people, how callers behave."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class QueuePlan:
    """A queue and its callers. Times are seconds; `calls_per_hour` is by local hour of the day, 0 where absent.

    Patience, talk and wrap-up are drawn around the stated means (patience exponential, the others lognormal).
    """

    name: str
    number: str
    calls_per_hour: Mapping[int, float]
    talk: float = 210
    wrapup: float = 25
    patience: float = 150
    opens: int = 8
    closes: int = 20
    room: int = 30
    timeout: float = 240
    overflows_to: str | None = None
    campaign: str | None = None


@dataclass(frozen=True)
class AgentPlan:
    """An agent: the queues served, and the local hours of the shift."""

    id: str
    queues: tuple[str, ...]
    begins: float = 8
    ends: float = 16


@dataclass(frozen=True)
class Habits:
    """How often things happen: probabilities from 0 to 1; `outbound_per_hour` in calls of the whole centre."""

    hurried: float = 0.03
    withheld: float = 0.03
    key_pressed: float = 0.01
    ring_no_answer: float = 0.04
    held: float = 0.14
    blind_transfer: float = 0.05
    attended_transfer: float = 0.03
    transfer_to_agent: float = 0.4
    agent_hangs_up: float = 0.3
    outbound_per_hour: float = 40
    outbound_reached: float = 0.6
    recorded: float = 0.1


def _by_hour(*from_eight: float) -> dict[int, float]:
    return dict(enumerate(from_eight, start=8))


QUEUES = (
    QueuePlan(
        "sales-fr",
        "+33199000100",
        _by_hour(95, 180, 215, 190, 90, 110, 175, 190, 165, 120, 70, 30, 6),
        overflows_to="orders-fr",
        campaign="winter-offer",
    ),
    QueuePlan(
        "support-fr",
        "+33199000200",
        _by_hour(130, 225, 240, 205, 120, 140, 200, 205, 180, 130, 80, 40, 8),
        talk=290,
        wrapup=35,
        patience=210,
        timeout=300,
    ),
    QueuePlan("orders-fr", "+33199000300", _by_hour(70, 130, 150, 130, 60, 80, 120, 130, 110, 80, 40, 20, 4), talk=150),
    QueuePlan(
        "billing-fr",
        "+33199000400",
        _by_hour(0, 60, 80, 70, 30, 40, 70, 60, 45, 20),
        talk=240,
        opens=9,
        closes=18,
        room=8,
        timeout=120,
        overflows_to="support-fr",
    ),
)

_TEAMS = (
    (16, ("sales-fr",), 8, 16),
    (6, ("sales-fr", "orders-fr"), 9, 17),
    (19, ("support-fr",), 8, 16),
    (6, ("support-fr", "billing-fr"), 9, 18),
    (8, ("orders-fr",), 8, 16),
    (5, ("billing-fr",), 9, 18),
    (12, ("sales-fr", "support-fr", "orders-fr"), 12, 20),
)


def _agents() -> tuple[AgentPlan, ...]:
    people = [(queues, begins, ends) for size, queues, begins, ends in _TEAMS for _ in range(size)]
    return tuple(AgentPlan(f"a-{1042 + n}", *person) for n, person in enumerate(people))


AGENTS = _agents()


@dataclass(frozen=True)
class Plan:
    """A whole centre as it is meant to run. The default has seventy people and takes about 2 200 calls a morning."""

    queues: tuple[QueuePlan, ...] = QUEUES
    agents: tuple[AgentPlan, ...] = AGENTS
    habits: Habits = field(default_factory=Habits)
    timezone: str = "Europe/Paris"
    source: str = "pbx1"
