"""The budget as a process on the bus: what calls and training publish is booked, and it stops when told to."""

import os
import signal
import subprocess
import sys
import time
from uuid import uuid4

import orjson
import pika
import pytest

from services.budget.policies import REACTIONS
from services.budget.tests.running import approved, completed
from services.kernel.cloud_events import exchange_of, source_of
from services.kernel.database import connect
from services.kernel.event_queues import EventQueues
from services.kernel.inbox import types_from
from services.kernel.tests.conftest import KEY

HEARD = {source: EventQueues("budget", source, types_from(source, REACTIONS)) for source in ("calls", "training")}
BOOKED = "SELECT account, seconds, minor, currency FROM read.actuals WHERE subject = ANY(%s)"

RELAYS = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'relay %'"""


@pytest.fixture
def channel(amqp_url):
    """A channel to the broker, where the queues of the budget are there, and afterwards are not."""
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        opened = connection.channel()
        opened.confirm_delivery()
        for queues in HEARD.values():
            for step in queues.plan():
                getattr(opened, step.method)(**step.arguments)
        yield opened
        for queues in HEARD.values():
            for queue in (queues.name, queues.delayed, queues.dead):
                opened.queue_delete(queue)


@pytest.fixture
def process(budget_url, amqp_url, channel):
    """The process as it is served; killed at the end if it did not stop."""
    settings = {"PLATEAU_BUDGET_DATABASE_URL": budget_url, "PLATEAU_AMQP_URL": amqp_url, "PLATEAU_MASTER_KEY": KEY}
    serve = "from services.kernel.messaging.runner import run; run('services.budget.service:BudgetService')"
    command = [sys.executable, "-W", "ignore", "-c", serve]
    started = subprocess.Popen(command, env={**os.environ, **settings, "PYTHONPATH": "."})  # noqa: S603 - ours
    yield started
    started.kill()
    started.wait()


def publish(channel, service, kind, subject, data, **more):
    told = {
        "id": str(uuid4()),
        "source": source_of(service),
        "type": f"plateau.{service}.{kind}",
        "subject": subject,
        "time": "2026-11-21T12:00:00Z",
        "data": data,
        **more,
    }
    channel.basic_publish(exchange_of(service), kind, orjson.dumps(told), pika.BasicProperties(delivery_mode=2))


def test_what_calls_and_training_publish_is_booked(channel, process, budget_url):
    call, award = str(uuid4()), str(uuid4())
    for _ in range(2):
        publish(channel, "calls", "call_completed", call, completed(90.5), revision=1)
        publish(channel, "training", "award_approved", award, approved("120.50"))
    publish(channel, "calls", "call_completed", call, completed(60), revision=2)
    expected = {("awards", None, 12050, "EUR"), ("telephony", -30.5, None, None), ("telephony", 90.5, None, None)}
    deadline = time.monotonic() + 60
    with connect(budget_url, "test") as connection:
        while connection.execute("SELECT to_regclass('read.actuals')").fetchone() == (None,):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        while len(booked := connection.execute(BOOKED, ([call, award],)).fetchall()) < len(expected):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        relays = connection.execute(RELAYS).fetchone()
    assert set(booked) == expected
    assert relays == (0,)  # it publishes nothing, so that nothing follows its events for that
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
