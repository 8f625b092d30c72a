"""Amazon Connect's events tell a contact as it happens, and its newest record is the whole of it."""

import pytest

from gateway.sources import Source
from gateway.tests.stories import calls, legs, said, visits

ARN = "arn:aws:connect:eu-west-3:111122223333:instance/i-1/"
QUEUE_INFO = {"queueInfo": {"queueArn": f"{ARN}queue/q-1", "enqueueTimestamp": "2026-01-05T10:00:11Z"}}
AGENT_INFO = {"agentInfo": {"agentArn": f"{ARN}agent/a-1", "connectedToAgentTimestamp": "2026-01-05T10:00:17Z"}}


def contact_event(kind, contact="c-01", **detail):
    detail = {"eventType": kind, "contactId": contact, "channel": "VOICE", "initiationMethod": "INBOUND",
              "initiationTimestamp": "2026-01-05T10:00:00Z", "disconnectTimestamp": "2026-01-05T10:03:00Z",
              **detail}  # fmt: skip
    return {"id": f"ev-{contact}-{kind}", "time": "2026-01-05T10:03:40Z", "source": "aws.connect", "detail": detail}


EVENTS = [
    contact_event("INITIATED"),
    contact_event("QUEUED", **QUEUE_INFO),
    contact_event("CONNECTED_TO_AGENT", **QUEUE_INFO, **AGENT_INFO),
    contact_event("DISCONNECTED", **QUEUE_INFO, **AGENT_INFO),
    contact_event("COMPLETED", **QUEUE_INFO, **AGENT_INFO),
]
HANDLE = {
    "AgentInteractionDuration": 140,
    "CustomerHoldDuration": 12,
    "NumberOfHolds": 1,
    "AfterContactWorkDuration": 30,
}
EXAMPLE = {"ContactId": "c-01", "LastUpdateTimestamp": "2026-01-05T10:04:00Z", "Queue": {"Duration": 5},
           "Agent": {"Username": "a-1042", **HANDLE}}  # fmt: skip


def contact_record(version, contact="c-01", agent=None, **fields):
    return {
        "ContactId": contact, "LastUpdateTimestamp": version, "Channel": "VOICE", "InitiationMethod": "INBOUND",
        "InitiationTimestamp": "2026-01-05T10:00:00Z", "DisconnectTimestamp": "2026-01-05T10:03:08Z",
        "Queue": {"ARN": f"{ARN}queue/q-1", "Name": "q-sales", "EnqueueTimestamp": "2026-01-05T10:00:11Z",
                  "DequeueTimestamp": "2026-01-05T10:00:16Z", "Duration": 5},
        "Agent": {"ARN": f"{ARN}agent/a-1", "Username": "a-1042",
                  "ConnectedToAgentTimestamp": "2026-01-05T10:00:16Z", **HANDLE, **(agent or {})},
        **fields,
    }  # fmt: skip


def test_the_published_example_handles_in_182_seconds():
    call = calls(said("amazon_connect_records", EXAMPLE))["c-01"]
    ((agent, *durations),) = legs(call)
    assert (agent, sum(durations)) == ("a-1042", 182)


def test_a_transfer_out_of_the_centre_ends_the_leg_of_the_agent_who_made_it():
    moved = contact_record("2026-01-05T10:04:00Z", TransferCompletedTimestamp="2026-01-05T10:02:48Z")
    call = calls(said("amazon_connect_records", moved))["c-01"]
    assert legs(call) == [("a-1042", 140, 12, 30)]
    assert (call.legs[0].transferred, call.legs[0].ended_at - call.legs[0].answered_at) == ("unstated", 152_000_000)


def test_what_an_agent_dials_is_a_leg_and_no_visit_to_the_queue_of_their_profile():
    dialled = {"initiationMethod": "OUTBOUND", "queueInfo": {"queueArn": f"{ARN}queue/q-1"}}
    events = [contact_event(kind, **dialled, **AGENT_INFO) for kind in ("CONNECTED_TO_AGENT", "DISCONNECTED")]
    profile = {"ARN": f"{ARN}queue/q-1", "Name": "BasicQueue", "EnqueueTimestamp": None}
    record = contact_record("2026-01-05T10:04:00Z", InitiationMethod="OUTBOUND", Queue=profile)
    for told in (said("amazon_connect_events", *events), said("amazon_connect_records", record)):
        call = calls(told)["c-01"]
        assert (call.visits, len(call.legs), call.legs[0].queue, call.direction) == ((), 1, None, "outbound")


@pytest.mark.parametrize("gone", ["2026-01-05T10:00:40Z", "2026-01-05T10:00:41Z", "2026-01-05T10:00:42Z"])
def test_who_is_sent_on_from_a_queue_to_another_has_abandoned_none(gone):
    moved = {"initiationMethod": "QUEUE_TRANSFER", "initialContactId": "c-01", "previousContactId": "c-01"}
    story = [
        *EVENTS[:2],
        contact_event("DISCONNECTED", **QUEUE_INFO, disconnectTimestamp=gone),
        contact_event("INITIATED", "c-02", **moved, initiationTimestamp="2026-01-05T10:00:41Z"),
    ]
    ((queue, outcome, reason, wait),) = visits(calls(said("amazon_connect_events", *story))["c-01"])
    assert (queue, outcome, reason, wait) == ("q-1", "overflowed", "overflow", 30)


