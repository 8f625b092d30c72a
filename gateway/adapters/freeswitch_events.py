"""FreeSWITCH's mod_callcenter events as JSON (FORMATS section 4; freeswitch `mod_callcenter.c`).

A call is the member's channel, by which mod_json_cdr knows it too. What a detail record tells again of a queue counts
only where no event told it: the events know every visit, the record the last one. Therefore facts of both bear a
`record` for each thing that is told twice, and the better source the greater version.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

import orjson

from gateway.adapters.items import Item, Parameters
from gateway.adapters.proofs import PASSWORD, Callback
from gateway.adapters.reading import (
    LATIN_1,
    Fact,
    between,
    documents,
    item,
    needed,
    noted,
    numbers,
    since_1970,
    without,
)
from gateway.sources import Source
from services.kernel.values import FieldError

Headers = Mapping[str, str]

OURS = "callcenter%3A%3Ainfo"  # the subclass as it is written where values are URL-encoded
SIGNS: Mapping[str, tuple[str, ...]] = {
    "Logged Out": ("agent.signed_out",),
    # Which status it was before, nobody says: whoever was not on a break is not called back from one by this.
    "Available": ("agent.signed_in", "agent.resumed"),
    "Available (On Demand)": ("agent.signed_in", "agent.resumed"),
    "On Break": ("agent.paused",),
}
NOT_THE_AGENTS_FAULT = frozenset({"ORIGINATOR_CANCEL", "LOSE_RACE", "PICKED_OFF"})
EXITS = {"TIMEOUT": "timeout", "NO_AGENT_TIMEOUT": "no_agents", "EXIT_WITH_KEY": "key"}
READ = frozenset(
    {"CC-Action", "CC-Queue", "CC-Agent", "CC-Member-UUID", "CC-Member-Session-UUID", "CC-Member-CID-Number",
     "CC-Member-CID-Name", "CC-Hangup-Cause", "CC-Agent-Status", "CC-Agent-State"}
)  # fmt: skip
BY_EVENT, BY_RESUME, BY_RECORD = "3", "2", "1"


class FreeswitchEvents:
    """Reads events of a queue and its agents; other events are kept with their channel."""

    name = "freeswitch_events"
    path = "/v1/telephony/freeswitch/events"
    summary = "Send FreeSWITCH's mod_callcenter events."
    media_types = ("application/json", "application/x-ndjson")
    parameters: Mapping[str, str] = MappingProxyType({})
    callback = Callback(PASSWORD)

    def items(self, body: bytes, source: Source, _given: Parameters) -> Iterator[Item]:
        """Each event."""
        for document in documents(body):
            if isinstance(document, FieldError):
                yield Item(fault=document)
                continue
            headers = _plain(document)
            about_queue = {name: text for name, text in headers.items() if name.startswith("CC-")}
            yield item(_id(headers), source, _facts(headers, source), without(about_queue, READ))


def _plain(document: Mapping[str, Any]) -> Headers:
    encoded = document.get("Event-Subclass") == OURS or (
        "Event-Subclass" not in document and "%3A" in str(document.get("Event-Date-Local", ""))
    )
    texts = {
        name: str(value) for name, value in document.items() if value != "" and isinstance(value, str | int | float)
    }
    return {name: unquote(text, errors=LATIN_1) for name, text in texts.items()} if encoded else texts


def _id(headers: Headers) -> str:
    core, sequence = headers.get("Core-UUID"), headers.get("Event-Sequence")
    if core and sequence:
        return f"{core}-{sequence}"
    return hashlib.blake2b(orjson.dumps(headers, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def _facts(headers: Headers, source: Source) -> Iterator[Fact]:
    action = headers.get("CC-Action")
    if action is None:
        yield _noted(headers, needed(headers, "Event-Subclass", "Event-Name"))
    elif (rule := RULES.get(action)) is None:
        yield _noted(headers, action)
    else:
        yield from rule(headers, source)


def _at(headers: Headers, *names: str) -> str:
    """When it happened: to the microsecond where the event is stamped, else by its own times, of whole seconds."""
    stamps = [since_1970(headers.get("Event-Date-Timestamp"), 1_000_000)]
    stamps += [since_1970(headers.get(name)) for name in names]
    found = next((stamp for stamp in stamps if stamp), None)
    return found or needed({}, "Event-Date-Timestamp", *names)


def _about(headers: Headers, kind: str, *times: str, **fields: Any) -> Fact:
    return {
        "type": kind,
        "call_id": needed(headers, "CC-Member-Session-UUID", "CC-Member-UUID"),
        "queue": headers.get("CC-Queue"),
        "occurred_at": _at(headers, *times),
        **fields,
    }


def told_twice(fact: Fact, what: str, version: str) -> Fact:
    """The fact as one of those that tell the same of a call; of them the ones of the greatest version count."""
    return fact | {"record": f"{fact['call_id']}:{what}"[:200], "record_version": version}


def visit(fact: Fact, version: str) -> Fact:
    """A fact that begins or ends the wait in a queue."""
    what = "queued" if fact["type"] == "call.queued" else "exit"
    return told_twice(fact, f"{fact.get('queue') or ''}:{what}", version)


def _noted(headers: Headers, original: str) -> Fact:
    call = headers.get("CC-Member-Session-UUID") or headers.get("CC-Member-UUID") or headers.get("Unique-ID")
    agent = headers.get("CC-Agent")
    fact = noted(original, dict(headers), call_id=call, agent=agent)
    return fact and {**fact, "queue": headers.get("CC-Queue"), "occurred_at": _at(headers)}


def _queued(headers: Headers, source: Source) -> Iterator[Fact]:
    known, other = numbers(source, **{"from": headers.get("CC-Member-CID-Number")})
    raw = {"caller_number": other.get("from"), "caller_name": headers.get("CC-Member-CID-Name")}
    told = {name: text for name, text in raw.items() if text}
    fact = _about(headers, "call.queued", "CC-Member-Joined-Time", **known, data={"raw": told} if told else None)
    yield visit(fact, BY_EVENT if headers["CC-Action"] == "member-queue-start" else BY_RESUME)


def _offering(headers: Headers, _source: Source) -> Iterator[Fact]:
    yield _about(headers, "call.ringing", "CC-Agent-Called-Time", agent=needed(headers, "CC-Agent"))


def _answered(headers: Headers, _source: Source) -> Iterator[Fact]:
    answered = headers.get("CC-Agent-Answered-Time")
    data = {
        "wait_seconds": between(headers.get("CC-Member-Joined-Time"), answered),
        "ring_seconds": between(headers.get("CC-Agent-Called-Time"), answered),
    }
    agent = needed(headers, "CC-Agent")
    yield visit(_about(headers, "call.answered", "CC-Agent-Answered-Time", agent=agent, data=data), BY_EVENT)


def _not_answered(headers: Headers, _source: Source) -> Iterator[Fact]:
    cause = headers.get("CC-Hangup-Cause")
    data = {
        "ring_seconds": between(headers.get("CC-Agent-Called-Time"), headers.get("CC-Agent-Aborted-Time")),
        "cancelled": True if cause in NOT_THE_AGENTS_FAULT else None,
        "raw": {"hangup_cause": cause} if cause else None,
    }
    agent = needed(headers, "CC-Agent")
    yield _about(headers, "call.ring_no_answer", "CC-Agent-Aborted-Time", agent=agent, data=data)


def _leg_ended(headers: Headers, _source: Source) -> Iterator[Fact]:
    data = {"cause": headers.get("CC-Hangup-Cause")}
    agent = needed(headers, "CC-Agent")
    yield _about(headers, "call.leg_ended", "CC-Bridge-Terminated-Time", agent=agent, data=data)


def _left(headers: Headers, _source: Source) -> Iterator[Fact]:
    cause, reason = headers.get("CC-Cause", ""), headers.get("CC-Cancel-Reason", "NONE")
    wait = between(headers.get("CC-Member-Joined-Time"), headers.get("CC-Member-Leaving-Time"))
    fact = _about(headers, "call.ended", "CC-Member-Leaving-Time")
    if cause.lower() == "cancel" and reason != "NONE":
        yield exit_of(fact, reason, wait, BY_EVENT) or _noted(headers, f"member-queue-end {reason}")
    else:
        yield told_twice(fact, "ended", BY_RECORD)  # when the line itself was free, the detail record knows


def exit_of(fact: Fact, reason: str, wait: float | None, version: str) -> Fact:
    """The fact of a member who left without an agent, from the reason that both feeds name; {} of an unknown one."""
    if reason == "BREAK_OUT":
        return visit(fact | {"type": "call.abandoned", "data": {"wait_seconds": wait}}, version)
    if reason not in EXITS:
        return {}
    return visit(fact | {"type": "call.queue_left", "data": {"reason": EXITS[reason], "wait_seconds": wait}}, version)


def _status(headers: Headers, _source: Source) -> Iterator[Fact]:
    status, agent = needed(headers, "CC-Agent-Status"), needed(headers, "CC-Agent")
    if status not in SIGNS:
        yield _noted(headers, f"agent-status-change {status}")
    for kind in SIGNS.get(status, ()):
        data = {"reason": status} if kind == "agent.paused" else None
        yield {"type": kind, "agent": agent, "occurred_at": _at(headers), "data": data}


def _state(headers: Headers, _source: Source) -> Iterator[Fact]:
    yield {
        "type": "agent.state_changed",
        "agent": needed(headers, "CC-Agent"),
        "occurred_at": _at(headers),
        "data": {"state": needed(headers, "CC-Agent-State")},
    }


RULES: Mapping[str, Callable[[Headers, Source], Iterator[Fact]]] = {
    "member-queue-start": _queued,
    "member-queue-resume": _queued,
    "agent-offering": _offering,
    "bridge-agent-start": _answered,
    "bridge-agent-fail": _not_answered,
    "bridge-agent-end": _leg_ended,
    "member-queue-end": _left,
    "agent-status-change": _status,
    "agent-state-change": _state,
}
