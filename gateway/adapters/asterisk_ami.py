"""Events of Asterisk's manager interface, as JSON (FORMATS section 3).

Keys are as AMI writes them, in any case, since Asterisk's versions differ in it; values are text. What an event says
becomes a fact; what a fact has no field for stays in `data.raw`; what an event merely implies is left to the fold.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from gateway.adapters.asterisk_channels import device
from gateway.adapters.asterisk_records import AMI, Told, record
from gateway.adapters.items import Item, Parameters
from gateway.adapters.phone_numbers import e164
from gateway.adapters.reading import documents
from gateway.sources import Source
from services.kernel.values import FieldError

_EPOCH = re.compile(r"(\d{10})(?:\.(\d{1,6}))?")
_NUMBER = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?")
NO_KEY = ("", "")
NOTHING_SAID = frozenset({"", "<unknown>", "<none>"})


class Rule(NamedTuple):
    """What an event means: the fact's type, where its numbers go, what is always so, and what the log may tell too."""

    type: str
    places: Mapping[str, str] = {}
    always: Mapping[str, Any] = {}
    told: Told | None = None


_JOIN = Rule("call.queued", {"position": "position"}, told="entered")
_WAITED = {"holdtime": "wait_seconds", "ringtime": "ring_seconds"}
# TalkTime runs from the answer to the end, whatever was held meanwhile (app_queue.c: time(NULL) - starttime).
_COMPLETED = {"holdtime": "wait_seconds", "talktime": "talk_seconds"}
_GROSS = {"talk_includes_hold": True}
_ENDED = Rule("call.ended", _COMPLETED, _GROSS, "completed")
_TRANSFERRED = Rule("call.transferred", {"talktime": "talk_seconds"}, _GROSS, "completed")
_GAVE_UP = {"position": "position", "holdtime": "wait_seconds"}
# Sent of every exit, answers included; of one alone where the caller has pressed a key.
_LEFT = Rule("call.queue_left", always={"reason": "key", "tentative": True})
_PAUSED, _RESUMED, _STATE = Rule("agent.paused"), Rule("agent.resumed"), Rule("agent.state_changed")

RULES: Mapping[str, Rule] = {
    "queuecallerjoin": _JOIN,
    "join": _JOIN,  # until Asterisk 11
    # Also sent when a caller is sent on after the time-out or for want of agents: what follows, or the log, tells.
    "queuecallerabandon": Rule("call.abandoned", _GAVE_UP, {"tentative": True}, told="left"),
    "queuecallerleave": _LEFT,
    "leave": _LEFT,  # until Asterisk 11
    "agentcalled": Rule("call.ringing"),
    "agentconnect": Rule("call.answered", _WAITED, told="answered"),
    # Milliseconds, whatever the documentation says: `rna()` of app_queue.c gives the same `rnatime` to this event, to
    # RINGNOANSWER of the log and to the message "Nobody picked up in %d ms". AgentConnect's are seconds.
    "agentringnoanswer": Rule("call.ring_no_answer", {"ringtime": "ring_milliseconds"}, told="missed"),
    "agentdump": Rule("call.ring_no_answer", told="dumped"),
    "agentcomplete": _ENDED,
    "queuememberadded": Rule("agent.signed_in"),
    "queuememberremoved": Rule("agent.signed_out"),
    "queuememberpause": _PAUSED,
    "queuememberpaused": _PAUSED,  # until Asterisk 11
    "queuememberstatus": _STATE,
    "queuememberpenalty": _STATE,
    "queuememberringinuse": _STATE,
    "hold": Rule("call.held"),
    "unhold": Rule("call.resumed"),
}
# Answers to actions and moving averages.
WITHOUT_FACT = frozenset(
    {
        "queueparams", "queuemember", "queueentry", "queuestatuscomplete", "queuesummary",
        "queuesummarycomplete", "fullybooted", "successfulauth", "challengesent",
    }
)  # fmt: skip
# Events of a channel that may be the caller's or the agent's; what they have in common is the call that began it all.
OF_EITHER_SIDE = frozenset({"hold", "unhold"})
MEMBER = ("membername", "agentname", "interface", "agentcalled", "member", "location")
STATES = {
    "0": "unknown", "1": "not_in_use", "2": "in_use", "3": "busy", "4": "invalid", "5": "unavailable", "6": "ringing",
    "7": "ringing_in_use", "8": "on_hold",
}  # fmt: skip


