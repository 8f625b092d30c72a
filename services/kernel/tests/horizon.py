"""Readers see only what is older than every open write in the cluster, and other tests write there too."""

import time

from services.kernel.database import Connection

HELD_BACK = "SELECT EXISTS (SELECT FROM store.events WHERE transaction_id >= pg_snapshot_xmin(pg_current_snapshot()))"


def until_readable(connection: Connection, seconds: float = 20) -> None:
    """Waits until no write that is older than one of the stored events is open."""
    deadline = time.monotonic() + seconds
    while connection.execute(HELD_BACK).fetchone() == (True,):
        assert time.monotonic() < deadline, "a write transaction stays open somewhere in the cluster"
        time.sleep(0.01)
