"""Webhooks of the whole system: a call is over, and its receiver hears of it."""

from datetime import timedelta
from uuid import uuid4

import httpx
import orjson

from gateway.tests.receiver import receiving
from tests.caller import eventually
from tests.contract import is_problem
from tests.facts import NINE, answered

ENDPOINTS, DELIVERIES = "/v1/webhooks/endpoints", "/v1/webhooks/deliveries"
COMPLETED = "plateau.calls.call_completed"


def endpoint(administrator, url):
    made = administrator.http.post(ENDPOINTS, json={"url": url, "types": [COMPLETED]})
    assert made.status_code == 201, made.text
    return made.json()


def told(receiver, queue):
    return [posted for posted in receiver.posted if queue in orjson.loads(posted.body)["data"]["queues"]]


def test_a_receiver_hears_of_a_completed_call_within_a_moment(administrator, queue):
    with receiving() as receiver:
        made = endpoint(administrator, receiver.url)
        before = administrator.get("/v1/events", after="latest")["next"]
        administrator.send(*answered(queue, 12))
        posted = eventually(lambda: told(receiver, queue))[0]
        body = posted.verified(made["secret"])
        assert body.keys() == {"type", "timestamp", "data"}
        assert (body["type"], body["data"]["wait_seconds"], body["data"]["revision"]) == (COMPLETED, 12, 1)
        feed = administrator.get("/v1/events", types=COMPLETED, after=before, limit=500)["items"]
        assert posted.id in {event["id"] for event in feed}
        administrator.http.delete(f"{ENDPOINTS}/{made['id']}")


def test_a_receiver_that_was_away_gets_everything_once_it_is_back_and_a_range_once_more(administrator, queue, stack):
    with receiving() as receiver:
        made, port = endpoint(administrator, receiver.url), httpx.URL(receiver.url).port
        tested = administrator.http.post(f"{ENDPOINTS}/{made['id']}/test").json()
        assert (tested["status"], tested["attempts_made"][0]["status"]) == ("delivered", 204)
    for wait in range(3):
        administrator.send(*answered(queue, wait))
    failing = f"{ENDPOINTS}/{made['id']}"
    eventually(lambda: administrator.get(failing)["failing_since"])
    stack.servers.supervisor.kill("deliveries")
    with receiving(port) as receiver:
        eventually(lambda: len({posted.id for posted in told(receiver, queue)}) == 3, 60)
        for posted in told(receiver, queue):
            posted.verified(made["secret"])
        eventually(lambda: administrator.get(failing)["failing_since"] is None)
        before = len(receiver.posted)
        order = {"from": NINE.isoformat(), "to": (NINE + timedelta(hours=1)).isoformat()}  # of few other tests
        assert administrator.http.post(f"{failing}/replay", json=order).status_code == 202
        eventually(lambda: administrator.get(failing)["replays"][0]["status"] == "done", 60)
        eventually(lambda: len(receiver.posted) > before and len(told(receiver, queue)) >= 6)
        administrator.http.delete(failing)

    def noted():  # a moment after it was posted
        listed = administrator.items(DELIVERIES, endpoint=made["id"], type=COMPLETED, status="delivered")
        return {each["event_id"] for each in listed} >= {posted.id for posted in told(receiver, queue)}

    eventually(noted)


def test_an_alert_rule_names_endpoints_that_are_there_and_these_stay_as_long_as_it_does(administrator, queue):
    http, rules, nobody = administrator.http, "/v1/alert-rules", str(uuid4())
    made = endpoint(administrator, "http://127.0.0.1:9/never")
    path = f"{ENDPOINTS}/{made['id']}"
    rule = {"name": "Somebody waits", "measure": "waiting", "scope": {"kind": "queue", "name": queue},
            "comparison": "above", "threshold": 0, "webhooks": [made["id"], nobody]}  # fmt: skip
    refused = http.post(rules, json=rule)
    is_problem(refused, 422, "request.invalid")
    assert [(each["pointer"], each["code"]) for each in refused.json()["errors"]] == [
        ("/webhooks/1", "webhooks.endpoint.unknown")
    ]
    known = http.post(rules, json=rule | {"webhooks": [made["id"]]})
    assert known.status_code == 201, known.text
    named = eventually(lambda: administrator.items(rules, webhook=made["id"]))
    assert [each["id"] for each in named] == [known.json()["id"]]
    assert administrator.items(rules, webhook=nobody) == []

    kept = http.delete(path)
    is_problem(kept, 409, "webhooks.endpoint.named")
    assert known.json()["id"] in kept.json()["detail"]
    one = known.headers["location"]
    revised = http.put(one, json=rule, headers={"If-Match": known.headers["etag"]})
    assert [each["pointer"] for each in revised.json()["errors"]] == ["/webhooks/1"]
    freed = http.put(one, json=rule | {"webhooks": []}, headers={"If-Match": known.headers["etag"]})
    assert freed.status_code == 200, freed.text
    eventually(lambda: not administrator.items(rules, webhook=made["id"]))
    assert http.delete(path).status_code == 200
    is_problem(http.post(rules, json=rule | {"webhooks": [made["id"]]}), 422, "request.invalid")
