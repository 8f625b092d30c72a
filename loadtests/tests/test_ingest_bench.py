import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import orjson
import psycopg
import pytest
from click.testing import CliRunner

from loadtests.ingest_bench import main
from loadtests.prepared_requests import MARK_WIDTH, write_requests
from loadtests.sides import Peer, rows
from services.calls.domain.facts import canonical

URL = "http://127.0.0.1:8080/v1/calls/events"


def sent(path, mark):
    """The requests as wrk_facts.lua makes them of the file."""
    return [request.replace(b"\1", mark) for request in path.read_bytes().split(b"\0")]


@pytest.mark.parametrize("facts_a_request", [1, 500])
def test_prepared_requests_are_http_of_acceptable_facts(tmp_path, facts_a_request):
    path = tmp_path / "requests"
    count = write_requests(path, URL, "secret", facts_a_request)
    requests = sent(path, b"m" * MARK_WIDTH)
    bodies = []
    for request in requests:
        head, _, body = request.partition(b"\r\n\r\n")
        headers = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        assert int(headers[b"Content-Length"]) == len(body)
        assert headers[b"Authorization"] == b"Bearer secret"
        bodies.append(body)
    assert {body.count(b"\n") + 1 for body in bodies} == {facts_a_request}
    facts = [orjson.loads(line) for body in bodies for line in body.splitlines()]
    assert len(facts) == count
    assert [verdict for fact in facts if isinstance(verdict := canonical(fact), list)] == []


def test_no_fact_of_a_round_is_known_from_another_round(tmp_path):
    path = tmp_path / "requests"
    write_requests(path, URL, None)

    def identities(mark):
        facts = [orjson.loads(request.partition(b"\r\n\r\n")[2]) for request in sent(path, mark)]
        return {(fact.get("call_id"), fact.get("agent"), fact["id"]) for fact in facts}

    first, second = identities(b"0" * MARK_WIDTH), identities(b"1" * MARK_WIDTH)
    assert len(first) == len(second) == len(path.read_bytes().split(b"\0"))
    assert first.isdisjoint(second)


def test_each_side_says_what_it_needs():
    nothing = dict.fromkeys(["PLATEAU_URL", "PLATEAU_TOKEN", "PLATEAU_POSTGRES_ADMIN_URL", "PLATEAU_AMQP_URL"], "")
    assert "--postgres-url" in CliRunner().invoke(main, ["--only", "peer"], env=nothing).output
    assert ".run/env" in CliRunner().invoke(main, ["--only", "plateau"], env=nothing).output


def test_the_bare_pipeline_stores_every_body_that_it_acknowledged(postgres_url, amqp_url):
    bodies = [orjson.dumps({"id": n, "text": 'a "quoted" \\ back\nslash\t é'}) for n in range(500)]
    with psycopg.connect(postgres_url, autocommit=True) as database:
        with Peer(postgres_url, amqp_url).running(database) as url, httpx.Client() as client:
            with ThreadPoolExecutor(16) as posters:
                answers = list(posters.map(lambda body: client.post(url, content=body).status_code, bodies))
            assert set(answers) == {202}
            give_up = time.monotonic() + 20
            while rows(database) < len(bodies) and time.monotonic() < give_up:
                time.sleep(0.05)
            stored = database.execute("SELECT body FROM bare_pipeline").fetchall()
            assert sorted(body["id"] for (body,) in stored) == list(range(500))
            assert {body["text"] for (body,) in stored} == {'a "quoted" \\ back\nslash\t é'}
        (left,) = database.execute("SELECT to_regclass('bare_pipeline')").fetchone()
    assert left is None
