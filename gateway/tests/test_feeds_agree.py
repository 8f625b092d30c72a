"""A varied day of calls as each feed of one system tells it: every feed alone, and all of them in any order, agree.

What a feed cannot tell is said here: AMI not why a caller was sent on, nor that one gave up for the time-out's sake;
FreeSWITCH's events no holds, its detail records of several queues only the last.
"""

import random
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, NamedTuple

import orjson
import pytest

from gateway.tests.stories import T, calls, form, said

DAY = range(60)
AGENTS = ("a-1042", "a-1043", "a-1044")
QUEUES = ("q-sales", "q-care", "q-billing")


class Visit(NamedTuple):
    """One visit as it was; instants in seconds since 1970. `how` it ended, and whether the call went on after it."""

    queue: str
    joined: float
    left: float
    how: str
    missed: tuple[tuple[str, float], ...]
    agent: str | None = None
    hung_up: float = 0.0
    holds: tuple[tuple[float, float], ...] = ()
    goes_on: bool = False

    @property
    def wait(self) -> int:
        return int(self.left) - int(self.joined)

    @property
    def talk(self) -> int:
        return int(self.hung_up) - int(self.left)


def a_call(chance: random.Random, ways: tuple[str, ...], most: int) -> list[Visit]:
    """The visits of one call, each to another queue or to the same one again."""
    visits, now = [], T + chance.uniform(0, 36_000)
    for place in range(chance.randint(1, most)):
        joined, missed = now, []
        for agent in chance.sample(AGENTS, chance.choice((0, 0, 1, 2))):
            now += chance.uniform(4, 12)
            missed.append((agent, now))
        now += chance.uniform(0, 40)
        how = chance.choice(ways)
        last = how in ("abandon", "caller", "agent") or place == most - 1
        visit = Visit(chance.choice(QUEUES), joined, now, how, tuple(missed), goes_on=not last)
        if how in ("caller", "agent", "transfer"):
            held = now + chance.uniform(5, 20)
            holds = ((held, held + chance.uniform(3, 30)),) if chance.random() < 0.4 else ()
            now = (holds[-1][1] if holds else now) + chance.uniform(5, 200)
            visit = visit._replace(agent=chance.choice(AGENTS), hung_up=now, holds=holds)
        visits.append(visit)
        if last:
            break
        now += chance.uniform(0.2, 3)
    visits[-1] = visits[-1]._replace(goes_on=False)
    return visits


def seen(call: Any) -> tuple[Any, ...]:
    """What reports count of a call; talk and hold in whole seconds."""
    visits = [(v.queue, v.outcome, v.reason, v.agent) for v in call.visits]
    legs = [(leg.agent, leg.queue, leg.handled) for leg in call.legs]
    missed = sorted(ring.agent for ring in call.rings if ring.result == "missed")
    return call.outcome, visits, legs, missed, call.notes


def durations(call: Any) -> list[float]:
    """Waits, and what each leg lasted; in seconds."""
    waits = [visit.wait_ms / 1000 for visit in call.visits]
    return waits + [(leg.talk_ms + leg.hold_ms) / 1000 for leg in call.legs]


def agree(told: Any, truth: Any) -> None:
    """Alike, but for the second that is lost where one feed counts whole ones."""
    assert seen(told) == seen(truth)
    assert durations(told) == pytest.approx(durations(truth), abs=1.001)


def shuffled(*facts: list[Any]) -> list[Any]:
    together = [fact for feed in facts for fact in feed]
    return random.Random(len(together)).sample(together, len(together))


# Asterisk

WAYS = ("abandon", "timeout", "empty", "key", "caller", "agent", "transfer")
EXITS = {"abandon": "ABANDON", "timeout": "EXITWITHTIMEOUT", "empty": "EXITEMPTY", "key": "EXITWITHKEY"}


