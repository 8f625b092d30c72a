from collections import defaultdict

import orjson
import pytest

from gateway.adapters import ADAPTERS
from gateway.sources import Source
from loadtests import feeds, prepared_requests
from loadtests.feeds import FEEDS, bodies
from loadtests.prepared_requests import MARK_WIDTH
from loadtests.tests.test_prepared_requests import sent
from services.calls.api import canonical

URL = "http://127.0.0.1:8080"
EACH = pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)


def test_every_adapter_is_measured():
    assert FEEDS.keys() == {adapter.name for adapter in ADAPTERS}


def read(adapter, mark):
    """The facts that the adapter makes of each of the first bodies, as wrk sends them under a mark."""
    for body in bodies(adapter)[: max(3, 400 // FEEDS[adapter.name].items_a_body)]:
        items = list(adapter.items(body.content.replace(b"@mark@", mark), Source("bench"), {}))
        assert [item.fault for item in items if item.fault] == []
        assert len(items) == FEEDS[adapter.name].items_a_body
        yield body, [canonical(fact) for item in items for fact in item.facts]


@EACH
def test_a_body_is_read_without_a_fault_as_the_facts_that_are_posted_natively(adapter):
    mark = "m" * MARK_WIDTH
    for body, facts in read(adapter, mark.encode()):
        assert facts
        native = [orjson.loads(orjson.dumps(fact).replace(b"@mark@", mark.encode())) for fact in body.facts]
        for fact, posted in zip(facts, native, strict=True):
            assert fact["call_id"] == posted["call_id"]
            assert mark in fact["call_id"]
            assert {**fact, "id": "", "record": "", "record_version": ""} == {
                **posted, "id": "", "record": "", "record_version": ""
            }  # fmt: skip


@EACH
def test_no_fact_of_a_round_is_known_from_another(adapter):
    told = defaultdict(set)
    for mark in (b"0" * MARK_WIDTH, b"1" * MARK_WIDTH):
        for _, facts in read(adapter, mark):
            told[mark] |= {(fact["call_id"], fact["id"]) for fact in facts}
    first, second = told.values()
    assert len(first) == len(second)
    assert first.isdisjoint(second)


@EACH
def test_both_sides_are_http_of_as_many_facts(adapter, tmp_path):
    facts = [len(body.facts) for body in bodies(adapter)]
    assert len(facts) >= 10
    for side in (feeds.outside, feeds.native):
        path = prepared_requests.write(tmp_path / "requests", side(adapter, URL, "secret"))
        requests = list(sent(path, b"m" * MARK_WIDTH))
        assert len(requests) == len(facts)
        for _, headers, body in requests:
            assert int(headers[b"Content-Length"]) == len(body)
        if side is feeds.outside:
            assert requests[0][0] == f"POST {adapter.path}?source=bench HTTP/1.1".encode()
            assert requests[0][1][b"Content-Type"].decode() in adapter.media_types
        else:
            assert [body.count(b"\n") + 1 for _, _, body in requests] == facts
