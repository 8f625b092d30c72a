"""Calls on their way to CRMs and people on their way in, over real HTTP: each once, corrected, waiting, never lost."""

import asyncio
import base64
import hmac
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from conftest import fresh_database
from gateway.crm.channel import CompletedCalls
from gateway.crm.connections import CALLS, CHANGES, COMPLETED, store_tokens
from gateway.crm.endpoints import PATH, Connections
from gateway.crm.inbound import Changes
from gateway.crm.log import CrmDeliveries
from gateway.crm.providers import Providers
from gateway.crm.talk import Unauthorised
from gateway.crm.tokens import ConnectionTokens
from gateway.crm.webhooks import hubspot_signature, zendesk_signature
from gateway.deliveries import queue
from gateway.deliveries.sender import Sender
from gateway.idempotency import IdempotencyKeys
from gateway.sealing import SecretBox
from gateway.tests.crm_providers import Answer, HubSpotLike, Receiver, SalesforceLike, ZendeskLike
from gateway.tests.fakes import client
from gateway.tests.test_crm_calls import CALLER, view
from services.kernel.values import Actor

pytestmark = pytest.mark.anyio

SECRET = "secret-01"
BOX = SecretBox(bytes(32))
REFRESHED = {"client_secret": "secret-01", "refresh_token": "refresh-0"}


class Service:
    """The calls service as the gateway asks it: it shows calls, and keeps the orders that it was given."""

    def __init__(self):
        self.views, self.orders = {}, []

    async def call(self, service, method, message):
        assert service == "calls"
        if method == "execute":
            self.orders.append((message["use_case"], message["key"], message["body"]))
            return {"id": message["key"], "version": 1, "position": "1.1", "created": True}
        found = self.views.get(message["parameters"]["id"])
        return {"body": orjson.dumps(found).decode()} if found else {"refused": {"code": "request.not_found"}}


