"""What happened in a simulated centre, kept twice: as facts for Plateau, and as the truth to hold reports against."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Fact = dict[str, Any]


def seconds(milliseconds: int) -> float:
    """Milliseconds as the decimal seconds of the wire."""
    return milliseconds / 1000


@dataclass
class QueueVisit:
    """One visit of a call to a queue. `entered` and `left` are milliseconds since the epoch, `outcome` is "answered",
    "abandoned", a reason of `call.queue_left`, or None while the caller waits.
    """

    call_id: str
    queue: str
    entered: int
    position: int = 0
    outcome: str | None = None
    left: int | None = None

    def wait(self, resolution: int = 1) -> int:
        """Milliseconds waited, as a source tells it whose stamps are cut to `resolution` milliseconds."""
        if self.left is None:
            raise ValueError(f"{self.call_id} still waits in {self.queue}: ask for its wait once it has left")
        return self.left // resolution * resolution - self.entered // resolution * resolution


@dataclass
class AgentLeg:
    """One agent's part in a call, durations in milliseconds; `visit` is None for direct and outbound legs, `wrapup`
    None until it has ended.
    """

    call_id: str
    agent: str
    visit: QueueVisit | None
    talk: int = 0
    hold: int = 0
    wrapup: int | None = None


@dataclass
class Call:
    """A call while it runs: who calls whom, and how many facts it has given so far."""

    id: str
    direction: str
    caller: str | None
    called: str
    campaign: str | None = None
    facts: int = 0


@dataclass
class Journal:
    """Facts in the order in which they occurred, and the visits and legs that they speak of."""

    source: str
    facts: list[Fact] = field(default_factory=list)
    visits: list[QueueVisit] = field(default_factory=list)
    legs: list[AgentLeg] = field(default_factory=list)

    def of_call(
        self, call: Call, what: str, at: int, queue: str | None = None, agent: str | None = None, **data: Any
    ) -> None:
        """Note a fact of a call; `at` in milliseconds since the epoch, entries of `data` that are None are left out."""
        call.facts += 1
        fact = {
            "id": f"{self.source}-{call.id}-{call.facts}",
            "source": self.source,
            "type": f"call.{what}",
            "call_id": call.id,
            "occurred_at": instant(at),
            "sequence": call.facts,
            "queue": queue,
            "agent": agent,
            "direction": call.direction,
            "from": call.caller,
            "to": call.called,
            "channel": "voice",
            "campaign": call.campaign,
            "data": _given(data) or None,
        }
        self.facts.append(_given(fact))

    def of_agent(self, agent: str, what: str, at: int, **data: Any) -> None:
        """Note a fact of an agent; `at` in milliseconds since the epoch."""
        fact = {
            "id": f"{self.source}-{agent}-{at}-{what}",
            "source": self.source,
            "type": f"agent.{what}",
            "agent": agent,
            "occurred_at": instant(at),
            "data": _given(data) or None,
        }
        self.facts.append(_given(fact))


def instant(milliseconds: int) -> str:
    """Milliseconds since the epoch as RFC 3339 UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


@dataclass
class Figures:
    """What a service-level report must say of a queue: counts, and durations in milliseconds."""

    offered: int = 0
    answered: int = 0
    answered_within: int = 0
    abandoned: int = 0
    abandoned_within: int = 0
    short_abandoned: int = 0
    left_by_reason: Counter[str] = field(default_factory=Counter)
    answered_wait: int = 0
    handled: int = 0
    talk: int = 0
    hold: int = 0
    wrapup: int = 0

    @property
    def overflowed(self) -> int:
        """Visits that left for any reason but an answer or an abandon."""
        return self.left_by_reason.total()


def figures(
    visits: Iterable[QueueVisit], legs: Iterable[AgentLeg], threshold: float = 20, short: float = 5, resolution: int = 1
) -> dict[str, Figures]:
    """The true figures of each queue, counted straight from what happened and without any fact.

    `threshold` and `short` are seconds and belong to the limit (lte). `resolution` 1000 tells what a source of whole
    seconds, such as queue_log, can know; it knows nothing of hold and wrap-up, so leave its legs out.
    """
    by_queue: dict[str, Figures] = {}
    for visit in visits:
        of = by_queue.setdefault(visit.queue, Figures())
        of.offered += 1
        if visit.outcome is None:
            continue
        wait = visit.wait(resolution)
        if visit.outcome == "answered":
            of.answered += 1
            of.answered_within += wait <= threshold * 1000
            of.answered_wait += wait
        elif visit.outcome == "abandoned":
            of.abandoned += 1
            of.abandoned_within += wait <= threshold * 1000
            of.short_abandoned += wait <= short * 1000
        else:
            of.left_by_reason[visit.outcome] += 1
    for leg in legs:
        if leg.visit and leg.wrapup is not None:
            of = by_queue[leg.visit.queue]
            of.handled += 1
            of.talk += leg.talk
            of.hold += leg.hold
            of.wrapup += leg.wrapup
    return by_queue
