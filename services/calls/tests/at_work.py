"""Agents at work: what is told of them, an hour worked out by hand, and the report on it."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from services.calls.tests.running import RunningCalls, call_fact
from services.kernel.values import Actor

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
_numbers = count(1)


def at(minutes: float) -> datetime:
    return NINE + timedelta(minutes=minutes)


def agent_fact(agent: str, kind: str, minutes: float, data: dict[str, Any] | None = None, **fields) -> dict[str, Any]:
    fact = {"id": f"{agent} {next(_numbers)}", "source": "pbx1", "type": f"agent.{kind}", "agent": agent}
    return {**fact, "occurred_at": at(minutes).isoformat(), "data": data, **fields}


def handled(call: str, agent: str, begin: float, talk: float, wrapup: float = 0, *, queue: str = "sales"):
    """A call answered, ended and wrapped up after so many minutes."""
    facts = [
        call_fact(call, "queued", at(begin - 0.5), queue=queue),
        call_fact(call, "ringing", at(begin - 0.1), agent=agent),
        call_fact(call, "answered", at(begin), queue=queue, agent=agent),
        call_fact(call, "ended", at(begin + talk), agent=agent),
    ]
    if wrapup:
        facts.append(call_fact(call, "wrapup_started", at(begin + talk), agent=agent))
        facts.append(call_fact(call, "wrapup_ended", at(begin + talk + wrapup), agent=agent))
    return facts


# a-1 signs in at 9:00 and out at 10:00, has lunch from 9:40 to 9:50, and takes two calls: from 9:10 to 9:16, with 2
# minutes on hold from 9:12 and 3 minutes of wrap-up; and from 9:28 to 9:34, which goes on to a-2 (6 minutes).
# Somebody rings a-1 once in vain, and once hangs up meanwhile.
BY_HAND = [
    agent_fact("a-1", "signed_in", 0, {"queues": ["sales"]}),
    *handled("c1", "a-1", 10, 6, 3),
    call_fact("c1", "held", at(12), agent="a-1"),
    call_fact("c1", "resumed", at(14), agent="a-1"),
    call_fact("c2", "queued", at(27), queue="sales"),
    call_fact("c2", "answered", at(28), queue="sales", agent="a-1"),
    call_fact("c2", "transferred", at(34), {"kind": "blind", "to_agent": "a-2"}, agent="a-1"),
    call_fact("c2", "answered", at(34), agent="a-2"),
    call_fact("c2", "ended", at(40), agent="a-2"),
    call_fact("c3", "queued", at(35), queue="sales"),
    call_fact("c3", "ring_no_answer", at(36), {"ring_seconds": 15}, agent="a-1"),
    call_fact("c3", "ring_no_answer", at(37), {"ring_seconds": 5, "cancelled": True}, agent="a-1"),
    call_fact("c3", "abandoned", at(37), queue="sales"),
    agent_fact("a-1", "paused", 40, {"reason": "7"}),
    agent_fact("a-1", "resumed", 50),
    agent_fact("a-1", "signed_out", 60),
]
HOUR = {"from_": NINE, "to": NINE + timedelta(hours=1)}


def rows(calls: RunningCalls, actor: Actor | None = None, **asked) -> list[dict[str, Any]]:
    return calls.ask("AgentsOf", *([actor] if actor else []), **{**HOUR, **asked})["items"]


def some(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}


@pytest.fixture
def hour(calls) -> RunningCalls:
    calls.configure("ConfigureSource", "pbx1", {"pause_reasons": {"7": "lunch"}})
    calls.take(*BY_HAND)
    return calls
