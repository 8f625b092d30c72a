"""What a service does behind the answers: read models that follow, what is done at times, and the relay.

Each is a loop of its own. A busy service has a process of them in threads (`run`), a small one runs them beside its
Nameko entrypoints (`services.kernel.messaging.background`).
"""

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
from services.kernel.forgetting import forget_old
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


FORGETTING = Scheduled("forget what was heard long ago", 6 * 3600.0, forget_old)


def loops(
    dsn: str,
    read_models: Sequence[Projection],
    schedule: Sequence[Scheduled],
    relay: Callable[[threading.Event], Relay] | None,
    stop: threading.Event,
) -> dict[str, Callable[[], None]]:
    """All of it by name, each until `stop` is set; `relay` is given what tells it to stop.

    Whatever the service is, its inbox forgets what it need not know.
    """
    made: dict[str, Callable[[], None]] = {model.name: Follower(model, dsn, stop).run for model in read_models}
    made |= {scheduled.name: _timed(scheduled, dsn, stop) for scheduled in (*schedule, FORGETTING)}
    return made if relay is None else made | {"relay": relay(stop).run}


def run(
    dsn: str,
    read_models: Sequence[Projection],
    schedule: Sequence[Scheduled],
    relay: Callable[[threading.Event], Relay] | None = None,
) -> None:
    """Goes on with all of it in threads until SIGTERM or SIGINT; raises where one of the loops fails for good."""
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

    named = loops(dsn, read_models, schedule, relay, stop)
    threads = [threading.Thread(target=guarded, args=(loop,), name=name) for name, loop in named.items()]
    for thread in threads:
        thread.start()
    settle()
    log.info("background.started", loops=list(named))
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
