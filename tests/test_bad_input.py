"""Whatever is sent, the answer says what is wrong and where; the good is kept, and nothing of what is refused."""

import gzip
import json
import zlib

import orjson
import pytest

from tests.caller import EVENTS, NDJSON
from tests.contract import is_problem
from tests.facts import NINE, fact, new_call

JSON = {"Content-Type": "application/json"}
GZIPPED = JSON | {"Content-Encoding": "gzip"}


def waiting(queue, **fields):
    return fact(new_call(), "queued", NINE, queue=queue, **fields)


def bomb(queue):
    """A hundred megabytes of blanks after a good fact, in a hundred kilobytes."""
    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(orjson.dumps(waiting(queue)))]
    parts += [packer.compress(b" " * 2**20) for _ in range(100)]
    return b"".join([*parts, packer.flush()])


def dumps(*facts):
    return orjson.dumps(list(facts))


# What each body is refused with as a whole; it holds good facts wherever it can.
REFUSED = {
    "half an object": (lambda q: orjson.dumps(waiting(q))[:-5], JSON, 400, "request.malformed_json"),
    "half an array": (lambda q: dumps(waiting(q))[:-1], JSON, 400, "request.malformed_json"),
    "two objects": (lambda q: orjson.dumps(waiting(q)) * 2, JSON, 400, "request.malformed_json"),
    "not a number": (lambda q: dumps(waiting(q), 7).replace(b"7]", b"NaN]"), JSON, 400, "request.malformed_json"),
    "half a character": (lambda q: dumps(waiting(q), "x").replace(b'"x"', b'"\xc3"'), JSON, 400, "request.not_utf8"),
    "UTF-16": (lambda q: dumps(waiting(q)).decode().encode("utf-16"), JSON, 400, "request.not_utf8"),
    "half a surrogate": (
        lambda q: dumps(waiting(q), "x").replace(b'"x"', rb'"\ud800"'),
        JSON,
        400,
        "request.malformed_json",
    ),
    "a deep hole": (lambda q: dumps(waiting(q))[:-1] + b"," + b"[" * 100_000, JSON, 400, "request.malformed_json"),
    "nothing": (lambda _: b"", JSON, 400, "request.empty"),
    "an empty array": (lambda _: b"[]", JSON, 400, "request.empty"),
    "blank lines": (lambda _: b"\n \r\n\n", NDJSON, 400, "request.empty"),
    "5001 facts": (
        lambda q: dumps(*(waiting(q) for _ in range(5001))),
        JSON,
        413,
        "request.too_many_items",
    ),
    "5001 lines": (
        lambda q: b"\n".join(orjson.dumps(waiting(q)) for _ in range(5001)),
        NDJSON,
        413,
        "request.too_many_items",
    ),
    "4 MiB and a byte": (
        lambda q: orjson.dumps(waiting(q)).ljust(4 * 2**20 + 1),
        JSON,
        413,
        "request.too_large",
    ),
    "a gzip bomb": (bomb, GZIPPED, 413, "request.too_large"),
    "gzip that is none": (lambda q: dumps(waiting(q)), GZIPPED, 400, "request.malformed_compression"),
    "half a gzip": (lambda q: gzip.compress(dumps(waiting(q)))[:-9], GZIPPED, 400, "request.malformed_compression"),
    "brotli": (lambda q: dumps(waiting(q)), JSON | {"Content-Encoding": "br"}, 415, "request.encoding_unsupported"),
    "Latin-1": (
        lambda q: dumps(waiting(q)),
        {"Content-Type": "application/json; charset=iso-8859-1"},
        415,
        "request.charset_unsupported",
    ),
    "a form": (
        lambda q: dumps(waiting(q)),
        {"Content-Type": "application/x-www-form-urlencoded"},
        415,
        "request.media_type_unsupported",
    ),
    "XML": (lambda _: b"<call/>", {"Content-Type": "text/xml"}, 415, "request.media_type_unsupported"),
    "a batch that is none": (
        lambda q: orjson.dumps(waiting(q)),
        {"Content-Type": "application/cloudevents-batch+json"},
        400,
        "request.malformed_json",
    ),
}

DEEP: list = []
for _ in range(200):
    DEEP = [DEEP]

