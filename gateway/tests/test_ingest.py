import gzip
import zlib

import httpx
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.bodies import BODY_LIMIT
from gateway.forms import MOST_ITEMS
from gateway.ingest import PATH
from gateway.tests.fakes import ADMINISTRATOR, QUEUES, FakePublisher, a_fact, ingest_client
from services.kernel.values import Actor

pytestmark = pytest.mark.anyio

NDJSON = {"Content-Type": "application/x-ndjson"}
JSON = {"Content-Type": "application/json"}


async def post(content, headers=JSON, publisher=None, actor=ADMINISTRATOR):
    if not isinstance(content, bytes):
        content = orjson.dumps(content)
    async with ingest_client(publisher or FakePublisher(), actor) as client:
        return await client.post(PATH, content=content, headers=headers)


def event(**changes):
    return {
        "specversion": "1.0",
        "id": "f-1",
        "source": "pbx1",
        "type": "plateau.call.queued",
        "subject": "c-1",
        "time": "2026-11-21T09:14:03Z",
        "data": {"queue": "sales-fr", "data": {"position": 2}},
        **changes,
    }


async def test_one_fact_is_published_in_its_canonical_shape():
    publisher = FakePublisher()
    answer = await post(a_fact(campaign=None), publisher=publisher)
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 1, "rejected": []}
    assert publisher.facts == [a_fact(occurred_at="2026-11-21T09:14:03.120000+00:00")]


async def test_the_bad_items_of_an_array_are_rejected_singly():
    publisher = FakePublisher()
    answer = await post([a_fact(), a_fact(occurred_at="yesterday"), [1], a_fact(id="f-2")], publisher=publisher)
    assert answer.status_code == 202
    body = answer.json()
    assert body["accepted"] == 2
    assert [(r["index"], r["pointer"], r["id"]) for r in body["rejected"]] == [
        (1, "/1/occurred_at", "f-1"),
        (2, "/2", None),
    ]
    assert len(publisher.facts) == 2


async def test_an_item_with_two_faults_has_one_verdict_that_tells_both():
    answer = await post([a_fact(), {"source": "pbx1", "type": "call.started", "call_id": "c", "occurred_at": "now"}])
    [verdict] = answer.json()["rejected"]
    assert {verdict["pointer"], *verdict["detail"].split()} >= {"/1/occurred_at", "/id:"}


async def test_a_single_bad_fact_is_a_problem_with_a_pointer_into_it():
    answer = await post(a_fact(occurred_at="2026-11-21T09:14:03"))
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "request.none_acceptable"
    assert [error["pointer"] for error in problem["errors"]] == ["/occurred_at"]
    assert problem["request_id"] == answer.headers["x-request-id"]


async def test_lines_are_judged_one_by_one_and_blank_ones_do_not_count():
    good = orjson.dumps(a_fact())
    body = b"\n".join([good, b"", b'{"id": "cut', b"\r", b"\xff\xfe", good])
    publisher = FakePublisher()
    answer = await post(body, NDJSON, publisher)
    assert answer.json()["accepted"] == 2
    verdicts = [(r["index"], r["pointer"], r["code"]) for r in answer.json()["rejected"]]
    assert verdicts == [(1, "/1", "request.malformed_json"), (2, "/2", "request.not_utf8")]


async def test_duplicate_keys_and_a_byte_order_mark_are_tolerated():
    body = b"\xef\xbb\xbf" + orjson.dumps(a_fact()).replace(b'{"id"', b'{"id":"first","id"', 1)
    publisher = FakePublisher()
    assert (await post(body, publisher=publisher)).status_code == 202
    assert publisher.facts[0]["id"] == "f-1"


async def test_a_structured_cloudevent_becomes_a_fact():
    publisher = FakePublisher()
    answer = await post(event(), {"Content-Type": "application/cloudevents+json; charset=UTF-8"}, publisher)
    assert answer.status_code == 202
    assert publisher.facts == [
        {"id": "f-1", "source": "pbx1", "type": "call.queued", "call_id": "c-1", "queue": "sales-fr",
         "occurred_at": "2026-11-21T09:14:03+00:00", "data": {"position": 2}}
    ]  # fmt: skip


