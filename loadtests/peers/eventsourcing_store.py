"""The event store of the `eventsourcing` library on PostgreSQL, used as its documentation shows."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from psycopg.conninfo import conninfo_to_dict


class Happened(NamedTuple):
    """An event for either store: the stream, its version there, and a canonical fact."""

    stream: UUID
    version: int
    fact: dict[str, Any]


class FactRecorded(Aggregate.Event):
    """A fact as one of the library's domain events."""

    fact: dict[str, Any]


class EventsourcingStore:
    """Appends through the library: its mapper, its transcoder, its recorder."""

    def __init__(self, application: Application[UUID]) -> None:
        self._application = application

    @classmethod
    @contextmanager
    def on(cls, postgres_url: str, *, functions: bool) -> Iterator["EventsourcingStore"]:
        """A store in a database, whose table the library makes; `functions`: inserting by its database function."""
        parts = conninfo_to_dict(postgres_url)
        names = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password", "DBNAME": "dbname"}
        settings = {f"POSTGRES_{name}": str(parts[part]) for name, part in names.items()}
        settings |= {"PERSISTENCE_MODULE": "eventsourcing.postgres", "POSTGRES_ENABLE_DB_FUNCTIONS": str(functions)}
        application = Application[UUID](env=settings)
        try:
            yield cls(application)
        finally:
            application.close()

    def append(self, events: Sequence[Happened]) -> None:
        """One transaction."""
        self._application.events.put(
            [
                FactRecorded(
                    originator_id=event.stream,
                    originator_version=event.version,
                    timestamp=datetime.fromisoformat(event.fact["occurred_at"]),
                    fact=event.fact,
                )
                for event in events
            ]
        )
