"""The calls service without the bus: facts are stored, read models follow when told to, questions are answered."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from services.calls.api import canonical
from services.calls.closing import tell_of_intervals
from services.calls.domain.identities import OutsideName, identity_id
from services.calls.ingest import Ingest
from services.calls.parts import dispatcher, inbox
from services.calls.policies import close_stale, tell_of_completed
from services.calls.projections import read_models
from services.kernel.database import Connection, Pool
from services.kernel.messaging.messages import Batch, Delivery
from services.kernel.privacy import MasterKey
from services.kernel.tests.running import RunningService

Fact = Mapping[str, Any]

SHOWN_BY = {
    "AdoptCalendar": "CalendarOf",
    "ConfigureClient": "ClientOf",
    "ConfigureQueue": "QueueOf",
    "ConfigureSource": "SourceOf",
}

# All but what waits to be told of, which is no figure, and what has in it when it was recorded.
VIEWS = """SELECT viewname FROM pg_views WHERE schemaname = 'read'
    AND viewname NOT IN ('completions', 'interval_marks', 'hours_closed') AND viewname NOT LIKE '%identit%'
    ORDER BY 1"""


class RunningCalls(RunningService):
    """What tests do with the service, beside what they do with any."""

    def __init__(self, pool: Pool, master: MasterKey, connection: Connection) -> None:
        self.pool, self.master, self.ingest = pool, master, Ingest(pool, master)
        super().__init__(dispatcher(pool, master), read_models, connection, inbox(pool, master))

    def store(self, facts: Iterable[Fact], *deliveries: Delivery) -> None:
        """Takes facts as they are sent from outside, in one batch."""
        taken = [canonical(dict(fact)) for fact in facts]
        refused = [fact for fact in taken if isinstance(fact, list)]
        assert not refused, refused
        self.store_canonical(taken, *deliveries)

    def store_canonical(
        self, facts: list[Any], *deliveries: Delivery, traces: Mapping[int, str] = MappingProxyType({})
    ) -> None:
        """Takes a batch as it comes out of the ingest queue."""
        self.ingest.store(Batch("calls.ingest.0", facts, deliveries, datetime.now(UTC), traces))

    def take(self, *facts: Fact) -> None:
        """Stores and follows."""
        self.store(facts)
        self.follow()

    def reap(self, now: datetime) -> int:
        """Closes the calls that are stale at an instant; returns how many."""
        return close_stale(self.connection, now)

    def tell(self) -> int:
        """Tells others of the calls that are over; returns of how many."""
        return tell_of_completed(self.connection, datetime.now(UTC))

    def tell_of_intervals(self, now: datetime) -> int:
        """Tells others at an instant of the hours that are over, and of those that have moved; returns of how many."""
        return tell_of_intervals(self.connection, now)

    def map(self, kind: str, external_id: str, internal_id: str, system: str = "pbx1", **more: Any) -> None:
        """Says who an outside name stands for; `more` may have `valid_from` and `valid_to`."""
        body = {"system": system, "kind": kind, "external_id": external_id, "internal_id": internal_id, **more}
        self.order("MapIdentity", "", {name: _text(value) for name, value in body.items()})

    def correct(self, kind: str, external_id: str, system: str = "pbx1", **more: Any) -> None:
        """Says otherwise who an outside name stands for; `more` may have `internal_id`, `valid_from` and `valid_to`."""
        id_ = identity_id(OutsideName(system, kind, external_id))
        self.order("CorrectIdentity", str(id_), {name: _text(value) for name, value in more.items()})

    def configure(self, use_case: str, key: str, body: Mapping[str, Any]) -> None:
        """Sets a queue, a calendar, a client or a source as somebody does who has just read it."""
        shown = self.query(SHOWN_BY[use_case], key=key)
        self.order(use_case, key, body, expected_version=shown["version"])

    def configure_queue(self, queue: str, *, timezone: str = "UTC", **policy: Any) -> None:
        """Sets a queue's zone, and adopts a policy where one is given."""
        body: dict[str, Any] = {"timezone": timezone}
        if policy:
            body["service_level"] = {"effective_from": "2000-01-01T00:00:00Z", **policy}
        self.configure("ConfigureQueue", queue, body)
        self.follow()

    def tables(self) -> dict[str, list[str]]:
        """Every row of every read model in use, as text."""
        views = [view for (view,) in self.connection.execute(VIEWS)]
        return {view: self.rows(f"read.{view}") for view in views}

    def rows(self, table: str) -> list[str]:
        """Every row of a table, as text."""
        rows = self.connection.execute(f'SELECT row::text COLLATE "C" FROM {table} AS row ORDER BY 1')  # noqa: S608
        return [row for (row,) in rows]


def call_fact(call_id: str, kind: str, at: datetime, data: Fact | None = None, **fields: Any) -> dict[str, Any]:
    """A fact of a call of pbx1 as it is sent; its id is unique as long as a call has one fact of a kind and instant."""
    return {
        "id": f"{call_id} {kind} {at.isoformat()}",
        "source": "pbx1",
        "type": f"call.{kind}",
        "call_id": call_id,
        "occurred_at": at.isoformat(),
        "data": dict(data) if data else None,
        **fields,
    }


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def stream_of(calls: RunningCalls, call_id: str) -> UUID:
    """The id of a call in read models."""
    (found,) = calls.connection.execute("SELECT id FROM read.calls WHERE call_id = %s", (call_id,)).fetchone()
    return UUID(str(found))
