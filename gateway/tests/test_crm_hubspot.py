"""Calls on their way to HubSpot, over real HTTP: each once, corrected, waiting for tokens and limits, never lost."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from gateway.crm.connections import store_tokens
from gateway.crm.talk import Unauthorised
from gateway.crm.tokens import ConnectionTokens
from gateway.tests.crm_harness import BOX, REFRESHED
from gateway.tests.crm_server import Answer
from gateway.tests.test_crm_calls import CALLER

pytestmark = pytest.mark.anyio


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


async def test_a_number_is_met_however_it_was_typed_and_not_in_another_country(centre, hubspot):
    hubspot.contacts = {"55": {"phone": "01 99 00 00 01"}, "56": {"phone": "+49199000001"}}
    path = await centre.connect("hubspot", hubspot, settings={"default_region": "FR"})
    await centre.complete()
    (logged,) = await centre.log(path)
    assert (logged["matching"], logged["contacts"]) == ("one", ["55"])


@pytest.mark.parametrize("number", ["+999123456789", "+12"])
async def test_a_number_of_no_country_is_sent_as_it_is(centre, hubspot, number):
    path = await centre.connect("hubspot", hubspot)
    call = await centre.complete(caller_number=number)
    assert hubspot.calls[call]["properties"]["hs_call_from_number"] == number
    assert [each["matching"] for each in await centre.log(path)] == ["none"]


async def test_a_contact_is_made_once_though_no_search_finds_it_yet_when_the_call_is_tried_again(centre, hubspot):
    path = await centre.connect("hubspot", hubspot, when_none="create")
    hubspot.lose = ("POST", "/calls/batch/upsert")
    await centre.complete()
    await centre.later()
    assert (list(hubspot.contacts), hubspot.associations) == (["100"], {("900", "100")})
    assert [each["matching"] for each in await centre.log(path)] == ["created"]


async def test_a_correction_leaves_the_contact_that_somebody_has_put_there_since(centre, hubspot):
    hubspot.contacts["55"] = {"phone": CALLER}
    path = await centre.connect("hubspot", hubspot)
    call = await centre.complete()
    del hubspot.contacts["55"]
    hubspot.associations = {("900", "77")}
    await centre.complete(id=call, revision=2)
    assert hubspot.associations == {("900", "77")}
    assert {each["status"] for each in await centre.log(path)} == {"delivered"}


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
    await centre.complete()
    partly = Answer(207, {"status": "COMPLETE", "results": [], "errors": [{"message": f"{CALLER} is no number"}]})
    for refused in (Answer(400, {"message": f"no such property for {CALLER}"}), partly):
        hubspot.refused = refused
        await centre.complete()
    async with centre.pool.connection() as db:
        kept = await (await db.execute("SELECT deliveries::text || delivery_attempts FROM deliveries, delivery_attempts"
                                       )).fetchall()  # fmt: skip
        kept += await (await db.execute("SELECT crm_calls::text FROM crm_calls")).fetchall()
    assert kept
    assert CALLER not in str(kept)
    assert [(each["status"], each["reason"]) for each in await centre.log(path)][:2] == [
        ("dead", "… is no number"),
        ("dead", '400 {"message":"no such property for …"}'),
    ]


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
