"""Cost centres as finance opened them, and the queues that they name."""

from collections.abc import Sequence

from services.kernel.database import Cursor
from services.kernel.projections import Projection
from services.kernel.store import StoredEvent


class OpenedCostCentres(Projection):
    """Follows what finance decides on cost centres.

    `carried_queues` has every queue that a cost centre names, with where in the order of all events it did so last.
    """

    name = "cost_centres"
    version = 1
    handles = ("cost_centre_opened", "queues_carried", "cost_centre_closed")
    tables = """
        CREATE TABLE cost_centres (
            cost_centre text PRIMARY KEY, label text NOT NULL, timezone text NOT NULL, status text NOT NULL
        );
        CREATE TABLE carried_queues (
            cost_centre text NOT NULL, queue text NOT NULL, transaction_id bigint NOT NULL, position bigint NOT NULL,
            PRIMARY KEY (cost_centre, queue)
        );"""

    OPEN = "INSERT INTO cost_centres VALUES (%s, %s, %s, 'open') ON CONFLICT DO NOTHING"
    CLOSE = "UPDATE cost_centres SET status = 'closed' WHERE cost_centre = %s"
    DROP = "DELETE FROM carried_queues WHERE cost_centre = %s"
    CARRY = "INSERT INTO carried_queues SELECT %s, unnest(%s::text[]), %s, %s"

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """The list that a cost centre named last stands."""
        for event in events:
            code = event.data["cost_centre"]
            if event.type == "cost_centre_closed":
                db.execute(self.CLOSE, (code,))
                continue
            if event.type == "cost_centre_opened":
                db.execute(self.OPEN, (code, event.data["label"], event.data["timezone"]))
            db.execute(self.DROP, (code,))
            db.execute(self.CARRY, (code, event.data["queues"], event.transaction_id, event.position))
