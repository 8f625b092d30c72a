"""People on their way in from CRMs: signed webhooks become customers."""

import base64
import time
from datetime import UTC, datetime
from uuid import uuid4

import orjson
import pytest
from psycopg.rows import dict_row

from gateway.crm.connections import CHANGES
from gateway.crm.endpoints import PATH
from gateway.crm.webhooks import hubspot_signature, zendesk_signature
from gateway.tests.crm_harness import BOX, SECRET
from gateway.tests.test_crm_calls import CALLER

pytestmark = pytest.mark.anyio


def signed_by_hubspot(path, body, secret=SECRET, at=None):
    timestamp = str(int((time.time() if at is None else at) * 1000))
    signature = hubspot_signature(secret, "POST", f"https://gw.example.test{path}", body, timestamp)
    return {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": timestamp,
            "X-Forwarded-Host": "gw.example.test"}  # fmt: skip


def of_contact(kind, contact, event=1):
    about = {"eventId": event, "subscriptionId": 3, "portalId": 4, "occurredAt": 5}
    return {**about, "subscriptionType": f"contact.{kind}", "objectId": contact}


async def test_a_contact_that_changes_is_a_customer_as_hubspot_holds_them_now(centre, hubspot):
    hubspot.contacts["55"] = {"firstname": "Ada", "lastname": "Martin", "phone": "01 99 00 00 01", "company": "Example",
                              "email": "a@example.org", "mobilephone": "none"}  # fmt: skip
    secrets = {"access_token": hubspot.token, "client_secret": "secret-01"}
    path = await centre.connect("hubspot", hubspot, secrets, {"default_region": "FR"})
    body = orjson.dumps([of_contact("creation", 55), of_contact("propertyChange", 55, 2), of_contact("deletion", 56, 3),
                         {**of_contact("creation", 57, 4), "subscriptionType": "deal.creation"}])  # fmt: skip
    for _ in range(2):
        taken = await centre.http.post(
            f"{path}/inbound", content=body, headers=signed_by_hubspot(f"{path}/inbound", body)
        )
        assert (taken.status_code, taken.json()) == (200, {"accepted": 4})
    await centre.run()
    ada = {"given_name": "Ada", "family_name": "Martin", "company": "Example", "numbers": [CALLER],
           "emails": ["a@example.org"]}  # fmt: skip
    assert sorted(centre.service.orders, key=str) == sorted(
        [("SaveCustomer", "hubspot:55", ada)] * 2 + [("UnlinkCustomer", "hubspot:56", {})], key=str
    )
    came = await centre.log(path, way="in")
    assert len(came) == 4, "what comes again is known"
    assert {(each["type"], each["reason"]) for each in came} >= {
        ("deal.creation", "kept: of a type that we do not know")
    }


async def test_a_webhook_that_is_not_signed_as_it_should_be_is_not_taken_and_counted(centre, hubspot, zendesk):
    from gateway.crm.taken import TAKEN  # noqa: PLC0415

    path = await centre.connect("hubspot", hubspot, {"access_token": hubspot.token, "client_secret": "secret-01"})
    plain = await centre.connect("zendesk", zendesk, settings={"app_id": 7})
    body = orjson.dumps([of_contact("creation", 55)])
    door, before = f"{path}/inbound", TAKEN.labels("hubspot", "refused")._value.get()
    good = signed_by_hubspot(door, body)
    for headers, sent in [
        ({}, body),
        (good, body + b" "),
        (signed_by_hubspot(door, body, "secret-02"), body),
        (signed_by_hubspot(door, body, at=time.time() - 301), body),
        (signed_by_hubspot("/elsewhere", body), body),
    ]:
        refused = await centre.http.post(door, content=sent, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (401, "crm.signature_wrong")
    assert TAKEN.labels("hubspot", "refused")._value.get() == before + 5
    assert (await centre.http.post(f"{plain}/inbound", content=b"{}")).status_code == 401
    assert (await centre.http.post(f"{PATH}/{uuid4()}/inbound", content=b"{}")).status_code == 404
    broken = b"{"
    assert (await centre.http.post(door, content=broken, headers=signed_by_hubspot(door, broken))).status_code == 400
    assert await centre.log(path, way="in") == []


def signed_by_zendesk(body):
    now = datetime.now(UTC).isoformat()
    return {
        "X-Zendesk-Webhook-Signature": zendesk_signature("secret-01", now, body),
        "X-Zendesk-Webhook-Signature-Timestamp": now,
    }


async def test_a_user_of_zendesk_is_a_customer(centre, zendesk):
    zendesk.users["9"] = {"id": 9, "name": "Ada Martin", "phone": CALLER, "email": "a@example.org"}
    secrets = {"access_token": zendesk.token, "webhook_secret": "secret-01"}
    path = await centre.connect("zendesk", zendesk, secrets, {"app_id": 7})
    body = orjson.dumps({"id": "e-1", "type": "zen:event-type:user.created", "detail": {"id": "9"}})
    for _ in range(2):
        answer = await centre.http.post(f"{path}/inbound", content=body, headers=signed_by_zendesk(body))
        assert answer.status_code == 200
    await centre.run()
    ((use_case, key, customer),) = centre.service.orders
    assert (use_case, key, customer["numbers"], customer["given_name"]) == (
        "SaveCustomer",
        "zendesk:9",
        [CALLER],
        "Ada",
    )


async def test_a_user_who_was_deleted_at_zendesk_is_no_customer_any_more(centre, zendesk):
    zendesk.users["9"] = {"id": 9, "name": "Ada Martin", "phone": CALLER, "active": False}
    secrets = {"access_token": zendesk.token, "webhook_secret": "secret-01"}
    path = await centre.connect("zendesk", zendesk, secrets, {"app_id": 7})
    body = orjson.dumps({"id": "e-2", "type": "zen:event-type:user.deleted", "detail": {"id": "9"}})
    answer = await centre.http.post(f"{path}/inbound", content=body, headers=signed_by_zendesk(body))
    assert answer.status_code == 200
    await centre.run()
    assert [each[:2] for each in centre.service.orders] == [("UnlinkCustomer", "zendesk:9")]


async def test_what_is_not_known_is_kept_sealed(centre, zendesk):
    secrets = {"access_token": zendesk.token, "webhook_secret": "secret-01"}
    path = await centre.connect("zendesk", zendesk, secrets, {"app_id": 7})
    body = orjson.dumps({"type": "ticket", "from": CALLER})
    answer = await centre.http.post(f"{path}/inbound", content=body, headers=signed_by_zendesk(body))
    assert answer.status_code == 200
    async with centre.pool.connection() as db, db.cursor(row_factory=dict_row) as rows:
        await rows.execute("SELECT event, target_id FROM deliveries WHERE channel = %s", (CHANGES,))
        (kept,) = await rows.fetchall()
    assert CALLER not in str(kept)
    opened = BOX.open(kept["target_id"], base64.b64decode(kept["event"]["sealed"]))
    assert orjson.loads(opened)["from"] == CALLER
