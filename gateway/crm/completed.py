"""A completed call as providers are told of it: what the calls service shows of it at the moment of sending."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class CompletedCall:
    """A call that is over. Numbers are None where they were withheld, or the person was erased; seconds are floats.

    `agent` and `queue` are those of the last leg or visit; `revision` counts the corrections, from 1.
    """

    id: str
    revision: int
    source: str
    call_id: str
    direction: str
    campaign: str | None
    caller_number: str | None
    called_number: str | None
    outcome: str
    excluded: bool
    started_at: datetime
    ended_at: datetime
    answered_at: datetime | None
    queue: str | None
    queued_at: datetime | None
    agent: str | None
    wait_seconds: float
    talk_seconds: float
    hold_seconds: float
    disposition: str | None
    parent_call_id: str | None = None

    @property
    def outbound(self) -> bool:
        """Whether the centre called."""
        return self.direction == "outbound"

    @property
    def customer_number(self) -> str | None:
        """The number of the person on the line."""
        return self.called_number if self.outbound else self.caller_number

    @property
    def milliseconds(self) -> int:
        """From its first fact to its end, never negative."""
        return max(0, round((self.ended_at - self.started_at).total_seconds() * 1000))

    @property
    def title(self) -> str:
        """What kind of call it was, without a word about the person."""
        where = f", {self.queue}" if self.queue else ""
        return f"{self.direction.capitalize()} call{where}: {self.outcome.replace('_', ' ')}"

    @property
    def summary(self) -> str:
        """What happened, in a line, without a word about the person."""
        parts = [f"waited {self.wait_seconds:g} s", f"talked {self.talk_seconds:g} s"]
        parts += [f"on hold {self.hold_seconds:g} s"] if self.hold_seconds else []
        parts += [f"agent {self.agent}"] if self.agent else []
        parts += [f"disposition {self.disposition}"] if self.disposition else []
        return ", ".join(parts)


def completed_call(view: Mapping[str, Any], revision: int) -> CompletedCall:
    """The call that `GET /v1/calls/{id}` shows; one without a direction counts as inbound."""
    visits, legs = view["visits"], view["legs"]
    last_visit, last_leg = (visits or [{}])[-1], (legs or [{}])[-1]
    return CompletedCall(
        id=view["id"],
        revision=revision,
        source=view["source"],
        call_id=view["call_id"],
        direction=view["direction"] or "inbound",
        campaign=view["campaign"],
        caller_number=view["caller_number"],
        called_number=view["called_number"],
        outcome=view["outcome"],
        excluded=view["excluded"],
        started_at=datetime.fromisoformat(view["started_at"]),
        ended_at=datetime.fromisoformat(view["ended_at"] or view["started_at"]),
        answered_at=datetime.fromisoformat(legs[0]["answered_at"]) if legs else None,
        queue=last_leg.get("queue") or last_visit.get("queue"),
        queued_at=datetime.fromisoformat(visits[0]["entered_at"]) if visits else None,
        agent=last_leg.get("agent") or last_visit.get("agent"),
        wait_seconds=_sum(visits, "wait_seconds"),
        talk_seconds=_sum(legs, "talk_seconds"),
        hold_seconds=_sum(legs, "hold_seconds"),
        disposition=(view["disposition"] or {}).get("code"),
        parent_call_id=view["parent_call_id"],
    )


def _sum(parts: list[dict[str, Any]], measure: str) -> float:
    return sum(float(part[measure] or 0) for part in parts)
