"""Calls of a simulated morning that waited in one queue and were answered by one agent, or given up."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache

from loadtests.prepared_requests import MARK
from loadtests.simulator.centre import Centre
from loadtests.simulator.journal import Fact

MORNING = (date(2026, 11, 20), 8, 12)


@dataclass(frozen=True)
class QueueCall:
    """A call; instants are seconds since 1970, `answered`, `agent` and `wrapped_up` None where nobody answered.

    `id` bears the mark that a new request puts something new in for; `extension` is the agent's device.
    """

    id: str
    queue: str
    caller: str
    called: str
    began: float
    queued: float
    ended: float
    rang: float | None = None
    answered: float | None = None
    agent: str | None = None
    wrapped_up: float | None = None

    @property
    def extension(self) -> str:
        """The digits of the agent's name."""
        return (self.agent or "").removeprefix("a-")

    @property
    def wait(self) -> int:
        """Whole seconds in the queue."""
        return int((self.answered or self.ended) - self.queued)

    @property
    def talk(self) -> int:
        """Whole seconds with the agent."""
        return int(self.ended - (self.answered or self.ended))


@cache
def facts() -> list[Fact]:
    """The facts of the morning's calls, those of some fifty calls interleaved; their calls bear the mark."""
    return [
        fact | {"call_id": f"{fact['call_id']}-{MARK}"} for fact in Centre(1).day(*MORNING).facts if "call_id" in fact
    ]


@cache
def queue_calls() -> list[QueueCall]:
    """The calls that any telephone system could tell of: of a known caller, without transfer, rung once at most."""
    by_call: defaultdict[str, list[Fact]] = defaultdict(list)
    for fact in facts():
        by_call[fact["call_id"]].append(fact)
    return [_call(told) for told in by_call.values() if _is_plain(told)]


def _is_plain(told: list[Fact]) -> bool:
    kinds = Counter(fact["type"] for fact in told)
    return (
        kinds["call.queued"] == kinds["call.ended"] == kinds["call.answered"] + kinds["call.abandoned"] == 1
        and kinds["call.ringing"] <= 1
        and not kinds["call.transferred"]
        and "from" in told[0]
    )


def _call(facts_of_it: list[Fact]) -> QueueCall:
    told = {fact["type"]: fact for fact in facts_of_it}
    at = {kind: datetime.fromisoformat(fact["occurred_at"]).timestamp() for kind, fact in told.items()}
    queued = told["call.queued"]
    return QueueCall(
        id=queued["call_id"],
        queue=queued["queue"],
        caller=queued["from"],
        called=queued["to"],
        began=at["call.started"],
        queued=at["call.queued"],
        ended=at["call.ended"],
        rang=at.get("call.ringing"),
        answered=at.get("call.answered"),
        agent=told.get("call.answered", {}).get("agent"),
        wrapped_up=at.get("call.wrapup_ended"),
    )


def instant(seconds: float | None) -> str:
    """As clouds write it: RFC 3339 with milliseconds."""
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
