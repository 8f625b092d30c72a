"""A quota as both parties live with it, and the alert and the report that go with it: over HTTP, as anybody would."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.caller import Caller, eventually
from tests.contract import Contract, is_problem
from tests.facts import answered, fact, new_call

FEED = "/v1/events"


@pytest.fixture
def parties(stack, token_provider, administrator, queue):
    """The manager of the centre, the client whose queue it is, and another client."""
    administrator.configure(f"/v1/queues/{queue}", {"client": f"client of {queue}"})
    tokens = [
        token_provider.token("manager", sub="m-1"),
        token_provider.token("client", sub="c-1", client=f"client of {queue}"),
        token_provider.token("client", sub="c-2", client="another"),
    ]
    callers = [Caller(stack.url, token) for token in tokens]
    yield callers
    for caller in callers:
        caller.http.close()


def ordered(caller, path, body=None, **headers):
    answer = caller.http.post(path, json=body or {}, headers=headers)
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()


def shown(caller, path, order):
    """What a path shows once the read models know of an order."""
    answer = caller.http.get(path, headers={"Plateau-Min-Position": order["position"]})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_client_agrees_and_both_see_at_once_how_far_it_has_come(administrator, parties, queue):
    manager, client, stranger = parties
    contract = Contract(administrator.get("/openapi.json"))
    terms = {"metric": "answered", "target": 2, "scope": {"kind": "queue", "name": queue}, "period": {"every": "day"}}
    is_problem(stranger.http.post("/v1/quotas", json=terms), 404, "request.not_found")
    bad = client.http.post("/v1/quotas", json={**terms, "metric": "service_level"}).json()
    assert [(fault["pointer"], fault["code"]) for fault in bad["errors"]] == [
        ("/target", "calls.quota.target_not_a_share")
    ]

    quota = ordered(manager, "/v1/quotas", {**terms, "jointly": True})
    path = f"/v1/quotas/{quota['id']}"
    is_problem(stranger.http.get(path), 404, "request.not_found")
    is_problem(
        manager.http.post(f"{path}/agree", json={}, headers={"If-Match": '"1"'}), 409, "calls.quota.nothing_to_agree"
    )
    seen = client.http.get(path)
    assert (seen.json()["status"], seen.json()["allowed_actions"]) == ("proposed", ["ReviseQuota", "AgreeQuota"])
    is_problem(client.http.post(f"{path}/agree", json={}), 428, "request.if_match_missing")
    agreed = ordered(client, f"{path}/agree", **{"If-Match": seen.headers["ETag"]})

    administrator.send(*answered(queue, 5, at=datetime.now(UTC) - timedelta(seconds=30), talk=5))
    for caller in (manager, client):
        answer = caller.http.get(f"{path}/progress", headers={"Plateau-Min-Position": agreed["position"]})
        contract.holds("GET", "/v1/quotas/{quota_id}/progress", answer)
        assert (answer.json()["attained"], answer.json()["share"], answer.json()["target"]) == (1, 0.5, 2)
    live = administrator.http.get("/v1/live")
    contract.holds("GET", "/v1/live", live)
    assert [each["attained"] for each in live.json()["quotas"] if each["quota"] == quota["id"]] == [1]
    history = [each["type"] for each in manager.get(f"{path}/history")["items"]]
    assert history == ["quota_set", "quota_agreed"]


def test_an_alert_is_raised_told_to_the_world_and_acknowledged(administrator, parties, queue):
    manager, client, _ = parties
    latest = administrator.get(FEED, after="latest")["next"]
    rule = {
        "name": "Somebody waits",
        "measure": "waiting",
        "scope": {"kind": "queue", "name": queue},
        "comparison": "above",
        "threshold": 0,
        "duration_seconds": 0,
        "emails": ["duty@example.org", "not an address"],
    }
    bad = manager.http.post("/v1/alert-rules", json=rule)
    assert [fault["pointer"] for fault in bad.json()["errors"]] == ["/emails/1"]
    is_problem(client.http.post("/v1/alert-rules", json=rule), 403, "auth.not_allowed")
    made = ordered(manager, "/v1/alert-rules", {**rule, "emails": ["duty@example.org"]})
    administrator.send(fact(new_call(), "queued", datetime.now(UTC) - timedelta(seconds=5), queue=queue))

    def told():
        page = administrator.get(FEED, after=latest, types="plateau.calls.alert_raised", wait=5)
        return [item for item in page["items"] if item["data"]["rule"] == made["id"]]

    (event,) = eventually(told, within=30)
    assert (event["data"]["value"], event["data"]["name"]) == (1, "Somebody waits")
    assert "duty" not in str(event)
    (alert,) = eventually(lambda: manager.get("/v1/alerts", rule=made["id"], status="open")["items"])
    order = ordered(manager, f"/v1/alerts/{alert['id']}/acknowledge")
    assert shown(manager, f"/v1/alerts?rule={made['id']}", order)["items"][0]["acknowledged_by"] == "m-1"
    ordered(manager, f"/v1/alert-rules/{made['id']}/pause")


def test_a_schedule_is_set_shown_with_its_addresses_and_listed_without(administrator, parties, key):
    manager, *_ = parties
    own, stranger = (key("report-schedules:read", client=name) for name in ("another", "stranger"))
    body = {
        "name": "Yesterday",
        "report": "service-level",
        "cadence": {"every": "day", "at": "07:00", "timezone": "Europe/Paris"},
        "format": "xlsx",
        "client": "another",
        "emails": ["report@example.org"],
    }
    bad = manager.http.post("/v1/report-schedules", json={**body, "parameters": {"interval": "PT7M"}})
    assert [fault["pointer"] for fault in bad.json()["errors"]] == ["/parameters/interval"]
    made = ordered(manager, "/v1/report-schedules", body)
    for whose in (manager, own):
        assert whose.get(f"/v1/report-schedules/{made['id']}")["emails"] == ["report@example.org"]
    assert stranger.http.get(f"/v1/report-schedules/{made['id']}").status_code == 404
    listed = shown(manager, "/v1/report-schedules?client=another", made)["items"]
    assert [(each["id"], "emails" in each) for each in listed] == [(made["id"], False)]
    answer = manager.http.get(f"/v1/report-schedules/{made['id']}/history")
    assert "report@" not in answer.text
