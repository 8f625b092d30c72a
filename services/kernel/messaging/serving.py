"""The life of a process of Nameko services: wait for the servers, start, stop when told. Import it cooperative."""

import logging
import signal
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any

import eventlet
import pika
import psycopg
import structlog
from eventlet.support.greenlets import GreenletExit
from nameko.runners import ServiceRunner
from pika.exceptions import AMQPError
from prometheus_client import start_http_server

from services.kernel import logs, store
from services.kernel.amqp import HEARTBEAT
from services.kernel.backoff import pauses
from services.kernel.database import connect
from services.kernel.garbage import settle

log = structlog.get_logger(__name__)


def serve(service_paths: Sequence[str], environment: Mapping[str, str]) -> None:
    """Serve the named classes until SIGTERM or SIGINT (twice: at once); raises what ended a service otherwise."""
    logs.configure()
    # Our entrypoints say themselves what failed and passes; its traceback could carry what a fact says.
    logging.getLogger("nameko.containers").setLevel(logging.ERROR)
    amqp_url = environment["PLATEAU_AMQP_URL"]
    runner = ServiceRunner({"AMQP_URI": amqp_url, "HEARTBEAT": HEARTBEAT, "serializer": "json"})
    classes = [_imported(path) for path in service_paths]
    for service in classes:
        runner.add_service(service)
    if port := environment.get("PLATEAU_METRICS_PORT"):
        start_http_server(int(port), environment.get("PLATEAU_METRICS_HOST", "127.0.0.1"))

    def live() -> None:
        _wait_for("broker", partial(_visit_broker, amqp_url))
        for setting in sorted(_databases(classes)):
            _wait_for("database", partial(_visit_database, environment[setting]))
        runner.start()
        settle()
        log.info("services.started", services=list(service_paths))
        runner.wait()

    life = eventlet.spawn(live)
    eventlet.spawn(_end_when_told, life, runner)
    with suppress(GreenletExit):  # told to stop before all had started
        life.wait()
    log.info("services.stopped", services=list(service_paths))


def _imported(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def _databases(classes: Iterable[Any]) -> set[str]:
    return {setting for service in classes for setting in getattr(service, "databases", ())}


def _visit_broker(url: str) -> None:
    pika.BlockingConnection(pika.URLParameters(url)).close()


def _visit_database(url: str) -> None:
    with connect(url, "start-up guard") as connection, connection.cursor() as db:
        store.refuse_hidden_history(db)


def _wait_for(server: str, attempt: Callable[[], None]) -> None:
    waits = pauses()
    while True:
        try:
            attempt()
        except (AMQPError, OSError, psycopg.OperationalError) as error:
            pause = next(waits)
            log.warning("services.waiting", server=server, reason=repr(error), retry_in=round(pause, 2))
            eventlet.sleep(pause)
        else:
            return


def _end_when_told(life: Any, runner: ServiceRunner) -> None:
    # A signal handler may not switch greenlets, and a hub asleep in its poller would not see a greenlet that the
    # handler spawned. So handlers do nothing, and the interpreter's wake-up byte arrives here like any other input.
    told, wakeup = socket.socketpair()
    wakeup.setblocking(False)
    signal.set_wakeup_fd(wakeup.fileno())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    log.info("services.stopping", signal=signal.Signals(told.recv(1)[0]).name)
    if not all(container.started for container in runner.containers):
        life.kill()
        return
    eventlet.spawn(runner.stop)
    told.recv(1)
    runner.kill()
