"""Webhook endpoints as those who set them up see them."""

import base64
from uuid import UUID, uuid4

import pytest

from gateway.sealing import SecretBox, WrongKey
from gateway.tests.fakes import ADMINISTRATOR
from gateway.tests.webhook_harness import KEY, OPENED, RUNG, rung, serving, settled
from gateway.webhooks.endpoints import PATH
from services.kernel.values import Actor

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "example.com",
        "https://",
        "https://user:password@example.com/",
        "https://example.com/#part",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://0/",
        "https://167772161/",
        "https://0x7f.1/",
        "https://localhost/",
        "http://1.1.1.1/",
    ],
)
async def test_addresses_that_nothing_may_be_sent_to_are_refused(pool, url):
    async with serving(pool, allowed_networks=()) as plateau:
        answer = await plateau.http.post(PATH, json={"url": url, "types": [RUNG]})
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/url"]
        assert (await plateau.http.get(PATH)).json()["items"] == []


async def test_unknown_types_are_refused_and_without_a_key_nothing_is_taken(plateau, pool):
    answer = await plateau.http.post(PATH, json={"url": "https://1.1.1.1/", "types": [RUNG, "plateau.bells.no"]})
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/types"]
    assert RUNG in answer.json()["errors"][0]["detail"]
    async with serving(pool, secrets=None) as other:
        answer = await other.http.post(PATH, json={"url": "https://1.1.1.1/", "types": [RUNG]})
        assert (answer.status_code, answer.json()["code"]) == (503, "webhooks.not_set_up")


@pytest.mark.parametrize(
    ("limits", "scopes"),
    [
        ({"queues": frozenset({"q"})}, ADMINISTRATOR.scopes),
        ({"sources": frozenset({"s"})}, ADMINISTRATOR.scopes),
        ({"client": "acme"}, ADMINISTRATOR.scopes),
        ({}, ADMINISTRATOR.scopes - {"webhooks:write"}),
        ({}, ADMINISTRATOR.scopes - {"events:read"}),
    ],
)
async def test_only_who_may_see_all_events_has_them_sent(pool, limits, scopes):
    async with serving(pool, Actor("key-1", scopes=scopes, **limits)) as plateau:
        answer = await plateau.http.post(PATH, json={"url": "https://1.1.1.1/", "types": [RUNG]})
        assert (answer.status_code, answer.json()["code"]) == (403, "auth.not_allowed")


async def test_the_secret_is_shown_once_and_kept_sealed(plateau, receiver, pool):
    path, secret = await plateau.endpoint(receiver)
    for page in (path, PATH):
        assert secret not in (await plateau.http.get(page)).text
    async with pool.connection() as db:
        [(sealed,)] = await (await db.execute("SELECT sealed FROM webhook_secrets")).fetchall()
    endpoint = UUID(path.rpartition("/")[2])
    assert base64.b64decode(secret.removeprefix("whsec_")) not in sealed
    assert SecretBox.from_text(KEY).open(endpoint, sealed) == secret
    for box, owner in ((SecretBox(bytes(31) + b"1"), endpoint), (SecretBox.from_text(KEY), uuid4())):
        with pytest.raises(WrongKey):
            box.open(owner, sealed)


async def test_a_repeated_order_makes_one_endpoint_and_shows_the_same_secret(plateau, receiver):
    order, key = {"url": receiver.url, "types": [RUNG]}, {"Idempotency-Key": "k-1"}
    first, again = [await plateau.http.post(PATH, json=order, headers=key) for _ in range(2)]
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert len((await plateau.http.get(PATH)).json()["items"]) == 1
    other = await plateau.http.post(PATH, json=order | {"description": "x"}, headers=key)
    assert other.json()["code"] == "idempotency.key_reused"
    rotated = [
        await plateau.http.post(f"{first.headers['location']}/rotate", headers={"Idempotency-Key": "k-2"})
        for _ in range(2)
    ]
    assert rotated[0].json() == rotated[1].json()
    assert rotated[0].json()["secret"] != first.json()["secret"]


async def test_an_endpoint_is_changed_by_those_who_have_seen_it(plateau, receiver):
    path, _ = await plateau.endpoint(receiver)
    order = {"url": receiver.url + "2", "types": [OPENED], "description": "doors"}
    assert (await plateau.http.put(path, json=order)).status_code == 428
    assert (await plateau.http.put(path, json=order, headers={"If-Match": '"7"'})).status_code == 412
    changed = await plateau.http.put(path, json=order, headers={"If-Match": '"1"'})
    assert changed.headers["etag"] == '"2"'
    shown = await plateau.shown(path)
    assert {name: shown[name] for name in order} == order
    await plateau.happens(rung(), rung(kind=OPENED))
    await settled(plateau, "delivered")
    assert [posted.path for posted in receiver.posted] == ["/hook2"]


async def test_a_deleted_endpoint_is_gone_with_its_secrets_and_gets_nothing(plateau, receiver, pool):
    path, _ = await plateau.endpoint(receiver)
    assert (await plateau.http.delete(path)).status_code == 200
    for method, where in (("GET", path), ("DELETE", path), ("POST", f"{path}/test"), ("GET", f"{PATH}/x")):
        assert (await plateau.http.request(method, where)).status_code == 404
    await plateau.happens(rung())
    assert (await plateau.deliveries(), receiver.posted) == ([], [])
    async with pool.connection() as db:
        assert await (await db.execute("SELECT FROM webhook_secrets")).fetchall() == []