def log_of(call: str, visit: Visit) -> list[str]:
    def line(at, agent, event, *parameters):
        return "|".join(map(str, (int(at), call, visit.queue, agent or "NONE", event, *parameters)))

    lines = [line(visit.joined, None, "ENTERQUEUE", "", "+33199001234", 1)]
    lines += [line(at, agent, "RINGNOANSWER", 4000) for agent, at in visit.missed]
    if visit.how in EXITS:
        key = ("1",) if visit.how == "key" else ()
        return [*lines, line(visit.left, None, EXITS[visit.how], *key, 1, 1, visit.wait)]
    lines.append(line(visit.left, visit.agent, "CONNECT", visit.wait, "1.9", 3))
    if visit.how == "transfer":
        return [*lines, line(visit.hung_up, visit.agent, "BLINDTRANSFER", 600, "ctx", visit.wait, visit.talk, 1)]
    return [*lines, line(visit.hung_up, visit.agent, f"COMPLETE{visit.how.upper()}", visit.wait, visit.talk, 1)]


def manager_events_of(call: str, visit: Visit) -> list[dict[str, Any]]:
    def event(at, name, agent=None, **more):
        member = {"MemberName": agent, "Interface": f"PJSIP/{agent}"} if agent else {}
        about = {"Event": name, "Timestamp": f"{at:.6f}", "Uniqueid": call, "Linkedid": call, "Queue": visit.queue}
        return about | member | more

    def hold(at, name):
        channel = f"PJSIP/{visit.agent.removeprefix('a-')}-00000a1b"
        return {"Event": name, "Timestamp": f"{at:.6f}", "Channel": channel, "Uniqueid": "1.9", "Linkedid": call}

    events = [event(visit.joined, "QueueCallerJoin", Position="1")]
    events += [event(at, "AgentRingNoAnswer", agent, RingTime="4000") for agent, at in visit.missed]
    if visit.how in ("abandon", "timeout", "empty"):
        events.append(event(visit.left, "QueueCallerAbandon", HoldTime=str(visit.wait)))
    if visit.how not in EXITS:
        events.append(event(visit.left, "AgentConnect", visit.agent, HoldTime=str(visit.wait), RingTime="3"))
        for begun, over in visit.holds:
            events += [hold(begun, "Hold"), hold(over, "Unhold")]
        told = {"HoldTime": str(visit.wait), "TalkTime": str(visit.talk), "Reason": visit.how}
        events.append(event(visit.hung_up, "AgentComplete", visit.agent, **told))
    before = -0.002 if visit.how not in EXITS else 0.001  # a moment before an answer, a moment after other exits
    return [*events, event(max(visit.left + before, visit.joined), "QueueCallerLeave", Position="1")]


def by_ami(truth: Any, visits: list[Visit]) -> Any:
    """What is true of a call as far as AMI can tell."""
    for told, visit in zip(truth.visits, visits, strict=True):
        if visit.how in ("timeout", "empty"):
            told.outcome, told.reason = ("overflowed", "overflow") if visit.goes_on else ("abandoned", None)
    truth.outcome = truth.visits[-1].outcome
    return truth


@pytest.mark.parametrize("seed", DAY)
def test_the_feeds_of_one_asterisk_agree_on_a_day_of_calls(seed):
    chance = random.Random(seed)
    call, visits = f"{T}.{seed}", a_call(chance, WAYS, 3)
    lines = [line.encode() for visit in visits for line in log_of(call, visit)]
    log = said("asterisk_queue_log", *lines)
    ami = said("asterisk_ami", *(event for visit in visits for event in manager_events_of(call, visit)))
    row = {"uniqueid": call, "linkedid": call, "src": "+33199001234", "dst": "600", "disposition": "ANSWERED"}
    row |= {"channel": "PJSIP/trunk-0001", "lastapp": "Queue", "start": "2026-01-05 10:00:00", "billsec": "60"}
    cdr = said("asterisk_cdr", row)

    truth = calls(log)[call]
    assert [v.outcome for v in truth.visits] == [
        "abandoned" if v.how == "abandon" else "overflowed" if v.how in EXITS else "answered" for v in visits
    ]
    assert all(leg.handled for leg in truth.legs)
    agree(calls(shuffled(log, ami, cdr))[call], truth)
    assert durations(calls(shuffled(log, ami))[call]) == durations(truth)
    held = [leg.hold_ms for leg in calls(shuffled(log, ami))[call].legs]
    assert held == [leg.hold_ms for leg in calls(ami)[call].legs]
    agree(calls(ami)[call], by_ami(truth, visits))


