import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import httpx
import orjson
import psycopg
import pytest

from loadtests.appends import happenings, scratch_database
from loadtests.driving import wait
from loadtests.peers.eventsourcing_store import EventsourcingStore
from loadtests.sides import BARE, FIRST, USUAL
from loadtests.simulator.posting import PATH

TEXT = 'a "quoted" \\ back\nslash\t é'


@pytest.mark.parametrize("peer", [BARE, USUAL], ids=lambda peer: peer.module)
def test_a_peer_stores_every_fact_that_it_acknowledged(peer, postgres_url, amqp_url):
    facts = [FIRST | {"id": str(n), "data": {"text": TEXT}} for n in range(200)]
    with psycopg.connect(postgres_url, autocommit=True) as database:
        with peer.running(database, amqp_url) as url, httpx.Client(timeout=30) as client:
            with ThreadPoolExecutor(16) as posters:
                answers = list(posters.map(lambda fact: client.post(url + PATH, json=fact).status_code, facts))
            assert set(answers) == {202}
            wait(lambda: peer.rows(database) >= len(facts), "Facts are missing", 20)
            stored = [body for (body,) in database.execute(f"SELECT body FROM {peer.module}")]  # noqa: S608 - ours
            assert sorted(body["id"] for body in stored) == sorted(fact["id"] for fact in facts)
            assert {body["data"]["text"] for body in stored} == {TEXT}
        assert database.execute("SELECT to_regclass(%s)", (peer.module,)).fetchone() == (None,)


def test_the_usual_chain_refuses_what_is_no_fact(postgres_url, amqp_url):
    with psycopg.connect(postgres_url, autocommit=True) as database, USUAL.running(database, amqp_url) as url:
        assert httpx.post(url + PATH, json={"id": "1"}, timeout=30).status_code == 400
        assert USUAL.rows(database) == 0


def test_a_peer_whose_process_ends_is_said_at_once(postgres_url, amqp_url, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with psycopg.connect(postgres_url, autocommit=True) as database:
        with pytest.raises(Exception, match="ended at once"), BARE.running(database, amqp_url):
            pass
        assert database.execute("SELECT to_regclass('bare_pipeline')").fetchone() == (None,)


@pytest.mark.parametrize("functions", [True, False])
def test_the_library_stores_each_fact_under_its_version(postgres_url, functions):
    events = list(islice(happenings(), 120))
    with scratch_database(postgres_url, "test_eventsourcing") as url:
        with EventsourcingStore.on(url, functions=functions) as peer:
            peer.append(events[:100])
            for event in events[100:]:
                peer.append([event])
        with psycopg.connect(url) as database:
            rows = database.execute(
                "SELECT originator_id, originator_version, state FROM application_events"
            ).fetchall()
    stored = {(stream, version): orjson.loads(state)["fact"] for stream, version, state in rows}
    assert stored == {(event.stream, event.version): event.fact for event in events}
