"""A CRM that is connected to the running system: calls go out, people come in, and whoever is erased is gone there."""

import time
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from uuid import uuid4

import orjson
import pytest

from gateway.crm.webhooks import hubspot_signature
from gateway.tests.crm_providers import HubSpotLike
from tests.caller import eventually
from tests.contract import is_problem
from tests.facts import NINE, answered, fact, new_call

CONNECTIONS, CUSTOMERS = "/v1/crm/connections", "/v1/crm/customers"
CALLER, SECRET = "+33199004411", "secret-01"


@pytest.fixture(scope="module")
def hubspot():
    with HubSpotLike.serving() as crm:
        crm.contacts["55"] = {"firstname": "Ada", "lastname": "Martin", "phone": CALLER, "email": "ada@example.org"}
        yield crm


@pytest.fixture(scope="module")
def connection(administrator, hubspot):
    secrets = {"access_token": hubspot.token, "client_secret": SECRET}
    order = {"name": "HubSpot", "provider": "hubspot", "settings": {"base_url": hubspot.url}, "secrets": secrets}
    made = administrator.http.post(CONNECTIONS, json=order)
    assert made.status_code == 201, made.text
    yield made.headers["location"]
    assert administrator.http.request("DELETE", made.headers["location"]).status_code == 200


def test_the_provider_is_asked_whether_it_answers(administrator, connection):
    assert administrator.http.post(f"{connection}/test").json()["ok"] is True


def test_a_completed_call_is_at_the_crm_within_a_moment_and_corrected_later(administrator, connection, hubspot, queue):
    facts = answered(queue, 5, direction="inbound", **{"from": CALLER})
    call = facts[0]["call_id"]
    administrator.send(*facts)
    shown = administrator.get("/v1/calls", call_id=call)["items"][0]
    made = eventually(lambda: hubspot.calls.get(shown["id"]))
    assert made["properties"]["hs_call_from_number"] == CALLER
    assert eventually(lambda: (made["id"], "55") in hubspot.associations)
    excluded = fact(call, "excluded", NINE + timedelta(hours=1), data={"reason": "a test"})
    administrator.send(excluded)  # whatever is told of it later changes the same record
    eventually(lambda: hubspot.calls[shown["id"]]["properties"]["hs_call_status"] == "CANCELED")
    log = eventually(lambda: administrator.items(f"{connection}/deliveries", call=shown["id"], status="delivered")[1:])
    assert [(each["provider_id"], each["revision"]) for each in log] == [(made["id"], 1)]


def test_a_contact_that_changes_becomes_a_customer_of_ours_and_is_erased_with_the_person(
    administrator, connection, hubspot
):
    event = {"eventId": 1, "subscriptionId": 2, "portalId": 3, "occurredAt": 4, "objectId": 55,
             "subscriptionType": "contact.propertyChange"}  # fmt: skip
    body, timestamp = orjson.dumps([event]), str(int(time.time() * 1000))
    door = f"{administrator.http.base_url}{connection}/inbound"
    signed = {"X-HubSpot-Request-Timestamp": timestamp,
              "X-HubSpot-Signature-v3": hubspot_signature(SECRET, "POST", door, body, timestamp)}  # fmt: skip
    http = administrator.http
    nobody = {"Authorization": ""}
    is_problem(http.post(f"{connection}/inbound", content=body, headers=nobody), 401, "crm.signature_wrong")
    taken = http.post(f"{connection}/inbound", content=body, headers=signed | nobody)
    assert (taken.status_code, taken.json()) == (200, {"accepted": 1})
    found = eventually(lambda: administrator.items(CUSTOMERS, number=CALLER))
    assert [(each["customer"], each["given_name"]) for each in found] == [("hubspot:55", "Ada")]
    shown = administrator.get(f"{CUSTOMERS}/hubspot:55")
    assert "SaveCustomer" in shown["allowed_actions"]
    assert administrator.items("/v1/calls", customer="hubspot:55") == administrator.items("/v1/calls", customer=CALLER)
    erased = http.post(f"/v1/privacy/subjects/{quote(CALLER)}/erasure")
    assert erased.status_code in {200, 201}
    assert administrator.get(f"{CUSTOMERS}/hubspot:55")["given_name"] is None
    eventually(lambda: not administrator.items(CUSTOMERS, number=CALLER))


def test_a_customer_is_saved_by_name_and_the_same_again_changes_nothing(administrator):
    path = f"{CUSTOMERS}/zendesk:{uuid4()}"
    ada = {"given_name": "Ada", "numbers": ["+33199004412"]}
    is_problem(administrator.http.put(path, json={"numbers": ["0199004412"]}), 422, "request.invalid")
    assert [administrator.http.put(path, json=ada).status_code for _ in range(2)] == [201, 200]
    assert administrator.http.get(path).headers["ETag"] == '"1"'
    assert administrator.http.request("DELETE", path).status_code == 200
    assert administrator.get(path)["linked"] is False
    is_problem(administrator.http.put(f"{CUSTOMERS}/4711", json=ada), 422, "calls.customer.name_malformed")


def test_a_call_of_now_is_told_of_as_it_is_offered_and_connected(administrator, queue):
    after = administrator.get("/v1/events", after="latest")["next"]
    call, now = new_call(), datetime.now(UTC).isoformat()
    about = {"id": str(uuid4()), "source": "pbx1", "call_id": call, "queue": queue, "occurred_at": now}
    administrator.send(
        {**about, "type": "call.queued", "from": CALLER},
        {**about, "id": str(uuid4()), "type": "call.answered", "agent": "a-7"},
    )
    types = "plateau.calls.call_offered,plateau.calls.call_connected"
    told = administrator.get("/v1/events", after=after, types=types, wait=5)["items"]
    ours = [each for each in told if each["data"]["queue"] == queue]
    assert [(each["type"].rpartition("_")[2], each["data"]["agent"]) for each in ours] == [
        ("offered", None),
        ("connected", "a-7"),
    ]
    assert len({each["data"]["customer"] for each in ours}) == 1
    assert CALLER not in str(ours)