class Centre:
    """Everything between the calls service and the CRMs; `run` sends what is due, once each."""

    def __init__(self, pool, http):
        self.pool, self.service = pool, Service()
        providers = Providers(pool, BOX, http)
        self.channels = [CompletedCalls(pool, self.service, providers), Changes(pool, self.service, providers)]
        self.sender = Sender(pool, self.channels)
        entries = [*Connections(pool, IdempotencyKeys(pool), BOX).entries(), *CrmDeliveries(pool, BOX).entries()]
        self.http = client(entries)

    async def connect(self, provider, crm, secrets=None, settings=None, **terms):
        """A connection, as somebody makes it over HTTP; its path."""
        address = {"url": crm.url} if provider == "generic" else {"base_url": crm.url}
        secrets = secrets or {"access_token": crm.token}
        order = {"name": "a CRM", "provider": provider, "settings": address | (settings or {}), "secrets": secrets}
        made = await self.http.post(PATH, json=order | terms)
        assert made.status_code == 201, made.text
        return made.headers["location"]

    async def complete(self, revision=1, **changes):
        """A call is completed, or corrected: the event of it is heard."""
        call = changes.setdefault("id", str(uuid4()))
        self.service.views[call] = view(**changes)
        event = {"id": str(uuid4()), "type": COMPLETED, "subject": call, "revision": revision,
                 "data": {"call": call, "queues": ["sales"]}}  # fmt: skip
        async with self.pool.connection() as db:
            await queue.write(db, CALLS, await self.channels[0].wanted(db, [event]))
        await self.run()
        return call

    async def run(self):
        """Sends what is due until nothing is."""
        while True:
            await self.sender._start_due()
            if not (tasks := set(self.sender._tasks)):
                return
            for task in tasks:
                await task

    async def later(self):
        """Whatever waits is due now, and nobody is held."""
        async with self.pool.connection() as db:
            await db.execute("UPDATE deliveries SET due_at = now()")
            await db.execute("UPDATE delivery_targets SET held_until = NULL")
        await self.run()

    async def log(self, path, **asked):
        """The deliveries over a connection, the latest first."""
        answer = await self.http.get(f"{path}/deliveries", params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    async def shown(self, path):
        return (await self.http.get(path)).json()


@pytest.fixture(scope="module")
def database(postgres_url):
    yield from fresh_database(postgres_url, "gateway")


@pytest.fixture
async def centre(database):
    async with AsyncConnectionPool(database, min_size=1, max_size=6) as pool, httpx.AsyncClient(timeout=5) as http:
        async with pool.connection() as db:
            await db.execute("DELETE FROM crm_connections")
            await db.execute("DELETE FROM deliveries")
            await db.execute("DELETE FROM delivery_targets")
        made = Centre(pool, http)
        async with made.http:
            yield made


@pytest.fixture
def hubspot():
    with HubSpotLike.serving() as crm:
        yield crm


@pytest.fixture
def salesforce():
    with SalesforceLike.serving() as crm:
        yield crm


@pytest.fixture
def zendesk():
    with ZendeskLike.serving() as crm:
        yield crm


# HubSpot


async def test_a_call_is_one_at_hubspot_whatever_comes_twice_and_is_corrected_afterwards(centre, hubspot):
    hubspot.contacts["55"] = {"phone": CALLER}
    path = await centre.connect("hubspot", hubspot)
    call = await centre.complete()
    assert hubspot.associations == {("900", "55")}
    await centre.complete(id=call, revision=2, outcome="abandoned")
    (only,) = hubspot.calls.values()
    assert only["properties"]["hs_call_status"] == "NO_ANSWER"
    latest, first = await centre.log(path)
    assert (first["revision"], first["provider_id"], first["matching"], first["contacts"]) == (1, "900", "one", ["55"])
    assert (latest["revision"], latest["status"], latest["call"]) == (2, "delivered", call)
    assert len(hubspot.to("POST", "contacts/search")) == 1, "a correction leaves the contact as it was"


async def test_an_older_revision_does_not_undo_a_newer_one(centre, hubspot):
    path = await centre.connect("hubspot", hubspot)
    call = await centre.complete(revision=3, outcome="abandoned")
    await centre.complete(id=call, revision=2, outcome="answered")
    assert hubspot.calls[call]["properties"]["hs_call_status"] == "NO_ANSWER"
    assert (await centre.log(path))[0]["reason"] == "a later revision was sent before"


@pytest.mark.parametrize(
    ("known", "terms", "met"),
    [
        ({}, {}, ("none", [])),
        ({}, {"when_none": "create"}, ("created", ["100"])),
        ({"55": CALLER}, {}, ("one", ["55"])),
        ({"55": CALLER, "56": CALLER}, {}, ("several", [])),
        ({"55": CALLER, "56": CALLER}, {"when_several": "first"}, ("several", ["55"])),
        ({"55": CALLER, "56": CALLER}, {"when_several": "all"}, ("several", ["55", "56"])),
    ],
)
async def test_contacts_are_met_by_number_as_the_connection_says(centre, hubspot, known, terms, met):
    matching, attached = met
    hubspot.contacts = {contact: {"mobilephone": number} for contact, number in known.items()}
    path = await centre.connect("hubspot", hubspot, **terms)
    await centre.complete()
    (logged,) = await centre.log(path)
    assert (logged["matching"], logged["contacts"]) == (matching, attached)
    assert {contact for _, contact in hubspot.associations} == set(attached)


async def test_whoever_was_erased_has_no_number_and_an_excluded_call_is_not_sent(centre, hubspot):
    path = await centre.connect("hubspot", hubspot)
    await centre.complete(caller_number=None)
    await centre.complete(excluded=True)
    excluded, erased = await centre.log(path)
    assert erased["matching"] == "no_number"
    assert excluded["reason"] == "not sent: the call is excluded"
    assert len(hubspot.calls) == 1


async def test_what_waits_holds_no_number(centre, hubspot):
    path = await centre.connect("hubspot", hubspot)
    hubspot.next_answers = [Answer(400, {"message": f"no such property for {CALLER}"})]
    await centre.complete()
    async with centre.pool.connection() as db:
        kept = await (await db.execute("SELECT deliveries::text || delivery_attempts FROM deliveries, delivery_attempts"
                                       )).fetchall()  # fmt: skip
        kept += await (await db.execute("SELECT crm_calls::text FROM crm_calls")).fetchall()
    assert kept
    assert CALLER not in str(kept)
    assert (await centre.log(path))[0]["status"] == "dead"


# Authorisation


async def test_an_expired_token_is_renewed_once_and_the_new_refresh_token_is_kept(centre, hubspot):
    hubspot.token, hubspot.refresh_token = "unknown yet", "refresh-0"
    path = await centre.connect("hubspot", hubspot, REFRESHED, {"client_id": "app"})
    await centre.complete()
    hubspot.token = "another"  # as if it had expired
    await centre.complete()
    assert hubspot.renewals == 2
    assert {each["status"] for each in await centre.log(path)} == {"delivered"}
    assert len(hubspot.calls) == 2


async def test_of_two_processes_that_renew_at_once_the_slower_takes_the_token_of_the_faster(centre, hubspot):
    hubspot.token, hubspot.refresh_token = "unknown yet", "refresh-0"
    path = await centre.connect("hubspot", hubspot, REFRESHED, {"client_id": "app"})
    await centre.complete()
    connection = UUID(path.rpartition("/")[2])

    async def refused(_refresh_token):
        async def store():  # the other process stores what it was given a moment after we were refused
            await asyncio.sleep(0.2)
            async with centre.pool.connection() as db:
                await store_tokens(db, connection, BOX.seal(connection, '{"access_token": "theirs"}'))

        storing.append(asyncio.create_task(store()))
        raise Unauthorised("used up", 400)

    storing = []
    tokens = ConnectionTokens(centre.pool, BOX, connection, refused, None)
    assert await tokens.renewed(await tokens.current()) == "theirs"
    await storing[0]


@pytest.mark.parametrize("secrets", [{"access_token": "never good"}, {**REFRESHED, "refresh_token": "used up"}])
async def test_an_authorisation_that_ends_has_calls_wait_until_somebody_renews_it(centre, hubspot, secrets):
    path = await centre.connect("hubspot", hubspot, secrets, {"client_id": "app"})
    await centre.complete()
    asked = len(hubspot.requests)
    await centre.complete()
    await centre.later()
    assert len(hubspot.requests) == asked, "nothing is asked while it waits"
    seen = await centre.shown(path)
    assert seen["status"] == "unauthorised"
    assert {each["status"] for each in await centre.log(path)} == {"due"}
    order = {"name": "a CRM", "provider": "hubspot", "settings": {"base_url": hubspot.url},
             "secrets": {"access_token": hubspot.token}}  # fmt: skip
    changed = await centre.http.put(path, json=order, headers={"If-Match": f'"{seen["version"]}"'})
    assert changed.status_code == 200, changed.text
    await centre.later()
    assert (await centre.shown(path))["status"] == "active"
    assert {each["status"] for each in await centre.log(path)} == {"delivered"}
    assert len(hubspot.calls) == 2


# Limits


async def test_a_provider_that_has_had_enough_is_left_in_peace_and_nothing_is_dropped(centre, hubspot):
    path = await centre.connect("hubspot", hubspot)
    hubspot.next_answers = [Answer(429, {"policyName": "TEN_SECONDLY_ROLLING"}, {"Retry-After": "7"})] * 2
    await centre.complete()
    asked = len(hubspot.requests)
    (waits,) = await centre.log(path)
    due_in = datetime.fromisoformat(waits["due_at"]) - datetime.now(UTC)
    assert timedelta(seconds=5) < due_in < timedelta(seconds=9)
    await centre.complete()
    assert len(hubspot.requests) == asked, "the target is held, whatever is due"
    for _ in range(2):
        await centre.later()
    assert {each["status"] for each in await centre.log(path)} == {"delivered"}


async def test_the_last_request_of_an_interval_is_the_last_one_asked_in_it(centre, hubspot):
    path = await centre.connect("hubspot", hubspot)
    hubspot.headers = {"X-HubSpot-RateLimit-Remaining": "0", "X-HubSpot-RateLimit-Interval-Milliseconds": "300"}
    await centre.complete()
    began = time.monotonic()
    await centre.complete()
    assert time.monotonic() - began > 0.2
    assert {each["status"] for each in await centre.log(path)} == {"delivered"}


async def test_salesforce_says_its_limit_as_a_403(centre, salesforce):
    path = await centre.connect("salesforce", salesforce, *org(salesforce))
    await centre.complete(direction="outbound")
    salesforce.next_answers = [Answer(403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED"}])]
    await centre.complete(direction="outbound")
    waits, _ = await centre.log(path)
    assert (waits["status"], (await centre.shown(path))["status"]) == ("due", "active")
    await centre.later()
    assert len(salesforce.tasks) == 2


# Salesforce


def org(crm, **settings):
    return {"private_key": crm.private_key}, {
        "client_id": "app", "username": "plateau@example.org", "login_url": crm.url, "telephony_url": crm.url,
        "org_id": "00D1", "call_center": "Plateau_Center", **settings,
    }  # fmt: skip


def ended(seconds_ago):
    begun = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return {"started_at": begun.isoformat(), "ended_at": begun.isoformat()}


async def test_an_outbound_call_is_one_task_at_salesforce_whose_token_is_signed_for(centre, salesforce):
    salesforce.contacts["003000000000009"] = CALLER
    path = await centre.connect("salesforce", salesforce, *org(salesforce))
    sent = {"direction": "outbound", "caller_number": "+33199000100", "called_number": CALLER}
    call = await centre.complete(**sent)
    await centre.complete(id=call, revision=2, disposition={"code": "sold"}, **sent)
    ((key, task),) = salesforce.tasks.items()
    assert (key, task["CallDisposition"], task["WhoId"]) == (call, "sold", "003000000000009")
    assert not salesforce.voice_calls
    assert [each["kind"] for each in await centre.log(path)] == ["Task", "Task"]


async def test_a_call_that_came_in_just_now_is_one_voice_call_also_where_it_is_made_with_errors(centre, salesforce):
    salesforce.errors = ["the queue is unknown"]
    path = await centre.connect("salesforce", salesforce, *org(salesforce))
    salesforce.lose = ("PATCH", "")
    call = await centre.complete(**ended(30))
    await centre.later()
    await centre.complete(id=call, revision=2, **ended(3000))
    assert len(salesforce.to("POST", "/voiceCalls")) == 1
    assert len(salesforce.voice_calls) == 1
    assert "endTime" in salesforce.voice_calls[call]
    assert not salesforce.tasks, "what is a voice call stays one"
    assert [each["status"] for each in await centre.log(path)] == ["delivered", "delivered"]


# Zendesk


async def test_a_call_has_one_ticket_one_record_and_one_comment_at_zendesk(centre, zendesk):
    zendesk.users["9"] = {"id": 9, "phone": CALLER}
    await centre.connect("zendesk", zendesk, settings={"app_id": 7})
    call = await centre.complete()
    await centre.complete(id=call, revision=2, disposition={"code": "sold"})
    (ticket,), (record,), (_,) = zendesk.tickets, zendesk.calls, zendesk.comments
    assert (ticket["external_id"], ticket["requester_id"], record["ticket_id"]) == (call, 9, ticket["id"])
    assert record["call_disposition"] == "sold"


async def test_an_abandoned_call_makes_no_ticket(centre, zendesk):
    zendesk.users["9"] = {"id": 9, "phone": CALLER}
    await centre.connect("zendesk", zendesk, settings={"app_id": 7})
    await centre.complete(outcome="abandoned", legs=[])
    assert (len(zendesk.calls), zendesk.tickets, zendesk.comments) == (1, [], [])


@pytest.mark.parametrize("lost", [("POST", "/tickets"), ("POST", "/comments"), ("PATCH", "call-0")])
async def test_what_zendesk_made_without_our_hearing_of_it_is_found_and_not_made_again(centre, zendesk, lost):
    zendesk.users["9"] = {"id": 9, "phone": CALLER}
    path = await centre.connect("zendesk", zendesk, settings={"app_id": 7})
    zendesk.lose = lost
    call = await centre.complete()
    for _ in range(2):
        await centre.complete(id=call, revision=2)
        await centre.later()
    assert zendesk.lose is None
    assert (len(zendesk.tickets), len(zendesk.calls)) == (1, 1)
    assert {each["data"]["external_id"] for each in zendesk.comments} == {call}
    assert {each["status"] for each in await centre.log(path)} == {"delivered"}


async def test_a_record_whose_making_nobody_heard_of_may_stand_at_zendesk_twice_its_ticket_does_not(centre, zendesk):
    zendesk.users["9"] = {"id": 9, "phone": CALLER}
    await centre.connect("zendesk", zendesk, settings={"app_id": 7})
    zendesk.lose = ("POST", "/api/v2/calls")
    await centre.complete()
    await centre.later()
    assert (len(zendesk.calls), len(zendesk.tickets), len(zendesk.comments)) == (2, 1, 1)


# Any other


async def test_a_generic_receiver_verifies_each_message_and_knows_a_repeat_by_its_id(centre):
    with Receiver.serving() as receiver:
        path = await centre.connect("generic", receiver, {"signing_secret": Receiver.secret})
        call = await centre.complete()
        await centre.complete(id=call, revision=2)
        (latest, first) = await centre.log(path)
        await centre.http.post(f"{path}/deliveries/{first['id']}/replay")
        await centre.run()
        assert [body["data"]["revision"] for _, body in receiver.messages] == [1, 2]
        await centre.http.post(f"{path}/deliveries/{latest['id']}/replay")
        await centre.run()
        ids = [message for message, _ in receiver.messages]
        assert len(ids) == 3
        assert ids[1] == ids[2] != ids[0]
        assert {body["type"] for _, body in receiver.messages} == {"plateau.crm.call"}


# The connections


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


# Webhooks


@asynccontextmanager
async def asyncio_background(work):
    import asyncio  # noqa: PLC0415

    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


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


async def test_a_user_of_zendesk_is_a_customer(centre, zendesk):
    zendesk.users["9"] = {"id": 9, "name": "Ada Martin", "phone": CALLER, "email": "a@example.org"}
    secrets = {"access_token": zendesk.token, "webhook_secret": "secret-01"}
    path = await centre.connect("zendesk", zendesk, secrets, {"app_id": 7})
    body = orjson.dumps({"id": "e-1", "type": "zen:event-type:user.created", "detail": {"id": "9"}})
    now = datetime.now(UTC).isoformat()
    headers = {"X-Zendesk-Webhook-Signature": zendesk_signature("secret-01", now, body),
               "X-Zendesk-Webhook-Signature-Timestamp": now}  # fmt: skip
    for _ in range(2):
        assert (await centre.http.post(f"{path}/inbound", content=body, headers=headers)).status_code == 200
    await centre.run()
    ((use_case, key, customer),) = centre.service.orders
    assert (use_case, key, customer["numbers"], customer["given_name"]) == (
        "SaveCustomer",
        "zendesk:9",
        [CALLER],
        "Ada",
    )


async def test_what_is_not_known_is_kept_sealed(centre, zendesk):
    secrets = {"access_token": zendesk.token, "webhook_secret": "secret-01"}
    path = await centre.connect("zendesk", zendesk, secrets, {"app_id": 7})
    body = orjson.dumps({"type": "ticket", "from": CALLER})
    now = datetime.now(UTC).isoformat()
    signature = base64.b64encode(hmac.digest(b"secret-01", now.encode() + body, "sha256")).decode()
    headers = {"X-Zendesk-Webhook-Signature": signature, "X-Zendesk-Webhook-Signature-Timestamp": now}
    assert (await centre.http.post(f"{path}/inbound", content=body, headers=headers)).status_code == 200
    async with centre.pool.connection() as db, db.cursor(row_factory=dict_row) as rows:
        await rows.execute("SELECT event, target_id FROM deliveries WHERE channel = %s", (CHANGES,))
        (kept,) = await rows.fetchall()
    assert CALLER not in str(kept)
    opened = BOX.open(kept["target_id"], base64.b64decode(kept["event"]["sealed"]))
    assert orjson.loads(opened)["from"] == CALLER