class Event:
    """An event; whoever reads a key uses it up, and what nobody used is `rest`."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = {name.casefold(): (name, value) for name, value in given.items()}
        self._used = {"event", "privilege", "received_at", "timestamp"}
        self.name = self.peek("event")
        self.kind = self.name.casefold()

    def peek(self, name: str) -> str:
        """The value as text; empty where Asterisk says nothing. Of a key that came several times, the first value."""
        value = self._given.get(name, NO_KEY)[1]
        if value.__class__ is list:
            value = value[0] if value else ""
        text = str(value).strip() if isinstance(value, str | int | float) else ""
        return "" if text in NOTHING_SAID else text

    def first(self, names: Sequence[str]) -> str | None:
        """The first of these keys that says something."""
        return next((name for name in names if name in self._given and self.peek(name)), None)

    def spelt(self, name: str) -> str:
        """A key as the event spells it."""
        return str(self._given[name][0])

    def use(self, name: str) -> str:
        """Likewise, and the key is used up."""
        self._used.add(name)
        return self.peek(name)

    def rest(self) -> dict[str, Any]:
        """What is left and says something."""
        return {
            name: value
            for key, (name, value) in self._given.items()
            if key not in self._used and not (isinstance(value, str) and value.strip() in NOTHING_SAID)
        }


class Unusable(Exception):  # noqa: N818 - becomes the event's verdict
    """The event cannot become a fact."""

    def __init__(self, key: str, code: str, remedy: str) -> None:
        super().__init__(remedy)
        self.fault = FieldError(f"/{key}", code, remedy)


class AsteriskAmi:
    """Reads events of the manager interface."""

    name = "asterisk_ami"
    path = "/v1/telephony/asterisk/ami"
    summary = "Send events of an Asterisk manager interface as JSON: one, an array, or one a line."
    media_types = ("application/json", "application/x-ndjson")
    parameters: Mapping[str, str] = MappingProxyType({})

    def items(self, body: bytes, source: Source, given: Parameters) -> Iterator[Item]:  # noqa: ARG002 - takes none
        """Each event."""
        for each in documents(body):
            yield Item(fault=each) if isinstance(each, FieldError) else _item(Event(each), source)


def _item(event: Event, source: Source) -> Item:
    try:
        stamp, occurred_at = _time(event)
        facts = list(_facts(event, source))
    except Unusable as unusable:
        return Item(fault=unusable.fault)
    event_id = _id(event, stamp)
    for number, fact in enumerate(facts, start=1):
        fact["id"] = event_id if len(facts) == 1 else f"{event_id}-{number}"
        fact["source"] = source.name
        fact["occurred_at"] = occurred_at
    return Item(tuple(facts), id=event_id)


def _id(event: Event, stamp: str) -> str:
    """AMI numbers nothing: an event is known by what it says of whom, and when."""
    said = "\x1f".join((event.name, event.peek("uniqueid"), event.peek("queue"), _member(event), stamp))
    return f"ami-{hashlib.blake2b(said.encode(), digest_size=16).hexdigest()}"


def _time(event: Event) -> tuple[str, str]:
    """When it happened, as written and as an instant: Asterisk's own stamp, else when a shipper had it."""
    if not event.name:
        raise Unusable("Event", "required", "Give an event with its keys as AMI writes them; answers are none.")
    name = "Timestamp" if event.peek("timestamp") else "received_at"
    stamp = event.peek(name.casefold())
    if not stamp:
        remedy = "Set timestampevents=yes in manager.conf, or send when you had the event as received_at."
        raise Unusable("Timestamp", "telephony.time_missing", remedy)
    if epoch := _EPOCH.fullmatch(stamp):
        whole = datetime.fromtimestamp(int(epoch[1]), UTC).replace(tzinfo=None).isoformat()
        return stamp, f"{whole}.{epoch[2]}Z" if epoch[2] else f"{whole}Z"
    if name == "Timestamp":
        raise Unusable(name, "invalid_instant", "Give seconds since 1970, as AMI does: 1767607190.101000.")
    return stamp, stamp


def _member(event: Event) -> str:
    """The agent as the queue names it: the member's name, else its interface."""
    name = event.first(MEMBER)
    return event.peek(name) if name else ""


