"""Calls on their way to Salesforce, Zendesk and any receiver: the records that they become, over real HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.tests.crm_providers import Receiver
from gateway.tests.crm_server import Answer
from gateway.tests.test_crm_calls import CALLER

pytestmark = pytest.mark.anyio

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
    salesforce.errors = [f"the queue is unknown to {CALLER}"]
    path = await centre.connect("salesforce", salesforce, *org(salesforce))
    salesforce.lose = ("PATCH", "")
    call = await centre.complete(**ended(30))
    await centre.later()
    await centre.complete(id=call, revision=2, **ended(3000))
    assert len(salesforce.to("POST", "/voiceCalls")) == 1
    assert len(salesforce.voice_calls) == 1
    assert "endTime" in salesforce.voice_calls[call]
    async with centre.pool.connection() as db:
        (kept,) = await (await db.execute("SELECT state ->> 'errors' FROM crm_calls")).fetchone()
    assert kept == "['the queue is unknown to …']"
    assert not salesforce.tasks, "what is a voice call stays one"
    assert [each["status"] for each in await centre.log(path)] == ["delivered", "delivered"]


async def test_a_voice_call_whose_making_nobody_heard_of_gets_no_task_beside_it_later(centre, salesforce):
    path = await centre.connect("salesforce", salesforce, *org(salesforce))
    salesforce.lose = ("POST", "/voiceCalls")
    call = await centre.complete(**ended(30))
    centre.service.views[call] |= ended(3000)  # as if it were tried again an hour later
    await centre.later()
    assert (list(salesforce.voice_calls), salesforce.tasks) == ([call], {})
    assert [(each["status"], each["kind"]) for each in await centre.log(path)] == [("delivered", "VoiceCall")]


async def test_a_caller_is_found_at_salesforce_as_typed_within_the_country_or_from_outside(centre, salesforce):
    salesforce.contacts = {"003000000000009": "01 99 00 00 01", "003000000000008": "+33 (1) 99 00 00 01",
                           "003000000000007": "+49 33199000001"}  # fmt: skip
    path = await centre.connect("salesforce", salesforce, *org(salesforce))
    await centre.complete(direction="outbound", called_number=CALLER)
    (logged,) = await centre.log(path)
    assert (logged["matching"], logged["contacts"]) == ("several", [])
    del salesforce.contacts["003000000000008"]
    await centre.complete(direction="outbound", called_number=CALLER)
    assert [each.get("WhoId") for each in salesforce.tasks.values()] == [None, "003000000000009"]


async def test_a_record_that_is_locked_for_a_moment_is_tried_again_and_a_contact_made_once(centre, salesforce):
    salesforce.contacts["003000000000009"] = "+33199000099"
    await centre.connect("salesforce", salesforce, *org(salesforce), when_none="create")
    await centre.complete(direction="outbound", called_number=CALLER)
    locked = Answer(400, [{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain exclusive access"}])
    salesforce.locked = [locked]
    await centre.complete(direction="outbound", called_number="+33199000077")
    assert len(salesforce.tasks) == 1
    await centre.later()
    assert sorted(salesforce.contacts.values()) == ["+33199000001", "+33199000077", "+33199000099"]
    assert len(salesforce.tasks) == 2


async def test_a_correction_leaves_the_contact_that_somebody_has_put_on_the_task_since(centre, salesforce):
    salesforce.contacts["003000000000009"] = CALLER
    await centre.connect("salesforce", salesforce, *org(salesforce))
    sent = {"direction": "outbound", "called_number": CALLER}
    call = await centre.complete(**sent)
    assert salesforce.tasks[call]["WhoId"] == "003000000000009"
    salesforce.tasks[call]["WhoId"] = "003000000000077"
    await centre.complete(id=call, revision=2, disposition={"code": "sold"}, **sent)
    assert (salesforce.tasks[call]["WhoId"], salesforce.tasks[call]["CallDisposition"]) == ("003000000000077", "sold")


async def test_salesforce_says_its_limit_as_a_403(centre, salesforce):
    path = await centre.connect("salesforce", salesforce, *org(salesforce))
    await centre.complete(direction="outbound")
    salesforce.next_answers = [Answer(403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED"}])]
    await centre.complete(direction="outbound")
    waits, _ = await centre.log(path)
    assert (waits["status"], (await centre.shown(path))["status"]) == ("due", "active")
    await centre.later()
    assert len(salesforce.tasks) == 2


# Zendesk


async def test_a_call_has_one_ticket_one_record_and_one_comment_at_zendesk(centre, zendesk):
    zendesk.users["9"] = {"id": 9, "phone": CALLER}
    await centre.connect("zendesk", zendesk, settings={"app_id": 7})
    call = await centre.complete()
    await centre.complete(id=call, revision=2, disposition={"code": "sold"})
    (ticket,), (record,), (_,) = zendesk.tickets, zendesk.calls, zendesk.comments
    assert (ticket["external_id"], ticket["requester_id"], record["ticket_id"]) == (call, 9, ticket["id"])
    assert record["call_disposition"] == "sold"


async def test_a_caller_is_found_at_zendesk_however_the_number_was_typed_and_not_in_another_country(centre, zendesk):
    zendesk.users = {
        "9": {"id": 9, "phone": "01 99 00 00 01"},
        "8": {"id": 8, "phone": "+49 199000001"},
        "7": {"id": 7, "phone": CALLER, "role": "agent"},
    }
    path = await centre.connect("zendesk", zendesk, settings={"app_id": 7, "default_region": "FR"})
    await centre.complete()
    assert [each["requester_id"] for each in zendesk.tickets] == [9]
    assert [(each["matching"], each["contacts"]) for each in await centre.log(path)] == [("one", ["9"])]


async def test_a_user_is_made_once_though_no_search_finds_them_yet_when_the_call_is_tried_again(centre, zendesk):
    await centre.connect("zendesk", zendesk, settings={"app_id": 7}, when_none="create")
    zendesk.limited = 1
    await centre.complete()
    await centre.later()
    assert (len(zendesk.users), len(zendesk.tickets), len(zendesk.calls)) == (1, 1, 1)


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
        await centre.complete(id=call, revision=2, disposition={"code": "sold"})
        await centre.later()
    assert zendesk.lose is None
    assert zendesk.calls[0]["call_disposition"] == "sold"
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