# FreeSWITCH

REASONS = {"abandon": "BREAK_OUT", "timeout": "TIMEOUT", "empty": "NO_AGENT_TIMEOUT", "key": "EXIT_WITH_KEY"}


def queue_events_of(call: str, visit: Visit, numbers: Any) -> list[dict[str, str]]:
    joined = {"CC-Member-Joined-Time": str(int(visit.joined))}

    def event(at, action, **more):
        about = {"Event-Subclass": "callcenter::info", "Core-UUID": "c-01", "CC-Action": action}
        about |= {"Event-Sequence": str(next(numbers)), "Event-Date-Timestamp": str(int(at * 1e6))}
        about |= {"CC-Queue": visit.queue, "CC-Member-UUID": f"m-{call}", "CC-Member-Session-UUID": call}
        return about | {name.replace("_", "-"): text for name, text in more.items()}

    events = [event(visit.joined, "member-queue-start")]
    for agent, at in visit.missed:
        events.append(event(at - 4, "agent-offering", CC_Agent=agent))
        events.append(event(at, "bridge-agent-fail", CC_Agent=agent, CC_Hangup_Cause="NO_ANSWER"))
    if visit.how in REASONS:
        gone = {"CC_Cause": "Cancel", "CC_Cancel_Reason": REASONS[visit.how]}
        gone |= {"CC-Member-Leaving-Time": str(int(visit.left))} | joined
        return [*events, event(visit.left, "member-queue-end", **gone)]
    answered = {"CC-Agent": visit.agent, "CC-Agent-Answered-Time": str(int(visit.left))} | joined
    events.append(event(visit.left, "bridge-agent-start", **answered))
    events.append(event(visit.hung_up, "bridge-agent-end", CC_Agent=visit.agent))
    return [*events, event(visit.hung_up, "member-queue-end", CC_Cause="Terminated", **joined)]


def records_of(call: str, visits: list[Visit]) -> list[dict[str, Any]]:
    """What mod_json_cdr posts in the end: the member's leg, which knows its last queue, and the agent's."""
    last = visits[-1]
    epochs = {"start_epoch": visits[0].joined, "end_epoch": last.hung_up or last.left, "answer_epoch": last.left}
    epochs |= {"cc_queue_joined_epoch": last.joined}
    epochs |= {"cc_queue_answered_epoch" if last.agent else "cc_queue_canceled_epoch": last.left}
    how = {"cc_cause": "answered"} if last.agent else {"cc_cause": "cancel", "cc_cancel_reason": REASONS[last.how]}
    told = {"cc_queue": last.queue, "cc_agent": last.agent or "", "cc_member_session_uuid": call, **how}
    told |= {name: str(int(at)) for name, at in epochs.items()}
    legs = [{"uuid": call, "cc_side": "member"}]
    if last.agent:
        held = sum(int(over - begun) for begun, over in last.holds)
        legs.append({"uuid": f"{call}-b", "cc_side": "agent", "hold_accum_seconds": str(held)})
    return [{"core-uuid": "c-01", "variables": told | leg} for leg in legs]


