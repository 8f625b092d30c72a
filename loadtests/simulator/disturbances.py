"""How facts really arrive: twice, late, out of order, by a wrong clock, or not at all."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random

from loadtests.simulator.journal import Fact, instant

_FROM_THE_END_ON = {
    "call.leg_ended",
    "call.ended",
    "call.recorded",
    "call.wrapup_started",
    "call.disposition_set",
    "call.wrapup_ended",
}


@dataclass(frozen=True)
class Disturbances:
    """Shares from 0 to 1 of the facts (of the calls, for missing ends); times in seconds.

    Whatever is delivered, counts and waits are those of the truth, unless the clock is wrong: then each lies
    `clock_offset` from its true instant. Talk, hold and wrap-up are those of the truth where no end is missing.
    """

    jitter: float = 0.0
    duplicated: float = 0.0
    late: float = 0.0
    late_by: float = 1800.0
    missing_ends: float = 0.0
    clock_offset: float = 0.0


NONE = Disturbances()
USUAL = Disturbances(jitter=2.0, duplicated=0.01, late=0.005, missing_ends=0.002)


def delivered(facts: Sequence[Fact], disturbances: Disturbances, seed: int) -> Iterator[Fact]:
    """The facts in the order in which they arrive."""
    rng = Random(f"{seed}/delivery")  # noqa: S311
    cut = {call for call in _with_one_leg(facts) if rng.random() < disturbances.missing_ends}
    arrivals: list[tuple[float, int, Fact]] = []
    for fact in facts:
        if fact.get("call_id") in cut and fact["type"] in _FROM_THE_END_ON:
            continue
        when = datetime.fromisoformat(fact["occurred_at"]).timestamp()
        due = when + rng.uniform(0, disturbances.jitter)
        if rng.random() < disturbances.late:
            due += rng.uniform(0, disturbances.late_by)
        sent = _by_clock(fact, disturbances.clock_offset)
        arrivals.append((due, len(arrivals), sent))
        if rng.random() < disturbances.duplicated:
            arrivals.append((due + rng.uniform(0, disturbances.late_by), len(arrivals), sent))
    return (fact for _, _, fact in sorted(arrivals, key=lambda arrival: arrival[:2]))


def _with_one_leg(facts: Sequence[Fact]) -> list[str]:
    """Calls whose only leg ends with the call: of these alone an end can be lost without a wait being lost with it."""
    answers = Counter(fact["call_id"] for fact in facts if fact["type"] == "call.answered")
    transferred = {fact["call_id"] for fact in facts if fact["type"] == "call.transferred"}
    return [call for call, count in answers.items() if count == 1 and call not in transferred]


def _by_clock(fact: Fact, offset: float) -> Fact:
    if not offset:
        return fact
    true = datetime.fromisoformat(fact["occurred_at"]).timestamp()
    return fact | {"occurred_at": instant(round((true + offset) * 1000))}