def _facts(event: Event, source: Source) -> Iterator[dict[str, Any]]:
    if event.kind in WITHOUT_FACT:
        return
    rule = RULES.get(event.kind)
    if rule is None:
        yield from _noted(event)
    elif rule.type.startswith("call."):
        if event.kind == "agentcomplete":
            reason = event.use("reason").casefold()
            rule = _TRANSFERRED if reason == "transfer" else _ENDED
            if reason in ("caller", "agent"):
                rule = rule._replace(always={"by": reason, **rule.always})
        yield _of_call(rule, event, source)
    else:
        yield from _of_agent(rule, event)


def _of_call(rule: Rule, event: Event, source: Source) -> dict[str, Any]:
    root = event.use("linkedid")
    if event.kind in OF_EITHER_SIDE:
        call, agent = root or event.peek("uniqueid"), device(event.peek("channel"))
    else:
        # The keys without prefix are of the caller in the queue, those with Dest of the agent's channel.
        call, agent = event.use("uniqueid"), _used_member(event)
    if not call:
        raise Unusable("Uniqueid", "required", f"{event.name} belongs to a call, and names none.")
    if not agent and rule.type in ("call.ringing", "call.ring_no_answer", "call.answered"):
        raise Unusable("MemberName", "required", f"{event.name} belongs to an agent, and names none.")
    queue = event.use("queue") or None
    fact: dict[str, Any] = {"type": rule.type, "call_id": call, "queue": queue, "agent": agent or None}
    fact["root_call_id"] = root or None
    if rule.told is not None:
        fact |= {"record": record(rule.told, call, queue, agent or None), "record_version": AMI}
    if rule is _JOIN and (number := e164(event.peek("calleridnum"), source.default_region)):
        event.use("calleridnum")
        fact["from"] = number
    fact["data"] = {**rule.always, **_measures(rule, event)}
    if rule is not _LEFT:  # which says what the entry has said
        fact["data"] |= _raw(event)
    return fact


def _measures(rule: Rule, event: Event) -> dict[str, Any]:
    """The numbers of an event."""
    measures: dict[str, Any] = {}
    for name, place in rule.places.items():
        text = event.use(name)
        if text and not _NUMBER.fullmatch(text):
            raise Unusable(event.spelt(name), "invalid_field", f"{text[:40]!r} is not a number.")
        if text:
            measures[place] = float(text) if "." in text else int(text)
    if "ring_milliseconds" in measures:
        measures["ring_seconds"] = measures.pop("ring_milliseconds") / 1000
    return measures


def _of_agent(rule: Rule, event: Event) -> Iterator[dict[str, Any]]:
    agent = _used_member(event)
    if not agent:
        raise Unusable("MemberName", "required", f"{event.name} belongs to an agent, and names none.")
    if rule is _STATE:
        # What a device is doing, which is the same in every queue.
        status = event.use("status")
        if not status:
            yield _note("agent", event) | {"agent": agent}
            return
        state = STATES.get(status, status)
        yield {"type": rule.type, "agent": agent, "data": {"state": state} | _raw(event)}
        return
    about: dict[str, Any] = {"agent": agent, "data": {"queues": [queue]} if (queue := event.use("queue")) else {}}
    paused, reason = event.use("paused"), event.use("pausedreason") or event.use("reason")
    because = about["data"] | ({"reason": reason} if reason else {})
    if rule is not _PAUSED:
        yield about | {"type": rule.type, "data": about["data"] | _raw(event)}
        if rule.type == "agent.signed_in" and paused == "1":
            yield about | {"type": _PAUSED.type, "data": because}
    elif paused in ("0", "1"):
        yield about | {"type": (_RESUMED, _PAUSED)[int(paused)].type, "data": because | _raw(event)}
    else:
        raise Unusable("Paused", "invalid_field", f"{event.name}: Paused is {paused[:40]!r}, neither 0 nor 1.")


def _used_member(event: Event) -> str:
    name = event.first(MEMBER)
    return event.use(name) if name else ""


def _noted(event: Event) -> Iterator[dict[str, Any]]:
    """What a site sends of its own, kept as it is; of no call and no agent, there is nothing to hang it on."""
    root = event.peek("linkedid")
    if call := root or event.peek("uniqueid"):
        yield _note("call", event) | {
            "call_id": call,
            "root_call_id": root or None,
            "queue": event.peek("queue") or None,
        }
    elif agent := _member(event):
        yield _note("agent", event) | {"agent": agent}


def _note(family: str, event: Event) -> dict[str, Any]:
    return {"type": f"{family}.noted", "data": {"original_type": event.name, **_raw(event)}}


def _raw(event: Event) -> dict[str, Any]:
    rest = event.rest()
    return {"raw": rest} if rest else {}
