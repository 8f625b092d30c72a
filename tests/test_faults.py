"""Some of the drills of `make drill`, what senders are told meanwhile, and that a drill finds what is wrong."""

from contextlib import contextmanager

import orjson
import psycopg
import pytest

from conftest import address
from loadtests.drills import faults
from loadtests.drills.catalogue import DRILLS
from loadtests.drills.drilling import Drill, Drilling
from services.kernel.ingest_queues import dead
from tests import system
from tests.caller import Caller, eventually
from tests.facts import NINE, fact, new_call

RATE = 200


@pytest.fixture(scope="module")
def stack():
    """A system of this file alone, whose database keeps what it has committed."""
    with system.running(durable=True) as stack:
        yield stack


@pytest.fixture(scope="module")
def drilling(stack):
    return Drilling(stack, RATE)


@pytest.fixture(scope="module")
def administrator(stack):
    with Caller(stack.url, stack.new_key()) as caller:
        yield caller


@pytest.mark.parametrize("name", ["kill-calls-ingest", "kill-postgres", "poison-content"])
def test_nothing_is_lost_and_nothing_counts_twice(drilling, name):
    (drill,) = (drill for drill in DRILLS if drill.name == name)
    outcome = drilling.carry_out(drill)
    assert outcome.complaints == ()
    assert outcome.accepted > RATE
    assert outcome.recovery < 60


def test_while_the_broker_is_away_senders_are_told_to_wait_and_nothing_is_lost(drilling, administrator):
    @contextmanager
    def broker_killed(scene):
        with faults.killed(scene, "rabbitmq"):
            body = [fact(new_call(), "queued", NINE, queue="q")]
            refused = eventually(lambda: (answer := administrator.post(body)).status_code == 503 and answer)
            assert refused.json()["code"] == "ingest.not_confirmed"
            assert int(refused.headers["Retry-After"]) >= 1
            assert administrator.http.get("/health/live").status_code == 200
            health = eventually(lambda: (got := administrator.http.get("/health/ready")).status_code == 503 and got)
            assert health.json()["status"] == "not_ready"
            yield

    outcome = drilling.carry_out(Drill("broker-away", "kill -9 of rabbitmq", broker_killed))
    assert outcome.complaints == ()
    assert outcome.repeats > 0
    assert outcome.longest_wait >= 1


def test_a_drill_says_what_is_lost_or_twice_or_shown_otherwise(drilling, stack):
    loads = []

    @contextmanager
    def sabotage(scene):
        yield
        loads.append(scene.load)
        scene.load.further_facts(1)
        queue, *_ = scene.broker.consumed()
        scene.broker.publish(dead(queue), b"good, and put aside", {})
        scene.aside.append((queue, b"bad, and nowhere"))
        with psycopg.connect(address(stack.servers.postgres.url, "plateau_calls")) as superuser:
            superuser.execute(
                "UPDATE read.visits SET queue = 'elsewhere' WHERE id = (SELECT id FROM read.visits LIMIT 1)"
            )

    complaints = "\n".join(drilling.carry_out(Drill("sabotage", "this test", sabotage)).complaints)
    for said in (
        "accepted and not stored",
        "calls.visits had 1 rows more",
        "calls.visits has after a rebuild 1 rows more",
        "is missing: b'bad, and nowhere'",
        "is aside and ought not to be: b'good, and put aside'",
    ):
        assert said in complaints
    loads[0].changes += 1
    assert any("changes of a queue were acknowledged" in complaint for complaint in drilling.audit.lost(loads[0]))


def test_an_event_that_nobody_stored_or_nobody_told_of_is_noticed(drilling, stack):
    assert list(drilling.audit.untold()) == []
    invented = {"source": "/plateau/calls", "id": "00000000-0000-0000-0000-000000000000"}
    drilling.broker.publish("drill.listener", orjson.dumps(invented), {})
    (told,) = drilling.audit.untold()
    assert "has what was never stored" in told
    with psycopg.connect(address(stack.servers.postgres.url, "plateau_calls")) as superuser:
        superuser.execute("UPDATE store.events SET event_id = gen_random_uuid() WHERE type = 'call_completed'")
    assert any("misses" in complaint for complaint in drilling.audit.untold())
