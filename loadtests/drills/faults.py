"""What can happen to a running Plateau: each fault is there while its `with` block runs, and is gone after it.

Processes are killed and frozen at a bad moment: facts have been taken from the queue and are not committed.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import orjson
import psutil
import psycopg

from infra.local.stack import Stack
from loadtests.drills.broker import VHOST, Broker
from loadtests.drills.load import Load
from loadtests.driving import wait
from services.calls.domain.facts import canonical
from services.kernel.cloud_events import exchange_of, source_of
from services.kernel.dead_letters import ATTEMPTS
from services.kernel.event_queues import EventQueues
from services.kernel.ingest_queues import FACTS

IN_HAND = 20  # facts
COMES_BACK_SECONDS = 60
CUTS = 5
AROUND_THE_BAD = 4  # good facts
NUL = "\x00"  # text of PostgreSQL has none


@dataclass
class Scene:
    """Where a fault happens; it notes `aside` which body must be found aside, by the queue that it was sent to."""

    stack: Stack
    broker: Broker
    load: Load
    aside: list[tuple[str, bytes]] = field(default_factory=list)


Fault = Callable[[Scene], AbstractContextManager[None]]


@contextmanager
def killed(scene: Scene, program: str) -> Iterator[None]:
    """kill -9, as by a power cut; supervisord starts it again."""
    supervisor = scene.stack.servers.supervisor
    with _facts_in_hand(scene):
        before = supervisor.kill(program)
    yield
    wait(lambda: supervisor.pid_of(program) not in {0, before}, f"{program} is not back", COMES_BACK_SECONDS)


@contextmanager
def frozen(scene: Scene, program: str) -> Iterator[None]:
    """SIGSTOP: it takes what is sent to it, and does nothing; SIGCONT."""
    process = psutil.Process(scene.stack.servers.supervisor.pid_of(program))
    with _facts_in_hand(scene):
        process.suspend()
    try:
        yield
    finally:
        process.resume()


@contextmanager
def broker_connections_cut(scene: Scene) -> Iterator[None]:
    """The broker closes all connections, several times."""
    for _ in range(CUTS):
        scene.stack.servers.rabbitmq.control("close_all_connections", "--vhost", VHOST, "drill")
        time.sleep(1)
    yield


@contextmanager
def sessions_ended(scene: Scene) -> Iterator[None]:
    """PostgreSQL ends all sessions, several times."""
    others = "backend_type = 'client backend' AND pid <> pg_backend_pid()"
    with closing(psycopg.connect(scene.stack.servers.postgres.url, autocommit=True)) as superuser:
        for _ in range(CUTS):
            superuser.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")  # noqa: S608
            time.sleep(1)
    yield


@contextmanager
def disk_alarm(scene: Scene) -> Iterator[None]:
    """The broker has less disk than it wants, and takes nothing from who publishes."""
    rabbitmq = scene.stack.servers.rabbitmq
    limit = json.loads(rabbitmq.control("status", "--formatter", "json"))["disk_free_limit"]
    rabbitmq.control("set_disk_free_limit", str(2 * psutil.disk_usage(str(rabbitmq.folder)).total))
    try:
        yield
    finally:
        rabbitmq.control("set_disk_free_limit", str(limit))


@contextmanager
def memory_alarm(scene: Scene) -> Iterator[None]:
    """The broker has less memory than it wants, likewise."""
    rabbitmq = scene.stack.servers.rabbitmq
    limit = json.loads(rabbitmq.control("status", "--formatter", "json"))["vm_memory_high_watermark_setting"]
    rabbitmq.control("set_vm_memory_high_watermark", "0")
    try:
        yield
    finally:
        rabbitmq.control("set_vm_memory_high_watermark", str(limit["relative"]))


@contextmanager
def unreadable_messages(scene: Scene) -> Iterator[None]:
    """Every queue of a service gets a message that is no JSON."""
    for queue in scene.broker.consumed():
        body = f"no JSON {uuid4()}".encode()
        scene.broker.publish(queue, body, {})
        scene.aside.append((queue, body))
    yield


@contextmanager
def refused_messages(scene: Scene) -> Iterator[None]:
    """Every ingest queue gets a fact that the database refuses, among good ones; every subscription an event without
    what is read of it.
    """
    heard = scene.broker.bindings()
    for queue in scene.broker.consumed():
        if queue not in heard:
            _send_bad_fact(scene, queue)
    for queue, exchanges in heard.items():
        for exchange, types in exchanges.items():
            for kind in types:
                _send_bad_event(scene, queue, exchange.removesuffix(exchange_of("")), kind)
    yield


def _send_bad_fact(scene: Scene, queue: str) -> None:
    first, *others = (canonical(fact) for fact in scene.load.further_facts(AROUND_THE_BAD))
    bad = first | {"id": f"bad-{uuid4()}", "data": {"text": f"before{NUL}after"}}
    scene.broker.publish(queue, orjson.dumps([first, bad, *others]), {FACTS: AROUND_THE_BAD + 1})
    scene.aside.append((queue, orjson.dumps([bad])))


def _send_bad_event(scene: Scene, queue: str, source: str, kind: str) -> None:
    event = {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": source_of(source),
        "type": f"plateau.{source}.{kind}",
        "subject": str(uuid4()),
        "time": "2026-11-20T09:00:00Z",
        "data": {},
    }
    body = orjson.dumps(event)
    # As if it had failed often before: one failure more, and it is put aside.
    scene.broker.publish(queue, body, {ATTEMPTS: EventQueues(queue, source, ()).attempts - 1})
    scene.aside.append((queue, body))


@contextmanager
def _facts_in_hand(scene: Scene) -> Iterator[None]:
    """Nothing can be committed to the store of calls; some facts wait for it."""
    with closing(psycopg.connect(scene.stack.settings()["PLATEAU_CALLS_MIGRATION_URL"])) as owner:
        owner.execute("LOCK TABLE store.events IN SHARE ROW EXCLUSIVE MODE")
        wait(lambda: (scene.stack.health().get("ingest_backlog") or 0) > IN_HAND, "No facts are in hand", 20)
        yield