async def test_the_subject_of_an_agents_event_is_the_agent():
    publisher = FakePublisher()
    paused = event(type="plateau.agent.paused", subject="a-1042", data={"data": {"reason": "lunch"}})
    await post(paused, {"Content-Type": "application/cloudevents+json"}, publisher)
    assert publisher.facts[0]["agent"] == "a-1042"


async def test_pointers_lead_into_the_event_that_was_sent():
    events = [event(), event(time="soon"), event(subject=""), event(data={"queue": ""}), event(specversion="2"), 7]
    answer = await post(events, {"Content-Type": "application/cloudevents-batch+json"})
    assert answer.json()["accepted"] == 1
    pointers = [rejected["pointer"] for rejected in answer.json()["rejected"]]
    assert pointers == ["/1/time", "/2/subject", "/3/data/queue", "/4/specversion", "/5"]


async def test_binary_mode_and_unknown_media_types_are_415():
    binary = {"ce-specversion": "1.0", "ce-id": "1", "Content-Type": "application/json"}
    assert (await post(a_fact(), binary)).status_code == 415
    answer = await post(b"a=b", {"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 415
    assert "application/x-ndjson" in answer.headers["accept"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "request.empty"),
        (b"  \n", "request.empty"),
        (b"[]", "request.empty"),
        (b'{"id": ', "request.malformed_json"),
        (b'{"id": NaN}', "request.malformed_json"),
        (b'{"id": "\\ud800"}', "request.malformed_json"),
        (b"[" * 100_000, "request.malformed_json"),
        (orjson.dumps(a_fact()).decode().encode("utf-16"), "request.not_utf8"),
        ('{"id": "é"}'.encode("latin-1"), "request.not_utf8"),
        (b'"text"', "request.none_acceptable"),
        (b"[[1]]", "request.none_acceptable"),
    ],
)
async def test_a_body_that_holds_nothing_good_is_400(content, code):
    answer = await post(content)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"raw": "\0"}},
        {"sequence": 10**30},
        {"data": {"wait_seconds": 1e308}},
        {"data": {"raw": 10**19}},
        {"call_id": "\0"},
        {"occurred_at": "9999-12-31T23:59:59-23:59"},
        {"occurred_at": 5},
        {"data": []},
        {"queue": {}},
    ],
)
async def test_hostile_values_are_rejected_and_spoil_nothing_else(changes):
    answer = await post(dumps([a_fact(), a_fact(**changes)]))
    assert (answer.status_code, answer.json()["accepted"], len(answer.json()["rejected"])) == (202, 1, 1)


def dumps(content):
    import json  # noqa: PLC0415 - orjson refuses to write what it must be able to read

    return json.dumps(content).encode()


async def test_deep_nesting_is_rejected():
    nested = b'{"id":"f","source":"s","type":"call.noted","call_id":"c","occurred_at":"2026-11-21T09:14:03Z","data":'
    answer = await post(nested + b'{"a":' * 500 + b"1" + b"}" * 501)
    assert answer.status_code == 400


@given(content=st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
async def test_no_bytes_whatever_are_a_500(content):
    for media_type in ("application/json", "application/x-ndjson", "application/cloudevents+json"):
        assert (await post(content, {"Content-Type": media_type})).status_code in (202, 400)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda s: st.lists(s) | st.dictionaries(st.text(), s),
)


@given(
    changes=st.dictionaries(
        st.sampled_from(["id", "source", "type", "time", "subject", "data", "specversion"]), JSON_VALUES
    )
)
@settings(max_examples=100, deadline=None)
async def test_no_event_whatever_is_a_500(changes):
    try:
        body = dumps(event(**changes))
    except UnicodeEncodeError:
        return
    assert (await post(body, {"Content-Type": "application/cloudevents+json"})).status_code in (202, 400)


async def test_too_many_items_or_bytes_are_413_and_nothing_is_taken():
    publisher = FakePublisher()
    many = b"\n".join([orjson.dumps(a_fact())] * (MOST_ITEMS + 1))
    answer = await post(many, NDJSON, publisher)
    assert (answer.status_code, answer.json()["code"]) == (413, "request.too_many_items")
    answer = await post(b" " * (BODY_LIMIT + 1), JSON, publisher)
    assert (answer.status_code, answer.json()["code"]) == (413, "request.too_large")
    assert publisher.facts == []


