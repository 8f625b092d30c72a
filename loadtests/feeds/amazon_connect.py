"""Calls as Amazon Connect tells of them: contact events and contact records (FORMATS section 8)."""

from collections.abc import Iterator
from typing import Any

import orjson

from loadtests.feeds.queue_calls import QueueCall, instant

INSTANCE = "arn:aws:connect:eu-west-3:111122223333:instance/00000000-0000-0000-0000-000000000001"

Told = Iterator[tuple[float, str]]


def contact_events(call: QueueCall) -> Told:
    """EventBridge's envelopes of a contact's steps."""
    queue = {
        "queueArn": f"{INSTANCE}/queue/{call.queue}",
        "queueType": "STANDARD",
        "enqueueTimestamp": instant(call.queued),
    }
    agent = {"agentArn": f"{INSTANCE}/agent/{call.agent}", "connectedToAgentTimestamp": instant(call.answered)}
    detail: dict[str, Any] = {
        "initiationTimestamp": instant(call.began), "contactId": call.id, "channel": "VOICE", "instanceArn": INSTANCE,
        "initiationMethod": "INBOUND", "updateTimestamp": instant(call.ended), "tags": {"aws:connect:instanceId": "1"},
    }  # fmt: skip

    def event(kind: str, at: float) -> tuple[float, str]:
        envelope = {
            "version": "0", "id": f"{kind}-{call.id}", "detail-type": "Amazon Connect Contact Event",
            "source": "aws.connect", "account": "111122223333", "time": instant(at), "region": "eu-west-3",
            "resources": [INSTANCE, f"{INSTANCE}/contact/{call.id}"], "detail": {"eventType": kind, **detail},
        }  # fmt: skip
        return at, orjson.dumps(envelope).decode()

    yield event("INITIATED", call.began)
    yield event("CONNECTED_TO_SYSTEM", call.began)
    detail["queueInfo"] = queue
    yield event("QUEUED", call.queued)
    if call.answered is not None:
        detail["agentInfo"] = agent
        yield event("CONNECTED_TO_AGENT", call.answered)
    detail |= {"disconnectTimestamp": instant(call.ended), "disconnectReason": "CUSTOMER_DISCONNECT"}
    yield event("DISCONNECTED", call.ended)
    if call.answered is not None:
        yield event("COMPLETED", call.wrapped_up or call.ended)


def contact_record(call: QueueCall) -> Told:
    """The record of a contact, once it is over."""
    over = call.wrapped_up or call.ended
    gone = call.answered or call.ended
    record: dict[str, Any] = {
        "AWSAccountId": "111122223333", "AWSContactTraceRecordFormatVersion": "2017-03-10", "Agent": None,
        "AgentConnectionAttempts": 1, "Attributes": {"language": "fr"}, "Campaign": {"CampaignId": None},
        "Channel": "VOICE", "ConnectedToSystemTimestamp": instant(call.began), "ContactDetails": {},
        "ContactId": call.id, "CustomerEndpoint": {"Address": call.caller, "Type": "TELEPHONE_NUMBER"},
        "DisconnectReason": "CUSTOMER_DISCONNECT", "DisconnectTimestamp": instant(call.ended),
        "InitialContactId": None, "InitiationMethod": "INBOUND", "InitiationTimestamp": instant(call.began),
        "InstanceARN": INSTANCE, "LastUpdateTimestamp": instant(over), "MediaStreams": [{"Type": "AUDIO"}],
        "NextContactId": None, "PreviousContactId": None, "Recording": None, "Recordings": None, "References": [],
        "Queue": {"ARN": f"{INSTANCE}/queue/1", "Name": call.queue, "EnqueueTimestamp": instant(call.queued),
                  "DequeueTimestamp": instant(gone), "Duration": call.wait},
        "ScheduledTimestamp": None, "SystemEndpoint": {"Address": call.called, "Type": "TELEPHONE_NUMBER"},
        "Tags": {"aws:connect:instanceId": "1"}, "TransferredToEndpoint": None, "TransferCompletedTimestamp": None,
    }  # fmt: skip
    if call.answered is not None:
        record["Agent"] = {
            "ARN": f"{INSTANCE}/agent/1", "Username": call.agent, "ConnectedToAgentTimestamp": instant(call.answered),
            "AgentInteractionDuration": call.talk, "CustomerHoldDuration": 0, "NumberOfHolds": 0,
            "LongestHoldDuration": 0, "AfterContactWorkDuration": int(over - call.ended),
            "AfterContactWorkStartTimestamp": instant(call.ended), "AfterContactWorkEndTimestamp": instant(over),
            "RoutingProfile": {"ARN": f"{INSTANCE}/routing-profile/1", "Name": "Calls"}, "HierarchyGroups": None,
        }  # fmt: skip
    yield over, orjson.dumps(record).decode()
