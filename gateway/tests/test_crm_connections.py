"""Connections to CRMs as those who set them up see them."""

from uuid import uuid4

import pytest

from gateway.crm.endpoints import PATH, Connections
from gateway.idempotency import IdempotencyKeys
from gateway.tests.crm_harness import BOX, asyncio_background
from gateway.tests.fakes import client
from services.kernel.values import Actor

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"provider": "sugar"}, "/provider"),
        ({"settings": {"base_url": "ftp://x"}}, "/settings/base_url"),
        ({"settings": {"dispositions": {"sold": "no guid"}}}, "/settings/dispositions/sold"),
        ({"settings": {"api_version": "4"}}, "/settings/api_version"),
        ({"secrets": {}}, "/secrets"),
        ({"secrets": {"password": "x"}}, "/secrets/password"),
        ({"provider": "zendesk", "settings": {"base_url": "https://x.zendesk.com"}}, "/settings/app_id"),
        ({"provider": "zendesk", "settings": {"base_url": "https://x.zendesk.com", "app_id": 7},
          "when_several": "all"}, "/when_several"),
        ({"when_none": "guess"}, "/when_none"),
    ],
)  # fmt: skip
async def test_terms_that_the_provider_cannot_have_are_pointed_at(centre, change, pointer):
    order = {"name": "x", "provider": "hubspot", "settings": {}, "secrets": {"access_token": "t"}, **change}
    refused = await centre.http.post(PATH, json=order)
    assert refused.status_code == 422
    assert pointer in [fault["pointer"] for fault in refused.json()["errors"]]


async def test_whoever_sees_a_part_of_the_centre_connects_nothing(centre):
    limited = Actor("k", scopes=frozenset({"crm:read", "crm:write"}), queues=frozenset({"sales"}))
    async with client(Connections(centre.pool, IdempotencyKeys(centre.pool), BOX).entries(), limited) as http:
        assert (await http.get(PATH)).status_code == 403
        assert (await http.post(PATH, json={})).status_code == 403


async def test_secrets_are_sealed_and_shown_by_name_only(centre, hubspot):
    path = await centre.connect("hubspot", hubspot, {"access_token": "token-0", "client_secret": "very secret"})
    shown = await centre.shown(path)
    assert shown["has_secrets"] == ["access_token", "client_secret"]
    listed = (await centre.http.get(PATH)).json()["items"]
    assert [each["id"] for each in listed] == [shown["id"]]
    async with centre.pool.connection() as db:
        row = await (await db.execute("SELECT crm_connections::text FROM crm_connections")).fetchone()
    assert "very secret" not in str(shown) + str(listed) + str(row)
    assert b"very secret".hex() not in str(row)


async def test_the_same_key_connects_once(centre, hubspot):
    order = {"name": "x", "provider": "hubspot", "settings": {}, "secrets": {"access_token": "t"}}
    key = {"Idempotency-Key": str(uuid4())}
    first, again = [await centre.http.post(PATH, json=order, headers=key) for _ in range(2)]
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (await centre.http.post(PATH, json={**order, "name": "y"}, headers=key)).status_code == 422
    assert len((await centre.http.get(PATH)).json()["items"]) == 1


async def test_a_change_needs_the_version_that_was_read_and_keeps_the_secrets(centre, hubspot):
    path = await centre.connect("hubspot", hubspot)
    order = {"name": "renamed", "provider": "hubspot", "settings": {"base_url": hubspot.url}, "queues": ["billing"]}
    assert (await centre.http.put(path, json=order)).status_code == 428
    assert (await centre.http.put(path, json=order, headers={"If-Match": '"7"'})).status_code == 412
    other = {**order, "provider": "generic", "settings": {"url": "https://x.example"}}
    assert (await centre.http.put(path, json=other, headers={"If-Match": '"1"'})).status_code == 422
    changed = await centre.http.put(path, json=order, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    await centre.complete()
    assert hubspot.requests == [], "no call of another queue"
    assert (await centre.shown(path))["has_secrets"] == ["access_token"]


async def test_a_paused_connection_keeps_what_comes_and_an_ended_one_nothing(centre, hubspot):
    path = await centre.connect("hubspot", hubspot)
    assert (await centre.http.post(f"{path}/pause")).json()["status"] == "paused"
    call = await centre.complete()
    assert not hubspot.calls
    assert (await centre.http.post(f"{path}/resume")).json()["status"] == "active"
    await centre.run()
    assert set(hubspot.calls) == {call}
    assert (await centre.http.request("DELETE", path)).status_code == 200
    assert (await centre.http.get(path)).status_code == 404
    await centre.complete()
    assert len(hubspot.calls) == 1


async def test_a_test_says_what_is_missing(centre, hubspot):
    path = await centre.connect("hubspot", hubspot)

    async def tested():
        async with asyncio_background(centre.sender.run()):
            return (await centre.http.post(f"{path}/test")).json()

    assert (await tested())["ok"] is True
    hubspot.has_property = False
    said = await tested()
    assert said["ok"] is False
    assert "plateau_call_id" in said["detail"]


async def test_a_range_is_sent_again_as_corrections(centre, hubspot):
    path = await centre.connect("hubspot", hubspot)
    calls = {await centre.complete() for _ in range(3)}
    hubspot.calls.clear()
    wrong = {"from": "2026-11-21T00:00:00Z", "to": "2026-11-20T00:00:00Z"}
    assert (await centre.http.post(f"{path}/replay", json=wrong)).status_code == 422
    whole = {"from": "2026-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
    assert (await centre.http.post(f"{path}/replay", json=whole)).json() == {"replayed": 3}
    await centre.run()
    assert set(hubspot.calls) == calls
    (one,) = await centre.log(path, call=next(iter(calls)))
    seen = (await centre.http.get(f"{path}/deliveries/{one['id']}")).json()
    assert [each["outcome"] for each in seen["attempts_made"]] == ["delivered", "delivered"]
