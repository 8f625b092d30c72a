"""The processes that keep read models up to date: one active follower a projection, others stand by."""

import threading
import time
from contextlib import closing

import psycopg
import structlog

from services.kernel import projections
from services.kernel.backoff import pauses
from services.kernel.database import Connection, Cursor, connect
from services.kernel.projections import Generation, Projection, Superseded
from services.kernel.reading import Ahead

CHANNEL = "events_appended"
LISTEN = f"LISTEN {CHANNEL}"
# Sent after the commit of an append: within it, it would make all appends wait in a row. It need not be flushed.
WAKE = f"BEGIN; SET LOCAL synchronous_commit = off; NOTIFY {CHANNEL}; COMMIT"
# How soon it looks again by itself: what was appended may be held back for a moment by an older transaction.
SOONEST_LOOK_SECONDS, LATEST_LOOK_SECONDS = 0.1, 0.5
TOGETHER_SECONDS = 0.02
# Between batches that are not full it rests for so many times as long as the last one took: many small ones would cost
# more than they would be fresher, the more so the busier the machine is.
PACE, LONGEST_PACE_SECONDS = 2.0, 0.06
LEADER_LOCK = "SELECT pg_try_advisory_lock(hashtext(%s), hashtext(%s))"

log = structlog.get_logger()


def granted(connection: Connection, kind: str, name: str) -> bool:
    """Whether this connection leads now: the only one of its kind and name, as long as it lives."""
    (leads,) = connection.execute(LEADER_LOCK, (kind, name)).fetchone() or (False,)
    return bool(leads)


class Ear:
    """Hears through a connection of appends; the longer there are none, the more seldom it wakes by itself."""

    def __init__(self, connection: Connection) -> None:
        connection.execute(LISTEN)
        self._connection = connection
        self._waits = pauses(SOONEST_LOOK_SECONDS, LATEST_LOOK_SECONDS)

    def rest(self) -> None:
        """Waits until something may have been appended."""
        if list(self._connection.notifies(timeout=next(self._waits), stop_after=1)):
            self._waits = pauses(SOONEST_LOOK_SECONDS, LATEST_LOOK_SECONDS)


class Waker:
    """Wakes the followers after appends that come one by one; those in quick succession share one call.

    Who has just been woken looks again by itself after SOONEST_LOOK_SECONDS: the last of a series is late at most by
    that.
    """

    def __init__(self) -> None:
        self._last = -TOGETHER_SECONDS

    def wake(self, db: Cursor) -> None:
        """Call it after the commit of an append."""
        now = time.monotonic()
        if now - self._last >= TOGETHER_SECONDS:
            self._last = now
            db.execute(WAKE)


class Follower:
    """Follows the event store on behalf of one projection, for ever, until `stop` is set."""

    def __init__(self, projection: Projection, dsn: str, stop: threading.Event) -> None:
        self.projection, self._dsn, self._stop = projection, dsn, stop

    def run(self) -> None:
        """Follows; after a lost connection or a database that refuses it begins anew, with pauses."""
        waits = pauses()
        while not self._stop.is_set():
            try:
                with connect(self._dsn, f"projection {self.projection.name}") as connection:
                    self._lead(connection)
                    waits = pauses()
            except Superseded as reason:
                log.info("projection superseded", projection=self.projection.name, reason=str(reason))
                self._stop.wait(next(waits))
            except psycopg.OperationalError as error:
                log.warning("projection waits for the database", projection=self.projection.name, error=str(error))
                self._stop.wait(next(waits))

    def _lead(self, connection: Connection) -> None:
        # Whatever was lost with the last connection, or written by another leader, is not what it remembers.
        self.projection.forget()
        while not granted(connection, "projection", self.projection.name):
            if self._stop.wait(1.0):
                return
        generation = self._generation(connection)
        generation.enter(connection)
        ear = Ear(connection)
        idle = False
        with closing(Ahead(connection)) as ahead:
            while not self._stop.is_set():
                began = time.monotonic()
                handled = generation.step(connection, ahead)
                if not handled:
                    if idle:  # it was woken for what others read
                        self._stop.wait(LONGEST_PACE_SECONDS)
                    ear.rest()
                elif handled < self.projection.batch:
                    self._stop.wait(min(PACE * (time.monotonic() - began), LONGEST_PACE_SECONDS))
                idle = not handled

    def _generation(self, connection: Connection) -> Generation:
        with connection.cursor() as db:
            found = projections.active(db, self.projection)
        if found is None or found[1] != self.projection.version:
            projections.rebuild(connection, self.projection, self._report)
            return self._generation(connection)
        return found[0]

    def _report(self, handled: int) -> None:
        log.info("projection rebuilding", projection=self.projection.name, events=handled)