def test_the_published_event_and_record_are_one_visit():
    queued = {"id": "ev-1", "detail-type": "Amazon Connect Contact Event", "source": "aws.connect",
              "detail": {"eventType": "QUEUED", "contactId": "c-01", "channel": "VOICE", "initiationMethod": "INBOUND",
                         "queueInfo": {"queueArn": "q-sales", "enqueueTimestamp": "2026-01-05T10:00:11Z"}}}  # fmt: skip
    call = calls(said("amazon_connect_events", queued) + said("amazon_connect_records", EXAMPLE))["c-01"]
    assert (visits(call), legs(call)) == ([("q-sales", "answered", None, 5)], [("a-1042", 140, 12, 30)])


def test_events_alone_tell_a_visit_a_leg_and_its_wrap_up():
    call = calls(said("amazon_connect_events", *EVENTS))["c-01"]
    assert (visits(call), legs(call)) == ([("q-1", "answered", None, 6)], [("a-1", 163, 0, 40)])


def test_the_record_is_the_whole_contact_whenever_its_events_come():
    events, record = (
        said("amazon_connect_events", *EVENTS),
        said("amazon_connect_records", contact_record("2026-01-05T10:04:00Z")),
    )
    call = calls(events + record)["c-01"]
    assert (visits(call), legs(call)) == ([("q-sales", "answered", None, 5)], [("a-1042", 140, 12, 30)])
    alone = calls(record)["c-01"]
    assert (call.visits, call.legs, call.state) == (alone.visits, alone.legs, "ended")


def test_of_its_records_the_newest_counts_months_later_too():
    old = contact_record("2026-01-05T10:04:00Z")
    new = contact_record("2027-11-05T10:04:00.5Z", agent={"AgentInteractionDuration": 100})
    facts = said("amazon_connect_records", new, old, new) + said("amazon_connect_events", *EVENTS)
    assert legs(calls(facts)["c-01"]) == [("a-1042", 100, 12, 30)]


def test_parts_that_never_happened_are_no_wrap_up():
    record = contact_record(
        "2026-01-05T10:04:00Z", agent={"AfterContactWorkDuration": None, "CustomerHoldDuration": None}
    )
    call = calls(said("amazon_connect_records", record))["c-01"]
    assert (legs(call), call.legs[0].wrapup) == ([("a-1042", 140, 0, 0)], "none")


def test_whoever_hangs_up_in_the_queue_abandons_by_events_and_by_record():
    events = said("amazon_connect_events", *EVENTS[:2], contact_event("DISCONNECTED", **QUEUE_INFO))
    assert visits(calls(events)["c-01"]) == [("q-1", "abandoned", None, 169)]
    record = contact_record("2026-01-05T10:04:00Z", Agent=None, DisconnectReason="CUSTOMER_DISCONNECT")
    record["Queue"]["Duration"] = 177
    for facts in (said("amazon_connect_records", record), said("amazon_connect_records", record) + events):
        assert visits(calls(facts)["c-01"]) == [("q-sales", "abandoned", None, 177)]


@pytest.mark.parametrize("fields", [{"InitiationMethod": "CALLBACK"}, {"NextContactId": "c-02"}])
def test_a_callback_that_waits_in_a_queue_is_no_abandon(fields):
    record = contact_record("2026-01-05T10:04:00Z", Agent=None, DisconnectReason="CONTACT_FLOW_DISCONNECT", **fields)
    assert visits(calls(said("amazon_connect_records", record))["c-01"]) == [("q-sales", "overflowed", "callback", 5)]


def test_a_transfer_ends_the_leg_before_it_by_events_and_by_records():
    moved = {"initiationMethod": "TRANSFER", "previousContactId": "c-01", "initialContactId": "c-01",
             "initiationTimestamp": "2026-01-05T10:02:00Z"}  # fmt: skip
    events = said("amazon_connect_events", *EVENTS[:3], contact_event("INITIATED", "c-02", **moved))
    assert [leg.transferred for leg in calls(events)["c-01"].legs] == ["unstated"]
    second = contact_record("2026-01-05T10:04:00Z", "c-02", InitiationMethod="TRANSFER", PreviousContactId="c-01",
                            InitialContactId="c-01", InitiationTimestamp="2026-01-05T10:02:00Z")  # fmt: skip
    records = said("amazon_connect_records", contact_record("2026-01-05T10:04:00Z"), second)
    told = calls(events + records)
    assert [leg.transferred for leg in told["c-01"].legs] == ["unstated"]
    assert legs(told["c-01"]) == [("a-1042", 140, 12, 30)]
    assert (told["c-02"].root_call_id, told["c-02"].parent_call_id) == ("c-01", "c-01")


def test_a_disposition_comes_from_the_attribute_that_the_source_names():
    record = contact_record("2026-01-05T10:04:00Z", Attributes={"outcome": "sold", "other": "no"})
    assert calls(said("amazon_connect_records", record))["c-01"].disposition == {"code": "sold"}
    assert calls(said("amazon_connect_records", record, source=Source("cloud")))["c-01"].disposition is None
