"""What others are told of a call that is over: its figures, anew whenever they change."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.calls.domain.fold import Call, Outcome
from services.calls.domain.legs import AgentLeg
from services.kernel.decider import event, values

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@values
class CompletedLeg:
    """One agent's part in it; talk net of hold."""

    agent: str | None
    queue: str | None
    talk_seconds: float
    hold_seconds: float
    wrapup_seconds: float


@event("call_completed")
class CallCompleted:
    """A call is over, or what is known of it has changed since; each revision replaces the one before.

    Seconds are exact to the millisecond; `float` because that is made and written many times faster than a decimal.
    `queues` in the order of the visits. `telephony_seconds` are those from its first fact to its end, in which the line
    was in use; `wait_seconds` are over all visits; the others over all legs. An `excluded` call counts nowhere.
    """

    call: UUID
    source: str
    queues: tuple[str, ...]
    direction: str | None
    campaign: str | None
    outcome: Outcome
    excluded: bool
    started_at: datetime
    ended_at: datetime
    telephony_seconds: float
    wait_seconds: float
    talk_seconds: float
    hold_seconds: float
    wrapup_seconds: float
    legs: tuple[CompletedLeg, ...]


def completed(id_: UUID, source: str, call: Call) -> CallCompleted | None:
    """What is told of a call; None as long as it is not over."""
    if call.state != "ended" or call.ended_at is None:
        return None
    return CallCompleted(
        id_,
        source,
        tuple([visit.queue for visit in call.visits]),
        call.direction,
        call.campaign,
        call.outcome,
        call.excluded,
        _instant(call.started_at),
        _instant(call.ended_at),
        max(call.ended_at - call.started_at, 0) // 1000 / 1000,
        sum([visit.wait_ms or 0 for visit in call.visits]) / 1000,
        *_sums(call.legs),
        tuple([CompletedLeg(leg.agent, leg.queue, *_sums([leg])) for leg in call.legs]),
    )


def _sums(legs: Sequence[AgentLeg]) -> tuple[float, float, float]:
    return (
        sum([leg.talk_ms or 0 for leg in legs]) / 1000,
        sum([leg.hold_ms for leg in legs]) / 1000,
        sum([leg.wrapup_ms for leg in legs]) / 1000,
    )


def _instant(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)
