"""What tests tell the budget service, as the calls and training services would."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from services.kernel.tests.running import RunningService

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
YEAR = {"from_": datetime(2026, 1, 1, tzinfo=UTC), "to": datetime(2027, 1, 1, tzinfo=UTC)}


def completed(
    seconds: float, queue: str | None = "sales", at: datetime = NINE, *, excluded: bool = False
) -> dict[str, Any]:
    """What is told of a call that is over."""
    return {
        "call": str(uuid4()),
        "source": "pbx1",
        "queues": [queue, "overflow"] if queue else [],
        "outcome": "answered",
        "excluded": excluded,
        "started_at": at.isoformat(),
        "ended_at": (at + timedelta(seconds=seconds)).isoformat(),
        "telephony_seconds": seconds,
        "legs": [],
    }


def approved(amount: str, cost_centre: str = "CC-PARIS", currency: str = "EUR", at: datetime = NINE) -> dict[str, Any]:
    """What is told of an award."""
    return {
        "award": str(uuid4()),
        "employee": str(uuid4()),
        "amount": {"amount": amount, "currency": currency},
        "cost_centre": cost_centre,
        "approved_at": at.isoformat(),
    }


class RunningBudget(RunningService):
    """What tests do with the service, beside what they do with any."""

    def hear_call(self, call: str, revision: int, told: dict[str, Any], event_id: UUID | None = None) -> None:
        """Takes what the calls service tells of a call."""
        self.hear("calls", "call_completed", told, call, revision, event_id=event_id)

    def hear_award(self, award: str, told: dict[str, Any]) -> None:
        """Takes what the training service tells of an award."""
        self.hear("training", "award_approved", told, award)

    def open(self, code: str, *queues: str, **terms: str) -> None:
        """Opens a cost centre that bears queues."""
        self.order("OpenCostCentre", code, {"label": code.title(), "queues": queues, **terms})
        self.follow()

    def actuals(self, **asked: Any) -> list[dict[str, Any]]:
        """Actuals as they are listed."""
        return list(self.ask("Actuals", **asked)["items"])

    def totals(self, **asked: Any) -> list[dict[str, Any]]:
        """The totals of the year."""
        return list(self.ask("TotalsOfActuals", **{**YEAR, **asked})["items"])