async def test_the_most_that_is_allowed_is_accepted():
    publisher = FakePublisher()
    answer = await post([a_fact(id=f"f-{n}") for n in range(MOST_ITEMS)], publisher=publisher)
    assert answer.json() == {"accepted": MOST_ITEMS, "rejected": []}
    assert len(publisher.facts) == MOST_ITEMS


async def test_gzip_bodies_are_inflated_members_and_all():
    half = orjson.dumps(a_fact())
    body = gzip.compress(half + b"\n") + gzip.compress(half)
    answer = await post(body, {**NDJSON, "Content-Encoding": "gzip"})
    assert answer.json()["accepted"] == 2


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(orjson.dumps(a_fact()))[:-9], zlib.compress(b"{}"), b""])
async def test_what_is_no_gzip_is_400(body):
    answer = await post(body, {**JSON, "Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["code"]) == (400, "request.malformed_compression")


async def test_a_bomb_is_stopped_while_it_is_inflated():
    answer = await post(gzip.compress(b"0" * (50 * BODY_LIMIT)), {**JSON, "Content-Encoding": "gzip"})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "headers", [{**JSON, "Content-Encoding": "br"}, {"Content-Type": "application/json; charset=ISO-8859-1"}]
)
async def test_other_encodings_are_415(headers):
    assert (await post(a_fact(), headers)).status_code == 415


async def test_a_key_of_one_source_sends_as_that_source_only():
    actor = Actor("k", scopes=frozenset({"calls:ingest"}), sources=frozenset({"pbx1"}))
    answer = await post([a_fact(), a_fact(source="pbx2")], actor=actor)
    [verdict] = answer.json()["rejected"]
    assert (verdict["pointer"], verdict["code"]) == ("/1/source", "auth.source_not_allowed")


async def test_a_fact_larger_than_a_message_may_be_is_rejected():
    answer = await post([a_fact(), a_fact(data={"raw": "x" * 200_000})])
    assert [verdict["code"] for verdict in answer.json()["rejected"]] == ["ingest.item_too_large"]


async def test_what_is_not_confirmed_is_503_with_retry_after():
    answer = await post([a_fact()], publisher=FakePublisher(confirms=False))
    assert (answer.status_code, answer.json()["code"]) == (503, "ingest.not_confirmed")
    assert int(answer.headers["retry-after"]) > 0


async def test_facts_of_one_call_go_to_one_queue_and_calls_spread():
    publisher = FakePublisher()
    await post([a_fact(id=f"{n}", call_id=f"c-{n % 50}") for n in range(200)], publisher=publisher)
    by_call = {}
    for queue, fact in publisher.published:
        by_call.setdefault(fact["call_id"], set()).add(queue)
    assert all(len(queues) == 1 for queues in by_call.values())
    assert set().union(*by_call.values()) == set(QUEUES.names)


async def test_without_the_scope_it_is_403_and_without_credentials_401():
    answer = await post(a_fact(), actor=Actor("k", scopes=frozenset({"reports:read"})))
    assert (answer.status_code, answer.json()["code"]) == (403, "auth.not_allowed")
    async with ingest_client(FakePublisher()) as client:
        answer = await client.post(PATH, json=a_fact(), headers={"Authorization": "Bearer nobody"})
        assert answer.status_code == 401
        del client.headers["authorization"]
        answer = await client.post(PATH, json=a_fact())
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_client_that_leaves_in_the_middle_gets_no_answer():
    sent = []

    async def receive():
        return {"type": "http.disconnect"}

    async with ingest_client(FakePublisher()) as client:
        transport = client._transport
        assert isinstance(transport, httpx.ASGITransport)
        headers = [(b"authorization", b"Bearer pl_known"), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": PATH, "query_string": b"", "headers": headers}

        async def send(message):
            sent.append(message)

        await transport.app(scope, receive, send)
    assert sent == []
