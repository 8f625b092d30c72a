"""A process of loops in threads: read models that follow, and what a service does of itself at times."""

import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
import structlog
from prometheus_client import start_http_server

from services.kernel import logs, store
from services.kernel.backoff import pauses
from services.kernel.database import Connection, connect
from services.kernel.following import Follower
from services.kernel.garbage import settle
from services.kernel.projections import Projection
from services.kernel.relay import Relay

log = structlog.get_logger()


@dataclass(frozen=True)
class Scheduled:
    """What is done every so many seconds, on a connection of its own; doing it twice at once must be harmless."""

    name: str
    every: float
    act: Callable[[Connection, datetime], object]


def run(
    dsn: str,
    read_models: Sequence[Projection],
    schedule: Sequence[Scheduled],
    relay: Callable[[threading.Event], Relay] | None = None,
) -> None:
    """Follows, acts and relays until SIGTERM or SIGINT; raises where one of the loops fails for good.

    `relay` is given what tells it to stop.
    """
    logs.configure()
    stop, failures = threading.Event(), list[BaseException]()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if port := os.environ.get("PLATEAU_METRICS_PORT"):
        start_http_server(int(port), os.environ.get("PLATEAU_METRICS_HOST", "127.0.0.1"))
    _wait_for(dsn, stop)

    def guarded(loop: Callable[[], None]) -> None:
        try:
            loop()
        except BaseException as failure:  # noqa: BLE001 - whatever ends one loop ends the process, which is then started anew
            failures.append(failure)
            stop.set()

    loops = [Follower(projection, dsn, stop).run for projection in read_models]
    loops += [_timed(scheduled, dsn, stop) for scheduled in schedule]
    if relay is not None:
        loops.append(relay(stop).run)
    threads = [threading.Thread(target=guarded, args=(loop,)) for loop in loops]
    for thread in threads:
        thread.start()
    settle()
    log.info("background.started", read_models=[projection.name for projection in read_models])
    for thread in threads:
        thread.join()
    log.info("background.stopped")
    if failures:
        raise failures[0]


def _wait_for(dsn: str, stop: threading.Event) -> None:
    """Waits for the database, and refuses one whose history readers would not see."""
    for pause in pauses():
        try:
            with connect(dsn, "start-up guard") as connection, connection.cursor() as db:
                store.refuse_hidden_history(db)
                return
        except psycopg.OperationalError as error:
            log.warning("background.waiting", server="database", reason=str(error), retry_in=round(pause, 2))
        if stop.wait(pause):
            return


def _timed(scheduled: Scheduled, dsn: str, stop: threading.Event) -> Callable[[], None]:
    def loop() -> None:
        while not stop.wait(scheduled.every):
            try:
                with connect(dsn, scheduled.name) as connection:
                    scheduled.act(connection, datetime.now(UTC))
                    while not stop.wait(scheduled.every):
                        scheduled.act(connection, datetime.now(UTC))
            except psycopg.OperationalError as error:
                log.warning("scheduled.waiting", name=scheduled.name, reason=str(error))

    return loop
