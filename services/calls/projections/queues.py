"""Queues as they are configured, and their service level policies by date."""

from collections.abc import Sequence

from psycopg.types.json import Jsonb

from services.kernel.database import Cursor
from services.kernel.projections import Projection
from services.kernel.store import StoredEvent


class QueuePolicies(Projection):
    """Follows what managers decide on queues."""

    name = "queues"
    version = 1
    handles = ("queue_configured", "policy_adopted")
    tables = """
        CREATE TABLE queues (queue text PRIMARY KEY, version integer NOT NULL, timezone text NOT NULL, client text);
        CREATE TABLE policies (
            queue text NOT NULL, version integer NOT NULL, effective_from timestamptz NOT NULL, terms jsonb NOT NULL,
            PRIMARY KEY (queue, version)
        );"""

    CONFIGURE = """INSERT INTO queues VALUES (%s, %s, %s, %s) ON CONFLICT (queue) DO UPDATE
        SET version = excluded.version, timezone = excluded.timezone, client = excluded.client
        WHERE excluded.version > queues.version"""
    ADOPT = "INSERT INTO policies VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """The latest settings stand; policies add up."""
        for event in events:
            data = event.data
            if event.type == "queue_configured":
                db.execute(self.CONFIGURE, (data["queue"], event.version, data["timezone"], data["client"]))
            else:
                db.execute(self.ADOPT, (data["queue"], event.version, data["effective_from"], Jsonb(data)))
