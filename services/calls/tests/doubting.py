"""What tests of the data-quality report ask, of facts that happened two days ago and came now."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.calls.domain.facts import stream_id
from services.calls.tests.running import RunningCalls

NOW = datetime.now(UTC)
NINE = (NOW - timedelta(days=2)).replace(hour=9, minute=0, second=0, microsecond=0)
RANGE = {"from_": NINE - timedelta(hours=1), "to": NOW + timedelta(hours=2)}
NEVER_LATE = 31_622_400
C1 = str(stream_id("pbx1", "call", "c1"))


def after(seconds: float) -> datetime:
    """So long after nine o'clock."""
    return NINE + timedelta(seconds=seconds)


def counts(calls: RunningCalls, **asked: Any) -> dict[tuple[str, str], int]:
    """The report by source and kind; nothing in it is late, unless it is said what is."""
    calls.follow()
    items = calls.ask("DataQualityOf", **{**RANGE, "late_after_seconds": NEVER_LATE, **asked})["items"]
    return {(item["source"], item["kind"]): item["count"] for item in items}


def doubts(calls: RunningCalls, kind: str, **asked: Any) -> list[dict[str, Any]]:
    """The doubts of a kind, page by page."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = calls.ask("DoubtsOf", kind=kind, **{**RANGE, "cursor": cursor, **asked})
        found += page["items"]
        if (cursor := page["next"]) is None:
            return found


def agent_fact(
    agent: str, kind: str, at: datetime, data: dict[str, Any] | None = None, **fields: Any
) -> dict[str, Any]:
    """A fact of an agent of pbx1 as it is sent."""
    return {
        "id": f"{agent} {kind} {at.isoformat()}",
        "source": "pbx1",
        "type": f"agent.{kind}",
        "agent": agent,
        "occurred_at": at.isoformat(),
        "data": data,
        **fields,
    }


def restart(at: datetime, source: str = "pbx1") -> dict[str, Any]:
    """A restart of a source as it is sent."""
    return {
        "id": f"restart {at.isoformat()}",
        "source": source,
        "type": "source.restarted",
        "occurred_at": at.isoformat(),
    }
