"""Fixtures that run a Nameko service in a process of its own, on a queue of its own, with a door before the broker."""

import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import orjson
import pika
import pika.exceptions
import pytest

from services.kernel.ingest_queues import IngestQueues, dead
from services.kernel.tests.messaging.proxy import Proxy

ROOT = Path(__file__).parents[4]


def eventually(condition, within=20.0):
    """What `condition` returns once that is true."""
    until = time.monotonic() + within
    while not (result := condition()):
        if time.monotonic() > until:
            raise AssertionError(f"not within {within:g} s: {condition}")
        time.sleep(0.02)
    return result


def python(program):
    """A program run in a fresh interpreter, to its end."""
    command = [sys.executable, "-W", "ignore", "-c", program]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own text


class Served:
    """A Nameko service in a process of its own, and what it wrote down."""

    def __init__(self, folder, process):
        self.folder, self.process = folder, process

    def journal(self, what):
        path = self.folder / "journal"
        lines = path.read_bytes().splitlines() if path.exists() else []
        return [line for line in map(orjson.loads, lines) if line["what"] == what]

    def committed(self):
        return [fact for line in self.journal("committed") for fact in line["ids"]]

    def stop(self, with_signal=signal.SIGTERM):
        self.process.send_signal(with_signal)
        return self.process.wait(timeout=20)


@pytest.fixture
def queues(amqp_url):
    """One ingest queue of this test alone, as `recording.Recorder` consumes it; deleted afterwards."""
    made = IngestQueues((f"test.ingest.{uuid.uuid4().hex[:12]}",), exchange="plateau.test")
    yield made
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        for name in (*made.names, dead(made.names[0]), f"rpc-{made.names[0]}"):
            connection.channel().queue_delete(name)


class Desk:
    """The test's own view of its queue."""

    def __init__(self, channel, queues):
        self._channel, self._queues, self.queue = channel, queues, queues.names[0]
        for step in queues.plan():
            getattr(channel, step.method)(**step.arguments)
        self._published = 0

    def send(self, *ids):
        self._published += len(ids)
        self.send_raw(orjson.dumps([{"id": each} for each in ids]), facts=len(ids), published=self._published)

    def send_raw(self, body, **headers):
        properties = pika.BasicProperties(delivery_mode=2, headers={"publisher": "test", **headers})
        self._channel.basic_publish(self._queues.exchange, self.queue, body, properties, mandatory=True)

    def waiting(self, queue=None):
        return self._channel.queue_declare(queue or self.queue, passive=True).method.message_count

    def arrives(self, fact):
        """Whether a queue was there to take it."""
        try:
            self.send(fact)
        except pika.exceptions.UnroutableError:
            return False
        return True

    def delete(self):
        self._channel.queue_delete(self.queue)

    def take_dead(self):
        eventually(lambda: self.waiting(dead(self.queue)))
        _, properties, body = self._channel.basic_get(dead(self.queue), auto_ack=True)
        return properties.headers, body


@pytest.fixture
def desk(amqp_url, queues):
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        yield Desk(channel, queues)


@pytest.fixture
def door(amqp_url):
    """A proxy before the broker; `door.url` leads through it, also when it was closed and opened again."""
    parts = urlsplit(amqp_url)
    door = Proxy((parts.hostname, parts.port))
    door.url = urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{door.port}"))
    yield door
    door.close()


@pytest.fixture
def serve(tmp_path, queues, amqp_url):
    """Starts a class of `recording` in a process: `with serve("Recorder") as served`."""

    @contextmanager
    def started(name, url=amqp_url, **limits):
        environment = {
            **os.environ,
            "PLATEAU_AMQP_URL": url,
            "TEST_FOLDER": str(tmp_path),
            "TEST_QUEUE": queues.names[0],
            "TEST_LIMITS": orjson.dumps(limits).decode(),
        }
        path = f"services.kernel.tests.messaging.recording:{name}"
        command = f"from services.kernel.messaging.runner import run; run({path!r})"
        with (tmp_path / "log").open("ab") as log:
            process = subprocess.Popen([sys.executable, "-c", command], cwd=ROOT, env=environment, stderr=log)  # noqa: S603
        try:
            yield Served(tmp_path, process)
        finally:
            process.kill()
            process.wait()

    return started
