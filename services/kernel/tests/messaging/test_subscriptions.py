"""What becomes of every event that a subscription hears."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

import orjson
import pika
import pytest

from services.kernel import store
from services.kernel.cloud_events import exchange_of
from services.kernel.database import connect
from services.kernel.event_queues import EventQueues
from services.kernel.store import NewEvent
from services.kernel.tests.conftest import KEY
from services.kernel.tests.messaging.harness import ROOT, Served, eventually

HEARD = "SELECT (data->>'number')::int FROM store.events WHERE type = 'bell_heard' ORDER BY position"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Bells:
    """A source of bells, and what the hearer came to."""

    def __init__(self, channel, connection, name):
        self.channel, self.connection = channel, connection
        self.source = name.replace("test.ingest.", "bells")
        self.queues = EventQueues("hearer", self.source, ("bell_rung",), delay=0.3, attempts=3)
        for step in self.queues.plan():
            getattr(channel, step.method)(**step.arguments)

    def ring(self, number, subject="tower", revision=None, id_=None, **more):
        told = {
            "id": str(id_ or uuid4()),
            "source": f"/plateau/{self.source}",
            "type": f"plateau.{self.source}.bell_rung",
            "subject": subject,
            "time": "2026-11-21T12:00:00Z",
            "data": {"number": number, "colour": "a field that the hearer does not know"},
            **more,
        } | ({"revision": revision} if revision else {})
        self.send(orjson.dumps(told))

    def send(self, body):
        properties = pika.BasicProperties(content_type="application/json", delivery_mode=2)
        self.channel.basic_publish(exchange_of(self.source), "bell_rung", body, properties)

    def heard(self):
        return [number for (number,) in self.connection.execute(HEARD)]

    def noted(self):
        return self.connection.execute("SELECT count(*) FROM store.inbox").fetchone()[0]

    def waiting(self, queue):
        return self.channel.queue_declare(queue, passive=True).method.message_count

    def parked(self):
        def taken():
            _, properties, body = self.channel.basic_get(self.queues.dead, auto_ack=True)
            return body and (properties.headers, body)

        return eventually(taken)


@pytest.fixture
def bells(amqp_url, queues, calls_url):
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection, connect(calls_url, "test") as database:
        channel = connection.channel()
        channel.confirm_delivery()
        made = Bells(channel, database, queues.names[0])
        yield made
        for queue in (made.queues.name, made.queues.delayed, made.queues.dead):
            channel.queue_delete(queue)
        channel.exchange_delete(exchange_of(made.source))


@pytest.fixture
def hearing(tmp_path, queues, amqp_url, calls_url):
    """Runs one of the services of `hearing`."""

    @contextmanager
    def started(name="Hearer", url=amqp_url):
        environment = {
            **os.environ,
            "PLATEAU_AMQP_URL": url,
            "PLATEAU_MASTER_KEY": KEY,
            "TEST_FOLDER": str(tmp_path),
            "TEST_QUEUE": queues.names[0],
            "TEST_DATABASE": calls_url,
        }
        path = f"services.kernel.tests.messaging.hearing:{name}"
        command = f"from services.kernel.messaging.runner import run; run({path!r})"
        with (tmp_path / "log").open("ab") as log:
            process = subprocess.Popen([sys.executable, "-c", command], cwd=ROOT, env=environment, stderr=log)  # noqa: S603
        try:
            yield Served(tmp_path, process)
        finally:
            process.kill()
            process.wait()

    return started


def test_events_take_effect_in_order_and_each_once(bells, hearing):
    again = uuid4()
    bells.ring(1, id_=again)
    bells.ring(1, id_=again)
    for number in range(102, 160):
        bells.ring(number)
    with hearing() as served:
        eventually(lambda: 159 in bells.heard())
        bells.ring(1, id_=again)
        bells.ring(160)
        eventually(lambda: 160 in bells.heard())
        assert served.stop() == 0
    assert bells.heard() == [1, *range(102, 161)]
    assert bells.waiting(bells.queues.name) == bells.waiting(bells.queues.dead) == 0


def test_an_event_that_the_inbox_has_forgotten_still_takes_effect_once(bells, hearing):
    again = uuid4()
    bells.ring(1, id_=again)
    with hearing():
        eventually(lambda: bells.heard() == [1])
        bells.connection.execute("DELETE FROM store.inbox")
        bells.ring(1, id_=again)
        bells.ring(2)
        eventually(lambda: bells.noted() == 2)
        assert bells.heard() == [1, 2]


def test_events_that_come_together_take_effect_together(bells, hearing):
    for number in range(100, 400):
        bells.ring(number)
    with hearing() as served:
        eventually(lambda: 399 in bells.heard())
        taken = [len(line["ids"]) for line in served.journal("begun")]
    assert sum(taken) == 300
    assert len(taken) <= 6


def test_a_revision_that_was_overtaken_changes_nothing(bells, hearing):
    for number, revision in ((10, 1), (30, 3), (20, 2), (31, 3), (40, 4)):
        bells.ring(number, revision=revision)
    bells.ring(5, subject="chapel", revision=1)
    with hearing():
        eventually(lambda: bells.noted() == 6)
    heard = "SELECT data->'number', data->'before' FROM store.events WHERE type = 'bell_heard' ORDER BY position"
    assert bells.connection.execute(heard).fetchall() == [(10, 0), (30, 10), (40, 30), (5, 0)]


@pytest.mark.parametrize("crash", [("hold", "begun", []), ("linger", "taken", [1, 2])])
def test_killed_before_or_after_the_commit_it_applies_events_once(bells, hearing, tmp_path, crash):
    where, said, committed = crash
    bells.ring(1)
    bells.ring(2)
    (tmp_path / where).touch()
    with hearing() as served:
        eventually(lambda: served.journal(said))
        served.stop(signal.SIGKILL)
    assert bells.heard() == committed
    eventually(lambda: bells.waiting(bells.queues.name) == 2)
    (tmp_path / where).unlink()
    with hearing() as served:
        bells.ring(3)
        eventually(lambda: bells.heard() == [1, 2, 3])
        assert served.stop() == 0
    assert bells.waiting(bells.queues.name) == bells.waiting(bells.queues.delayed) == 0


def test_no_number_of_lost_connections_moves_a_good_event_to_the_dead(bells, hearing, door, tmp_path):
    hold = tmp_path / "hold"
    hold.touch()
    for number in range(1, 6):
        bells.ring(number)
    # What counts are deliveries that a connection took with it: those of a client of the test's own count as well.
    for _ in range(bells.queues.deliveries + 3):
        with pika.BlockingConnection(bells.channel.connection._impl.params) as lost:
            channel = lost.channel()
            taken = []
            channel.basic_consume(bells.queues.name, lambda *delivery, taken=taken: taken.append(delivery))
            until = time.monotonic() + 10
            while len(taken) < 5 and time.monotonic() < until:
                lost.process_data_events(0.1)
            assert len(taken) == 5
    with hearing(url=door.url) as served:
        hold.unlink()
        eventually(lambda: sorted(bells.heard()) == [1, 2, 3, 4, 5])
        for number in range(6, 9):
            door.cut()
            bells.ring(number)
            eventually(lambda number=number: number in bells.heard())
        assert served.stop() == 0
    assert b"subscription.delivered_often" in (tmp_path / "log").read_bytes()
    assert bells.waiting(bells.queues.dead) == 0
    assert bells.noted() == 8


def test_a_failing_event_waits_and_others_go_on_then_it_is_parked_with_the_reason_and_can_be_replayed(
    bells, hearing, tmp_path
):
    for number in (12, 13, 14):
        bells.ring(number)
    with hearing() as served:
        headers, body = bells.parked()
        assert bells.heard() == [12, 14]
        assert headers["attempts"] == 3
        assert headers["reason"] == "thirteen is too many"
        assert headers["exception"] == "builtins.ValueError"
        assert headers["queue"] == bells.queues.name
        assert sum(13 in line["ids"] and len(line["ids"]) == 1 for line in served.journal("begun")) >= 3
        (tmp_path / "cured").touch()
        properties = pika.BasicProperties(delivery_mode=2, headers=headers)
        bells.channel.basic_publish("", bells.queues.name, body, properties)
        eventually(lambda: bells.heard() == [12, 14, 13])


def test_a_failure_that_passes_meanwhile_is_over_after_a_delay(bells, hearing, tmp_path):
    bells.ring(13)
    with hearing():
        eventually(lambda: b"subscription.delayed" in (tmp_path / "log").read_bytes())
        (tmp_path / "cured").touch()
        eventually(lambda: bells.heard() == [13])
        assert bells.waiting(bells.queues.dead) == 0


def test_what_is_no_event_is_parked_at_once(bells, hearing):
    bells.send(b"no event")
    bells.ring(1)
    with hearing():
        headers, body = bells.parked()
        assert body == b"no event"
        assert headers["exception"].endswith("NotAnEvent")
        eventually(lambda: bells.heard() == [1])


def test_while_the_database_is_away_events_are_kept_and_count_as_no_attempt(bells, hearing, postgres_url, tmp_path):
    allow = "ALTER DATABASE {} ALLOW_CONNECTIONS {}"
    name = bells.connection.info.dbname
    with hearing() as served, connect(postgres_url, "test") as server:
        bells.ring(1)
        eventually(lambda: bells.heard() == [1])
        server.execute(allow.format(name, "false"))
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND application_name = 'hearer'",
            (name,),
        )
        bells.ring(2)
        eventually(lambda: b"consumer.repeats" in (tmp_path / "log").read_bytes())
        server.execute(allow.format(name, "true"))
        eventually(lambda: bells.heard() == [1, 2])
        assert served.stop() == 0
    assert b"subscription.delayed" not in (tmp_path / "log").read_bytes()


def test_a_slow_hearer_does_not_hold_up_the_relay_of_a_nameko_process(bells, hearing, tmp_path):
    (tmp_path / "hold").touch()
    with hearing() as hearer, hearing("Teller") as teller:
        for number in range(101, 131):
            with bells.connection.transaction(), bells.connection.cursor() as db:
                store.append(db, [NewEvent(uuid4(), uuid4(), "bell_rung", {"number": number}, NOON)], {})
        reached = "SELECT count(*) FROM store.relays r JOIN store.events e ON r.transaction_id > e.transaction_id"
        eventually(lambda: bells.connection.execute(reached).fetchone() == (30,))
        assert bells.heard() == []
        (tmp_path / "hold").unlink()
        eventually(lambda: bells.heard() == [*range(101, 131)])
        assert teller.stop() == 0
        assert hearer.stop() == 0


def test_what_an_event_leads_to_in_another_service_keeps_its_trace(bells, hearing):
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    rung = NewEvent(uuid4(), uuid4(), "bell_rung", {"number": 101}, NOON, metadata={"traceparent": traceparent})
    with bells.connection.transaction(), bells.connection.cursor() as db:
        store.append(db, [rung], {})
    with hearing(), hearing("Teller"):
        eventually(bells.heard)
    kept = bells.connection.execute("SELECT metadata->>'traceparent' FROM store.events WHERE type = 'bell_heard'")
    assert kept.fetchall() == [(traceparent,)]


def test_a_failure_is_told_with_the_trace_of_its_event(bells, hearing):
    bells.ring(13, traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    with hearing() as hearer:
        told = eventually(lambda: traced(hearer, "subscription.put_aside"))
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    assert told == {"subscription.delayed": trace, "subscription.put_aside": trace}


def traced(hearer, last):
    """The trace that each line of the log names, by event, once the last is there."""
    lines = [orjson.loads(line) for line in (hearer.folder / "log").read_bytes().splitlines() if line[:1] == b"{"]
    told = {line["event"]: line["trace_id"] for line in lines if "trace_id" in line}
    return told if last in told else None
