"""The same fact, in whatever form it comes, is the same fact."""

import gzip

import orjson
import pytest

from tests.caller import EVENTS, NDJSON
from tests.facts import NINE, fact, new_call

JSON = {"Content-Type": "application/json"}
CLOUDEVENT = {"Content-Type": "application/cloudevents+json"}
CLOUDEVENTS = {"Content-Type": "application/cloudevents-batch+json; charset=utf-8"}


def cloudevent(item):
    own = {"id", "source", "type", "occurred_at", "call_id"}
    return {
        "specversion": "1.0",
        "id": item["id"],
        "source": item["source"],
        "type": f"plateau.{item['type']}",
        "subject": item["call_id"],
        "time": item["occurred_at"],
        "datacontenttype": "application/json",
        "data": {name: value for name, value in item.items() if name not in own},
    }


FORMS = {
    "single": lambda item: (JSON, orjson.dumps(item)),
    "without a media type": lambda item: ({}, orjson.dumps(item)),
    "array": lambda item: (JSON, orjson.dumps([item])),
    "lines": lambda item: (NDJSON, b"\n" + orjson.dumps(item) + b"\r\n\n"),
    "cloudevent": lambda item: (CLOUDEVENT, orjson.dumps(cloudevent(item))),
    "cloudevents": lambda item: (CLOUDEVENTS, orjson.dumps([cloudevent(item)])),
    "gzip": lambda item: (JSON | {"Content-Encoding": "gzip"}, gzip.compress(orjson.dumps(item))),
    "gzipped lines": lambda item: (NDJSON | {"Content-Encoding": "gzip"}, gzip.compress(orjson.dumps(item))),
    "byte order mark": lambda item: (JSON, b"\xef\xbb\xbf" + orjson.dumps(item)),
}


def kept(caller, item):
    (call,) = caller.items("/v1/calls", call_id=item["call_id"])
    (only,) = caller.items(f"/v1/calls/{call['id']}/facts")
    return only["fact"]


def waiting_call(queue):
    said = {"queue": queue, "sequence": 1, "from": "+33199000001", "data": {"position": 2}}
    return fact(new_call(), "queued", NINE, **said) | {"occurred_at": "2026-03-17T09:00:00Z"}


@pytest.mark.parametrize("form", FORMS)
def test_a_fact_is_kept_as_it_was_sent_whatever_its_form(administrator, queue, form):
    item = waiting_call(queue)
    headers, body = FORMS[form](item)
    answer = administrator.http.post(EVENTS, content=body, headers=headers)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": []})
    administrator.settle()
    assert kept(administrator, item) == item
    assert administrator.figures(queue)["offered"] == 1


def test_the_same_fact_in_every_form_counts_once(administrator, queue):
    item = waiting_call(queue)
    for form in FORMS.values():
        headers, body = form(item)
        assert administrator.http.post(EVENTS, content=body, headers=headers).json()["accepted"] == 1
    administrator.settle()
    assert kept(administrator, item) == item
    assert administrator.figures(queue)["offered"] == 1


def test_many_facts_of_one_body_are_all_kept(administrator, queue):
    items = [waiting_call(queue) for _ in range(20)]
    for headers, body in (
        (JSON, orjson.dumps(items[:7])),
        (NDJSON, b"\n".join(map(orjson.dumps, items[7:14]))),
        (CLOUDEVENTS, orjson.dumps(list(map(cloudevent, items[14:])))),
    ):
        assert administrator.http.post(EVENTS, content=body, headers=headers).json()["rejected"] == []
    administrator.settle()
    assert administrator.figures(queue)["offered"] == 20


def test_a_cloudevent_in_binary_mode_is_refused_with_what_is_taken_instead(administrator, queue):
    item = waiting_call(queue)
    headers = {"ce-specversion": "1.0", "ce-id": item["id"], "ce-source": "pbx1", "ce-type": "plateau.call.queued"}
    answer = administrator.http.post(EVENTS, content=orjson.dumps({"queue": queue}), headers=JSON | headers)
    assert answer.status_code == 415
    assert answer.json()["code"] == "request.media_type_unsupported"
    assert "application/cloudevents+json" in answer.headers["Accept"]