@pytest.mark.parametrize("seed", DAY)
def test_the_feeds_of_one_freeswitch_agree_on_a_day_of_calls(seed):
    chance = random.Random(seed)
    call, visits, numbers = f"u-{seed}", a_call(chance, (*REASONS, "caller"), 3), iter(range(1, 100))
    events = said("freeswitch_events", *(each for v in visits for each in queue_events_of(call, v, numbers)))
    records = said("freeswitch_cdr", *records_of(call, visits))
    truth = calls(events)[call]
    assert len(truth.visits) == len(visits)
    both = calls(shuffled(events, records))[call]
    agree(both, truth)
    held = sum(int(over - begun) for begun, over in visits[-1].holds) if visits[-1].agent else 0
    assert sum(leg.hold_ms for leg in both.legs) == held * 1000
    assert both.state == "ended"
    if len(visits) == 1:
        record = calls(records)[call]
        assert seen(record)[:3] == seen(truth)[:3]
        assert durations(record) == pytest.approx(durations(truth), abs=1.001)


# Twilio


def task_events_of(call: str, visits: list[Visit]) -> list[dict[str, str]]:
    """TaskRouter's events of a call, as the fields of Event Streams; agents wrap up for twenty seconds."""
    numbers = iter(range(100))

    def event(at, kind, queue=None, agent=None, **more):
        about = {"event_type": kind, "sid": f"EV-{call}-{next(numbers)}", "timestamp_ms": str(int(at * 1000))}
        about |= {"task_sid": f"WT-{call}", "task_attributes": orjson.dumps({"call_sid": call}).decode()}
        return {**about, **more, **{n: v for n, v in (("task_queue_name", queue), ("worker_name", agent)) if v}}

    events = [event(visits[0].joined, "task.created")]
    for visit in visits:
        events.append(event(visit.joined, "task-queue.entered", visit.queue))
        events += [event(at, "reservation.timeout", visit.queue, agent) for agent, at in visit.missed]
        if visit.how == "timeout":
            events.append(event(visit.left, "task-queue.timeout", visit.queue))
            over = {"task_canceled_reason": "Task TTL Exceeded"}
        elif visit.how == "abandon":
            over = {"task_canceled_reason": "hangup"}
        else:
            events.append(event(visit.left, "reservation.accepted", visit.queue, visit.agent))
            events.append(event(visit.hung_up, "reservation.wrapup", visit.queue, visit.agent))
            events.append(event(visit.hung_up, "task.wrapup", visit.queue, visit.agent))
            events.append(event(visit.hung_up + 20, "reservation.completed", visit.queue, visit.agent))
            events.append(event(visit.hung_up + 20, "task.completed", visit.queue, visit.agent))
            return events
    return [*events, event(visits[-1].left + 0.05, "task.canceled", visits[-1].queue, **over)]


def line_of(call: str, visits: list[Visit]) -> list[bytes]:
    """The voice callbacks of the caller's line: whole seconds, numbered."""
    begun, over = visits[0].joined, visits[-1].hung_up or visits[-1].left
    steps = (("initiated", begun - 2), ("in-progress", begun - 1), ("completed", over))
    return [
        form(CallSid=call, CallStatus=status, Timestamp=format_datetime(datetime.fromtimestamp(int(at), UTC)),
             SequenceNumber=number, Direction="inbound", From="+33199001234")
        for number, (status, at) in enumerate(steps)
    ]  # fmt: skip


def as_callback(event: dict[str, str]) -> bytes:
    return form(**{"".join(word.capitalize() for word in name.split("_")): text for name, text in event.items()})


def as_stream(event: dict[str, str]) -> dict[str, Any]:
    payload = {name: text for name, text in event.items() if name not in ("event_type", "sid")}
    data = {"sid": event["sid"], "payload": payload}
    return {"id": f"NO-{event['sid']}", "type": f"com.twilio.taskrouter.{event['event_type']}", "data": data}


