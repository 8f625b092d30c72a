"""Actuals as they were posted, one row each; nothing is added up before somebody asks."""

from collections.abc import Sequence
from typing import Any

from services.kernel.copying import copy_rows
from services.kernel.database import Cursor
from services.kernel.projections import Projection
from services.kernel.store import StoredEvent
from services.kernel.values import Money
from services.kernel.wire import Amount

COLUMNS = (
    "position",
    "id",
    "account",
    "cost_centre",
    "queue",
    "incurred_at",
    "seconds",
    "minor",
    "currency",
    "reverses",
    "posted_at",
    "service",
    "event",
    "subject",
    "revision",
)


class PostedActuals(Projection):
    """Follows what is posted."""

    name = "actuals"
    version = 1
    handles = ("actual_posted", "actual_reversed")
    # One index, in the order in which they are listed: incurred, then posted. New rows come close together.
    tables = """
        CREATE TABLE actuals (
            position bigint NOT NULL, id uuid NOT NULL, account text NOT NULL, cost_centre text, queue text,
            incurred_at timestamptz NOT NULL, seconds numeric, minor bigint, currency text, reverses boolean NOT NULL,
            posted_at timestamptz NOT NULL, service text NOT NULL, event uuid NOT NULL, subject text NOT NULL,
            revision integer, PRIMARY KEY (incurred_at, position)
        );"""

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """One row each."""
        copy_rows(db, "actuals", COLUMNS, [_row(event) for event in events])


def _row(event: StoredEvent) -> tuple[Any, ...]:
    data = event.data
    cites = data["cites"]
    amount: Money | None = data["amount"] and Amount().deserialize(data["amount"])
    return (
        event.position,
        event.event_id,
        data["account"],
        data["cost_centre"],
        data["queue"],
        data["incurred_at"],
        None if data["seconds"] is None else str(data["seconds"]),
        amount and amount.minor,
        amount and amount.currency,
        event.type == "actual_reversed",
        event.recorded_at,
        cites["service"],
        cites["event"],
        cites["subject"],
        cites["revision"],
    )
