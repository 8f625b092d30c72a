"""Queues as they are configured, their policies and calendars by date, and the clients that they are of."""

from collections.abc import Sequence

from psycopg.types.json import Jsonb

from services.kernel.database import Cursor
from services.kernel.projections import Projection
from services.kernel.store import StoredEvent


class QueuePolicies(Projection):
    """Follows what managers decide on queues, calendars and clients."""

    name = "queues"
    version = 2
    handles = ("queue_configured", "policy_adopted", "calendar_adopted", "client_configured")
    tables = """
        CREATE TABLE queues (
            queue text PRIMARY KEY, version integer NOT NULL, timezone text NOT NULL, client text, calendar text
        );
        CREATE TABLE policies (
            queue text NOT NULL, version integer NOT NULL, effective_from timestamptz NOT NULL, terms jsonb NOT NULL,
            PRIMARY KEY (queue, version)
        );
        CREATE TABLE calendars (
            calendar text NOT NULL, version integer NOT NULL, terms jsonb NOT NULL, PRIMARY KEY (calendar, version)
        );
        CREATE TABLE clients (
            client text PRIMARY KEY, version integer NOT NULL, name text, sees_agents boolean NOT NULL
        );"""

    CONFIGURE = """INSERT INTO queues VALUES (%s, %s, %s, %s, %s) ON CONFLICT (queue) DO UPDATE
        SET version = excluded.version, timezone = excluded.timezone, client = excluded.client,
            calendar = excluded.calendar
        WHERE excluded.version > queues.version"""
    ADOPT = "INSERT INTO policies VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
    OPEN = "INSERT INTO calendars VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
    NAME = """INSERT INTO clients VALUES (%s, %s, %s, %s) ON CONFLICT (client) DO UPDATE
        SET version = excluded.version, name = excluded.name, sees_agents = excluded.sees_agents
        WHERE excluded.version > clients.version"""

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """The latest settings stand; policies and versions of calendars add up."""
        for event in events:
            data, version = event.data, event.version
            match event.type:
                case "queue_configured":
                    settings = (data["timezone"], data["client"], data["calendar"])
                    db.execute(self.CONFIGURE, (data["queue"], version, *settings))
                case "policy_adopted":
                    db.execute(self.ADOPT, (data["queue"], version, data["effective_from"], Jsonb(data)))
                case "calendar_adopted":
                    db.execute(self.OPEN, (data["calendar"], version, Jsonb(data)))
                case _:
                    db.execute(self.NAME, (data["client"], version, data["name"], data["sees_agents"]))
