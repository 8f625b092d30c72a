from collections import defaultdict

import orjson
import pytest

from gateway.routes import _ETAG
from loadtests import prepared_requests
from loadtests.prepared_requests import MARK_WIDTH, QUEUES, VERSIONS
from services.calls.domain.facts import canonical

URL = "http://127.0.0.1:8080"


def sent(path, mark):
    """The requests as wrk_requests.lua makes them of the file: head, headers, body."""
    for request in path.read_bytes().split(b"\0"):
        head, _, body = request.replace(b"\1", mark).partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        yield first, dict(line.split(b": ", 1) for line in lines), body


@pytest.mark.parametrize("facts_a_request", [1, 500])
def test_requests_are_http_of_acceptable_facts(tmp_path, facts_a_request):
    path = prepared_requests.write(tmp_path / "requests", prepared_requests.facts(URL, "secret", facts_a_request))
    bodies = []
    for first, headers, body in sent(path, b"m" * MARK_WIDTH):
        assert first == b"POST /v1/calls/events HTTP/1.1"
        assert int(headers[b"Content-Length"]) == len(body)
        assert headers[b"Authorization"] == b"Bearer secret"
        bodies.append(body)
    assert {body.count(b"\n") + 1 for body in bodies} == {facts_a_request}
    facts = [orjson.loads(line) for body in bodies for line in body.splitlines()]
    assert [verdict for fact in facts if isinstance(verdict := canonical(fact), list)] == []


def test_no_fact_of_a_round_is_known_from_another_round(tmp_path):
    path = prepared_requests.write(tmp_path / "requests", prepared_requests.facts(URL, None))

    def identities(mark):
        facts = [orjson.loads(body) for _, _, body in sent(path, mark)]
        return {(fact.get("call_id"), fact.get("agent"), fact["id"]) for fact in facts}

    first, second = identities(b"0" * MARK_WIDTH), identities(b"1" * MARK_WIDTH)
    assert len(first) == len(second) == len(path.read_bytes().split(b"\0"))
    assert first.isdisjoint(second)


def test_each_command_on_a_queue_changes_it_and_names_the_version_before(tmp_path):
    path = prepared_requests.write(tmp_path / "requests", prepared_requests.commands(URL, "secret"))
    histories = defaultdict(list)
    for first, headers, body in sent(path, b"m" * MARK_WIDTH):
        assert int(headers[b"Content-Length"]) == len(body)
        histories[first.split()[1]].append((int(_ETAG.fullmatch(headers[b"If-Match"])[1]), body))
    assert len(histories) == QUEUES
    for history in histories.values():
        assert [version for version, _ in history] == list(range(VERSIONS))
        assert len({body for _, body in history}) == VERSIONS
