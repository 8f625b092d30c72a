"""The databases of the services, as an outsider sees them who knows what each publishes."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from typing import LiteralString

from psycopg import sql

from infra.addresses import SERVICES
from infra.local.stack import Stack
from services.calls.domain.intervals import first_open_hour
from services.kernel.cloud_events import body_of
from services.kernel.database import Connection, connect
from services.kernel.declarations import Api
from services.kernel.reading import read_on
from services.kernel.store import Position

ALL = 100_000_000
# No read models: what policies have still to look at, and how far one of them has come. An hour that is just over is
# looked at once clocks may differ no more.
PENDING: dict[LiteralString, LiteralString] = {
    "completions": "SELECT FROM read.completions",
    "interval_marks": "SELECT FROM read.interval_marks WHERE hour < %(open)s",
}
OF_POLICIES = (*PENDING, "hours_closed")
VIEWS: LiteralString = "SELECT viewname FROM pg_views WHERE schemaname = 'read' AND viewname <> ALL(%s)"


@dataclass(frozen=True)
class Store:
    """The database of one service."""

    service: str
    url: str

    @property
    def api(self) -> Api:
        """What the service publishes."""
        return import_module(f"services.{self.service}.api").api

    def public(self) -> dict[str, str]:
        """The events that everybody must be told of: short type by id."""
        publications = self.api.publications
        with self._connection() as connection, connection.cursor() as db:
            events = read_on(db, Position(), list(publications), ALL).events
        return {
            str(event.event_id): publications[event.type].name
            for event in events
            if body_of(publications[event.type], event, {}) is not None
        }

    def heard(self) -> dict[str, set[str]]:
        """The ids in its inbox, by the service that told of them."""
        by_source: dict[str, set[str]] = defaultdict(set)
        with self._connection() as connection:
            for source, event_id in connection.execute("SELECT source, event_id::text FROM store.inbox"):
                by_source[source.rpartition("/")[2]].add(event_id)
        return by_source

    def is_at_rest(self) -> bool:
        """Whether its policies have looked at everything."""
        with self._connection() as connection:
            return not any(self._is_pending(connection, *pending) for pending in PENDING.items())

    @staticmethod
    def _is_pending(connection: Connection, view: str, pending: LiteralString) -> bool:
        if connection.execute("SELECT to_regclass(%s)", (f"read.{view}",)).fetchone() == (None,):
            return False
        asked = {"open": first_open_hour(datetime.now(UTC))}
        return connection.execute(f"SELECT EXISTS ({pending})", asked).fetchone() == (True,)

    def events(self) -> int:
        """How many it has stored."""
        with self._connection() as connection:
            (count,) = connection.execute("SELECT count(*) FROM store.events").fetchone() or (0,)
            return int(count)

    def read_models(self) -> dict[str, list[str]]:
        """Every row of every read model in use, as text, by `service.table`."""
        rows = {}
        with self._connection() as connection:
            for (view,) in connection.execute(VIEWS, (list(OF_POLICIES),)).fetchall():
                texts = sql.SQL("SELECT row::text FROM read.{} AS row").format(sql.Identifier(view))
                rows[f"{self.service}.{view}"] = sorted(text for (text,) in connection.execute(texts))
        return rows

    def _connection(self) -> Connection:
        return connect(self.url, "drill", statement_timeout="10min")


def stores(stack: Stack) -> list[Store]:
    """Those of every service."""
    settings = stack.settings()
    return [Store(service, settings[f"PLATEAU_{service.upper()}_DATABASE_URL"]) for service in SERVICES]


def read_models(stack: Stack) -> dict[str, list[str]]:
    """Every row of every read model of every service, as text, by `service.table`."""
    return {name: rows for store in stores(stack) for name, rows in store.read_models().items()}
