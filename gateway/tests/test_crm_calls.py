"""What each CRM is told of a call, and which webhooks are believed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.crm import generic, hubspot, salesforce, webhooks, zendesk
from gateway.crm.completed import completed_call
from gateway.crm.provider import Change
from gateway.crm.talk import Said
from gateway.crm.terms import GenericSettings, HubSpotSettings, SalesforceSettings, ZendeskSettings
from gateway.crm.webhooks import NotRead, Request, SignatureWrong

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
CALLER, CENTRE = "+33199000001", "+33199000100"
GUID = "17b47fee-58de-441e-a44c-c6300d46f273"


def view(**changes):
    return {
        "id": "0190a000-0000-5000-8000-000000000001", "source": "pbx1", "call_id": "c-1", "direction": "inbound",
        "channel": "voice", "campaign": None, "caller_number": CALLER, "called_number": CENTRE, "state": "ended",
        "outcome": "answered", "excluded": False, "started_at": "2026-11-20T09:00:00Z",
        "ended_at": "2026-11-20T09:01:12.500Z", "root_call_id": None, "parent_call_id": None,
        "disposition": {"code": "wrong_number"},
        "visits": [{"queue": "sales", "entered_at": "2026-11-20T09:00:00Z", "wait_seconds": 12, "agent": "a-1042"}],
        "legs": [{"queue": "sales", "agent": "a-1042", "answered_at": "2026-11-20T09:00:12Z", "talk_seconds": 58.5,
                  "hold_seconds": 2}],
        **changes,
    }  # fmt: skip


CALL = completed_call(view(), 1)
ABANDONED = completed_call(view(outcome="abandoned", legs=[], disposition=None), 1)
OUTBOUND = completed_call(view(direction="outbound", caller_number=CENTRE, called_number=CALLER, visits=[]), 1)


def test_the_customer_is_who_is_called_or_who_calls():
    assert (CALL.customer_number, OUTBOUND.customer_number) == (CALLER, CALLER)
    assert (CALL.milliseconds, CALL.agent, CALL.queue) == (72_500, "a-1042", "sales")
    assert replace(CALL, ended_at=NINE - timedelta(1)).milliseconds == 0


# HubSpot


def test_hubspot_is_told_in_its_words_and_milliseconds():
    told = hubspot.properties(CALL, HubSpotSettings(dispositions={"wrong_number": GUID}, owners={"a-1042": "77"}))
    assert told | {"hs_call_title": "", "hs_call_body": ""} == {
        "plateau_call_id": CALL.id, "hs_timestamp": "1795165200000", "hs_call_direction": "INBOUND",
        "hs_call_duration": "72500", "hs_call_status": "COMPLETED", "hs_call_disposition": GUID,
        "hs_call_from_number": CALLER, "hs_call_to_number": CENTRE, "hs_call_title": "", "hs_call_body": "",
        "hubspot_owner_id": "77",
    }  # fmt: skip
    assert CALLER not in told["hs_call_title"] + told["hs_call_body"]


@pytest.mark.parametrize(
    ("call", "status", "disposition"),
    [(CALL, "COMPLETED", hubspot.CONNECTED), (ABANDONED, "NO_ANSWER", ""),
     (replace(OUTBOUND, outcome="not_offered"), "NO_ANSWER", hubspot.NO_ANSWER),
     (replace(CALL, excluded=True), "CANCELED", hubspot.CONNECTED)],
)  # fmt: skip
def test_hubspots_status_and_default_outcome(call, status, disposition):
    told = hubspot.properties(call, HubSpotSettings())
    assert (told["hs_call_status"], told["hs_call_disposition"]) == (status, disposition)


def test_an_erased_caller_has_no_number_at_hubspot():
    assert hubspot.properties(replace(CALL, caller_number=None), HubSpotSettings())["hs_call_from_number"] == ""


# Salesforce

ORG = SalesforceSettings("https://x.my.salesforce.com", "app", "plateau@example.org", call_center="Plateau_Center",
                         org_id="00D1", telephony_url="https://x.my.salesforce-scrt.com")  # fmt: skip


@pytest.mark.parametrize(
    "call",
    [OUTBOUND, replace(CALL, caller_number=None), replace(CALL, ended_at=NINE - timedelta(hours=1))],
    ids=["outbound", "withheld", "history"],
)
def test_salesforces_telephony_takes_no_outbound_withheld_or_past_call(call):
    assert not salesforce.is_voice_call(call, ORG, NINE)
    assert salesforce.is_voice_call(CALL, ORG, CALL.ended_at)
    assert not salesforce.is_voice_call(CALL, replace(ORG, call_center=None), CALL.ended_at)


def test_a_voice_call_has_what_salesforce_requires():
    assert salesforce.voice_call(CALL, ORG) == {
        "callCenterApiName": "Plateau_Center", "vendorCallKey": CALL.id, "to": CENTRE, "from": CALLER,
        "startTime": "2026-11-20T09:00:00Z", "initiationMethod": "Inbound", "queue": "sales",
        "participants": [{"participantKey": CALLER, "type": "END_USER"}],
    }  # fmt: skip
    ended = salesforce.voice_call_ended(CALL)
    assert (ended["endTime"], ended["acceptTime"]) == ("2026-11-20T09:01:12.500000Z", "2026-11-20T09:00:12Z")


def test_a_task_bears_no_number():
    told = salesforce.task(OUTBOUND, ORG, "003000000000001")
    assert (told["CallType"], told["TaskSubtype"], told["Status"]) == ("Outbound", "Call", "Completed")
    assert (told["CallDurationInSeconds"], told["CallDisposition"]) == (72, "wrong_number")
    assert told["WhoId"] == "003000000000001"
    assert CALLER not in str(told)


# Zendesk


def test_an_abandoned_call_belongs_to_no_ticket_at_zendesk():
    account = ZendeskSettings("https://x.zendesk.com", 7, agents={"a-1042": 42}, dispositions={"wrong_number": "wrong"})
    told = zendesk.call_record(ABANDONED, account, 500)
    assert "ticket_id" not in told
    assert told["completion_status"] == "abandoned_in_queue"
    answered = zendesk.call_record(CALL, account, 500)
    assert (answered["ticket_id"], answered["agent_id"], answered["call_disposition"]) == (500, 42, "wrong")
    assert {"app_id", "from_line", "to_line", "call_started_at", "direction"} <= answered.keys()
    assert zendesk.call_record(replace(CALL, caller_number=None), account, None)["from_line"] == "anonymous"


# Any other


def test_a_generic_receiver_is_told_under_its_own_names():
    settings = GenericSettings("https://crm.example", {"Telephone": "caller_number", "Begin": "started_at"})
    assert generic.data(CALL, settings) == {"Telephone": CALLER, "Begin": "2026-11-20T09:00:00Z"}
    assert generic.data(CALL, GenericSettings("https://crm.example"))["revision"] == 1


def test_what_a_provider_says_is_kept_without_numbers_and_addresses():
    said = 'phone +33 1 99 00 00 01 of "ada@example.org" is no number, see 400'
    assert Said(said).reason == 'phone … of "…" is no number, see 400'
    assert len(Said("x" * 10_000).reason) == 300


# Webhooks

HOOK = "https://gw.example.test/hooks/hubspot"
HUBSPOT = {b"x-hubspot-signature-v3": b"Z/MgT0rBJ3AfYcDrJlYXYk2W78oBtCcSyZVijJnALuY=",
           b"x-hubspot-request-timestamp": b"1767607200000"}  # fmt: skip
ZENDESK = {b"x-zendesk-webhook-signature": b"go573QVfj9/ibmDj+qwaRGZUfkO7aRTfzLUv2AVSwp4=",
           b"x-zendesk-webhook-signature-timestamp": b"2026-01-05T10:00:00Z"}  # fmt: skip
SIGNED_AT = datetime(2026, 1, 5, 10, tzinfo=UTC)
OF_HUBSPOT = Request("POST", [HOOK], HUBSPOT, b'[{"eventId":1}]')
OF_ZENDESK = Request("POST", [], ZENDESK, b'{"type":"ticket"}')


@pytest.mark.parametrize(
    ("verify", "request_"), [(webhooks.verify_hubspot, OF_HUBSPOT), (webhooks.verify_zendesk, OF_ZENDESK)]
)
def test_the_published_way_of_signing_is_believed_for_five_minutes(verify, request_):
    for seconds in (-300, 0, 300):
        verify("secret-01", request_, SIGNED_AT + timedelta(seconds=seconds))
    (stamp,) = [name for name in request_.headers if name.endswith(b"timestamp")]
    (signature,) = request_.headers.keys() - {stamp}
    moved = b"2026-01-05T10:00:01Z" if b"zendesk" in stamp else b"1767607200001"
    wrong = [
        ("secret-02", request_, 0),
        ("secret-01", replace(request_, body=request_.body + b" "), 0),
        ("secret-01", request_, 301),
        ("secret-01", request_, -301),
        ("secret-01", replace(request_, headers=request_.headers | {stamp: moved}), 0),
        ("secret-01", replace(request_, headers=request_.headers | {stamp: b"now"}), 0),
        ("secret-01", replace(request_, headers={stamp: request_.headers[stamp]}), 0),
        ("secret-01", replace(request_, headers=request_.headers | {signature: "é".encode()}), 0),
    ]
    for secret, sent, seconds in wrong:
        with pytest.raises(SignatureWrong):
            verify(secret, sent, SIGNED_AT + timedelta(seconds=seconds))


def test_hubspot_signs_the_address_that_it_knows_decoded():
    with pytest.raises(SignatureWrong):
        webhooks.verify_hubspot("secret-01", replace(OF_HUBSPOT, addresses=[HOOK + "/"]), SIGNED_AT)
    encoded = HOOK.replace("hubspot", "hub%73pot")
    webhooks.verify_hubspot("secret-01", replace(OF_HUBSPOT, addresses=["http://x", encoded]), SIGNED_AT)


def test_an_event_names_the_person_to_ask_about_and_the_unknown_is_kept():
    changed = {"portalId": 1, "eventId": 2, "subscriptionId": 3, "occurredAt": 4, "objectId": 55}
    body = [
        {**changed, "subscriptionType": "contact.propertyChange"},
        {**changed, "eventId": 5, "subscriptionType": "deal.creation"},
        {**changed, "eventId": 6, "subscriptionType": "object.creation", "objectTypeId": "0-3"},
        {**changed, "eventId": 7, "subscriptionType": "contact.merge", "newObjectId": 56, "mergedObjectIds": [57],
         "primaryObjectId": 58},
        {**{name: changed[name] for name in changed if name != "objectId"}, "eventId": 8,
         "subscriptionType": "contact.associationChange", "fromObjectId": 55},
    ]  # fmt: skip
    read = webhooks.hubspot_changes(webhooks.orjson.dumps(body))
    assert [(each.type, each.external_id) for each in read] == [
        ("contact.propertyChange", "55"), ("deal.creation", None), ("object.creation", None),
        ("contact.merge", "55"), ("contact.merge", "58"), ("contact.merge", "56"), ("contact.merge", "57"),
        ("contact.associationChange", None),
    ]  # fmt: skip
    assert len({each.key for each in read}) == 8
    assert read[0].key == "1:2:3:4:55"
    assert read[1].said == body[1]
    user = b'{"type":"zen:event-type:user.created","id":"e-1","detail":{"id":"9"}}'
    assert webhooks.zendesk_changes(user) == [Change("e-1", "zen:event-type:user.created", "9")]
    (ticket,) = webhooks.zendesk_changes(b'{"type":"ticket"}')
    assert ticket.external_id is None


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'[{"eventId":1}]', b'"x"'])
def test_what_is_signed_and_not_as_it_should_be_is_not_read(body):
    with pytest.raises(NotRead):
        webhooks.hubspot_changes(body)
