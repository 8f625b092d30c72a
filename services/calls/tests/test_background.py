"""The process behind the read models: a stored call that is over is told of on the bus, until it is told to stop."""

import os
import signal
import subprocess
import sys
import time

import orjson
import pika
import pytest

from services.calls.tests.running import stream_of
from services.calls.tests.test_completions import answered

EXCHANGE = "calls.events"


@pytest.fixture
def process(calls_url, amqp_url):
    """The process as it is served; killed at the end if it did not stop."""
    environment = {**os.environ, "PLATEAU_CALLS_DATABASE_URL": calls_url, "PLATEAU_AMQP_URL": amqp_url}
    command = [sys.executable, "-c", "from services.calls.background import run; run()"]
    started = subprocess.Popen(command, env={**environment, "PYTHONPATH": "."})  # noqa: S603 - ours
    yield started
    started.kill()
    started.wait()


@pytest.fixture
def channel(amqp_url):
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        yield connection.channel()


def test_a_call_that_is_over_is_published_and_the_process_stops_when_told_to(calls, channel, process):
    channel.exchange_declare(EXCHANGE, "topic", durable=True)
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, EXCHANGE, "call_completed")
    calls.store(answered("c1"))
    heard = None
    deadline = time.monotonic() + 30
    while heard is None:
        assert time.monotonic() < deadline
        _, _, body = channel.basic_get(queue, auto_ack=True)
        if body is None:
            time.sleep(0.05)
        elif (told := orjson.loads(body))["subject"] == str(stream_of(calls, "c1")):  # others may be told of here too
            heard = told
    assert (heard["type"], heard["source"]) == ("plateau.calls.call_completed", "/plateau/calls")
    assert (heard["revision"], heard["data"]["telephony_seconds"]) == (1, 72.5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