@pytest.mark.parametrize("seed", DAY)
def test_the_feeds_of_one_twilio_agree_on_a_day_of_calls(seed):
    chance = random.Random(seed)
    call, visits = f"CA{seed}", a_call(chance, ("abandon", "timeout", "caller"), 3)
    events = task_events_of(call, visits)
    callbacks = said("twilio_taskrouter", *map(as_callback, events))
    streamed = said("twilio_events", *map(as_stream, events))
    line = said("twilio_voice", *line_of(call, visits))
    truth = calls(callbacks)[call]
    assert [v.queue for v in truth.visits] == [v.queue for v in visits]
    assert calls(streamed)[call].visits == truth.visits
    for told in ((streamed, line), (callbacks, line), (callbacks, streamed, line)):
        agree(calls(shuffled(*told))[call], truth)
    assert [leg.wrapup_ms for leg in truth.legs] == [20_000] * len(truth.legs)


# Amazon Connect


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def contact_of(contact: str, visit: Visit) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The events of a contact, and its record a minute after it."""
    over = visit.hung_up or visit.left
    detail = {"contactId": contact, "channel": "VOICE", "initiationMethod": "INBOUND"}
    detail |= {"initiationTimestamp": iso(visit.joined - 5), "disconnectTimestamp": iso(over)}
    queued = {"queueInfo": {"queueArn": f"arn:queue/{visit.queue}", "enqueueTimestamp": iso(visit.joined)}}
    taken = {"agentInfo": {"agentArn": f"arn:agent/{visit.agent}", "connectedToAgentTimestamp": iso(visit.left)}}
    steps = [("INITIATED", visit.joined - 5, {}), ("QUEUED", visit.joined, queued)]
    steps += [("CONNECTED_TO_AGENT", visit.left, queued | taken)] if visit.agent else []
    steps.append(("DISCONNECTED", over, queued | (taken if visit.agent else {})))
    events = [
        {"id": f"{kind}-{contact}", "time": iso(at), "detail": {"eventType": kind, **detail, **more}}
        for kind, at, more in steps
    ]
    held = sum(int(until - since) for since, until in visit.holds)
    record: dict[str, Any] = {"ContactId": contact, "LastUpdateTimestamp": iso(over + 60), "Channel": "VOICE"}
    record |= {"InitiationMethod": "INBOUND", "InitiationTimestamp": iso(visit.joined - 5)}
    record |= {"DisconnectTimestamp": iso(over), "DisconnectReason": "CUSTOMER_DISCONNECT"}
    record["Queue"] = {"Name": visit.queue, "EnqueueTimestamp": iso(visit.joined), "DequeueTimestamp": iso(visit.left)}
    record["Queue"]["Duration"] = round(visit.left - visit.joined)
    if visit.agent:
        record["Agent"] = {"Username": visit.agent, "ConnectedToAgentTimestamp": iso(visit.left)}
        record["Agent"] |= {"AgentInteractionDuration": max(visit.talk - held, 0), "CustomerHoldDuration": held}
    return events, record


@pytest.mark.parametrize("seed", DAY)
def test_the_feeds_of_one_amazon_connect_agree_on_a_day_of_calls(seed):
    contact, (visit, *_) = f"c-{seed}", a_call(random.Random(seed), ("abandon", "caller"), 1)
    told, written = contact_of(contact, visit)
    events, record = said("amazon_connect_events", *told), said("amazon_connect_records", written)
    old = said("amazon_connect_records", written | {"LastUpdateTimestamp": iso(visit.joined), "Agent": None})
    truth = calls(record)[contact]
    assert calls(shuffled(events, record, old))[contact].visits == truth.visits
    agree(calls(shuffled(events, record, old))[contact], truth)
    agree(calls(events)[contact], truth)


def test_a_day_has_calls_of_every_kind():
    day = [visit for seed in DAY for visit in a_call(random.Random(seed), WAYS, 3)]
    assert {visit.how for visit in day} == set(WAYS)
    assert {visit.goes_on for visit in day if visit.how in ("timeout", "empty")} == {True, False}
    assert any(visit.holds for visit in day)
    assert orjson.dumps([visit.queue for visit in day])