# What is wrong with a fact that is good but for these fields: where it points, and with which code.
WRONG = {
    "an id of the wrong type": ({"id": 7}, "/id", "invalid_type"),
    "no id": ({"id": None}, "/id", "required"),
    "an empty source": ({"source": ""}, "/source", "empty"),
    "a long source": ({"source": "x" * 201}, "/source", "too_long"),
    "an unknown type": ({"type": "order.placed"}, "/type", "unknown_type"),
    "a type of the wrong type": ({"type": ["call.queued"]}, "/type", "invalid_type"),
    "no call": ({"call_id": None}, "/call_id", "required"),
    "a NUL": ({"call_id": "c\0"}, "/call_id", "invalid_characters"),
    "no queue": ({"queue": None}, "/queue", "required"),
    "no instant": ({"occurred_at": "yesterday"}, "/occurred_at", "invalid_instant"),
    "an instant without its offset": ({"occurred_at": "2026-03-17T09:00:00"}, "/occurred_at", "missing_offset"),
    "the 30th of February": ({"occurred_at": "2026-02-30T09:00:00Z"}, "/occurred_at", "invalid_instant"),
    "the year 1": ({"occurred_at": "0001-01-01T00:00:00Z"}, "/occurred_at", "instant_out_of_range"),
    "an instant as a number": ({"occurred_at": 1767607200}, "/occurred_at", "invalid_type"),
    "a number of thirty digits": ({"sequence": 10**30}, "/sequence", "out_of_range"),
    "a negative sequence": ({"sequence": -1}, "/sequence", "out_of_range"),
    "a national number": ({"from": "0199001235"}, "/from", "invalid_phone_number"),
    "an unknown direction": ({"direction": "sideways"}, "/direction", "not_allowed"),
    "data that is a list": ({"data": [1]}, "/data", "invalid_type"),
    "a position that is a text": ({"data": {"position": "first"}}, "/data/position", "invalid_type"),
    "data too deep": ({"data": {"raw": DEEP}}, None, "too_deep"),
    "a NUL deep within": ({"data": {"raw": {"note": "\0"}}}, "/data/raw/note", "invalid_characters"),
    "more than a fact may carry": (
        {"data": {"raw": ["x" * 1900] * 90}},
        "",
        "ingest.item_too_large",
    ),
}


def encoded(item) -> bytes:
    # Not by orjson, which refuses to write integers of thirty digits.
    return json.dumps(item).encode()


@pytest.mark.parametrize("name", REFUSED)
def test_a_body_is_refused_as_a_whole_and_nothing_of_it_is_stored(administrator, queue, name):
    body, headers, status, code = REFUSED[name]
    answer = administrator.http.post(EVENTS, content=body(queue), headers=headers)
    is_problem(answer, status, code)
    administrator.settle()
    assert administrator.figures(queue)["offered"] == 0


@pytest.mark.parametrize("item", [None, 42, "call.queued", True, []], ids=repr)
def test_an_item_that_is_no_object_says_so(administrator, item):
    answer = administrator.http.post(EVENTS, content=orjson.dumps([item]), headers=JSON)
    (fault,) = is_problem(answer, 400, "request.none_acceptable")["errors"]
    assert (fault["index"], fault["pointer"], fault["code"]) == (0, "/0", "invalid_type")


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_field_is_pointed_at_and_the_good_facts_around_it_are_kept(administrator, queue, name):
    fields, pointer, code = WRONG[name]
    bad = waiting(queue) | fields
    alone = administrator.http.post(EVENTS, content=encoded(bad), headers=JSON)
    (fault,) = is_problem(alone, 400, "request.none_acceptable")["errors"]
    assert fault["code"] == code
    assert pointer in {None, fault["pointer"]}

    among = administrator.http.post(EVENTS, content=encoded([waiting(queue), bad, waiting(queue)]), headers=JSON)
    assert among.status_code == 202
    (verdict,) = among.json()["rejected"]
    assert (among.json()["accepted"], verdict["index"], verdict["code"]) == (2, 1, code)
    assert verdict["pointer"] == f"/1{fault['pointer']}"
    assert verdict["id"] == (bad["id"] if isinstance(bad["id"], str) else None)
    administrator.settle()
    assert administrator.figures(queue)["offered"] == 2


def test_every_fault_of_an_item_is_told(administrator):
    answer = administrator.http.post(EVENTS, json={"id": 7, "type": "call.queued", "occurred_at": "now"})
    (fault,) = is_problem(answer, 400, "request.none_acceptable")["errors"]
    told = fault["pointer"] + fault["detail"]
    assert all(pointer in told for pointer in ("/id", "/source", "/occurred_at", "/call_id", "/queue"))


def test_bad_lines_among_good_ones_are_named_by_their_place(administrator, queue):
    good = [orjson.dumps(waiting(queue)) for _ in range(4)]
    lines = [good[0], good[1][:-30], b"", good[1], b'{"id": "\xff"}', good[2], b"\0", good[3], b'{"id": "\\ud800"}']
    answer = administrator.http.post(EVENTS, content=b"\n".join(lines), headers=NDJSON)
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 4
    assert [(verdict["index"], verdict["pointer"], verdict["code"]) for verdict in answer.json()["rejected"]] == [
        (1, "/1", "request.malformed_json"),
        (3, "/3", "request.not_utf8"),
        (5, "/5", "request.malformed_json"),
        (7, "/7", "request.malformed_json"),
    ]
    administrator.settle()
    assert administrator.figures(queue)["offered"] == 4


def test_a_cloudevent_is_pointed_into_as_it_was_sent(administrator):
    event = {"specversion": "1.0", "id": "1", "source": "pbx1", "type": "call.queued", "subject": "c-1", "time": "now"}
    answer = administrator.http.post(
        EVENTS, content=orjson.dumps([event]), headers={"Content-Type": "application/cloudevents-batch+json"}
    )
    (fault,) = is_problem(answer, 400, "request.none_acceptable")["errors"]
    assert (fault["pointer"], fault["code"]) == ("/0/time", "invalid_instant")
    assert "/data/queue" in fault["detail"] or "/queue" in fault["detail"]


def test_every_code_that_was_seen_here_is_explained(administrator):
    explained = {item["code"] for item in administrator.get("/v1/errors")["items"]}
    assert {code for *_, code in REFUSED.values()} | {code for *_, code in WRONG.values()} <= explained
