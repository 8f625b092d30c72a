"""FreeSWITCH's detail records as mod_json_cdr posts them, one document a leg (FORMATS section 5; `mod_json_cdr.c`).

An answered channel is no answered call: only what mod_callcenter notes of it says that an agent came.
"""

import base64
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

import orjson

from gateway.adapters.freeswitch_events import BY_EVENT, BY_RECORD, exit_of, told_twice, visit
from gateway.adapters.items import Item, Parameters
from gateway.adapters.proofs import PASSWORD, Callback
from gateway.adapters.reading import (
    LATIN_1,
    Document,
    Fact,
    Malformed,
    between,
    documents,
    item,
    noted,
    number,
    numbers,
    since_1970,
)
from gateway.sources import Source
from services.kernel.values import FieldError

Variables = Mapping[str, str]

_FORM = re.compile(rb"^(?:[\w-]+=[^&\n]*&)*cdr=", re.MULTILINE)  # the field, whichever stand before it
RAW = ("duration", "billsec", "mduration", "hangup_cause", "hangup_cause_q850", "sip_hangup_disposition", "cc_exit_key")

# Beside what mod_callcenter sets; a record has a hundred others, and decoding them took longer than all else.
READ = frozenset(
    {*RAW, "uuid", "start_epoch", "end_epoch", "answer_epoch", "direction", "originating_leg_uuid",
     "hold_accum_seconds"}
)  # fmt: skip


class FreeswitchCdr:
    """Reads detail records: JSON, JSON in base64, or either as the form field `cdr`; also one a line."""

    name = "freeswitch_cdr"
    path = "/v1/telephony/freeswitch/cdr"
    summary = "Send FreeSWITCH's detail records of mod_json_cdr."
    media_types = ("application/json", "application/x-www-form-urlencoded", "application/x-www-form-base64-encoded")
    parameters: Mapping[str, str] = MappingProxyType({})
    callback = Callback(PASSWORD)

    def items(self, body: bytes, source: Source, _given: Parameters) -> Iterator[Item]:
        """Each document."""
        for document in _documents(body):
            if isinstance(document, FieldError):
                yield Item(fault=document)
            else:
                yield _item(document, source)


def _documents(body: bytes) -> Iterator[Document | FieldError]:
    body = body.removeprefix(BOM_UTF8).strip()
    if body[:1] in (b"{", b"[") and not _FORM.search(body):
        yield from documents(body)
        return
    try:
        orjson.loads(whole := _uncovered(body))
    except orjson.JSONDecodeError:  # one a line, or none of ours
        for line in body.split(b"\n"):
            if line.strip():
                yield from documents(_uncovered(line.strip()))
    else:
        yield from documents(whole)


def _uncovered(written: bytes) -> bytes:
    """The JSON of a body or of a line."""
    if form := _FORM.match(written):
        written = written[form.end() :]
    if written[:1] in (b"{", b"["):
        return written
    value = unquote_to_bytes(written.partition(b"&")[0])
    if value[:1] in (b"{", b"["):
        return value
    try:
        return base64.b64decode(b"".join(value.split()), validate=True).rstrip(b"\0")
    except ValueError:
        return written


def _item(document: Document, source: Source) -> Item:
    variables = document.get("variables")
    if not isinstance(variables, dict):
        return item(None, source, ())
    core = str(document.get("core-uuid", ""))
    plain = {
        name: str(value)
        for name, value in variables.items()
        if (name in READ or name.startswith("cc_")) and isinstance(value, str | int | float)
    }
    if "%" in str(variables.get("start_stamp", "%")):  # values are URL-encoded unless encode-values says otherwise
        plain = {name: unquote(value, errors=LATIN_1) for name, value in plain.items()}
    id_ = f"{core}-{plain['uuid']}" if plain.get("uuid") else None
    return item(id_, source, _facts(plain, _profile(document), source))


def _profile(document: Document) -> Mapping[str, Any]:
    """The caller's profile of the last step of the call's way."""
    flow = document.get("callflow")
    first = flow[0] if isinstance(flow, list) and flow else flow
    profile = first.get("caller_profile") if isinstance(first, dict) else None
    return profile if isinstance(profile, dict) else {}


def _facts(said: Variables, profile: Mapping[str, Any], source: Source) -> Iterator[Fact]:
    if said.get("cc_side") == "agent":
        yield from _agents_leg(said)
        return
    call = {"call_id": said["uuid"]}
    queue = said.get("cc_queue")
    began = needed_time(said, "start_epoch")
    caller, called = (
        unquote(str(profile.get(name) or ""), errors=LATIN_1) for name in ("caller_id_number", "destination_number")
    )
    known, other = numbers(source, **{"from": caller, "to": called})
    direction = said.get("direction")
    yield {
        **call,
        "type": "call.started",
        "occurred_at": began,
        "direction": direction if direction in ("inbound", "outbound") else None,
        "parent_call_id": said.get("originating_leg_uuid"),
        **known,
        "data": {"raw": other} if other else None,
    }
    if queue and (joined := since_1970(said.get("cc_queue_joined_epoch"))):
        yield visit({**call, "type": "call.queued", "occurred_at": joined, "queue": queue}, BY_RECORD)
        yield from _exit(call | {"queue": queue}, said)
    ended = needed_time(said, "end_epoch", "start_epoch")
    raw = {name: said[name] for name in RAW if said.get(name)} or None
    fact = {**call, "type": "call.ended", "occurred_at": ended, "data": {"cause": said.get("hangup_cause"), "raw": raw}}
    yield told_twice(fact, "ended", BY_EVENT)


def _exit(about: Fact, said: Variables) -> Iterator[Fact]:
    joined, answered = said.get("cc_queue_joined_epoch"), said.get("cc_queue_answered_epoch")
    cause, agent = said.get("cc_cause", "").lower(), said.get("cc_agent")
    if (at := since_1970(answered)) and cause != "cancel":
        wait = {"wait_seconds": between(joined, answered)}
        yield visit({**about, "type": "call.answered", "occurred_at": at, "agent": agent, "data": wait}, BY_RECORD)
        if agent:
            ended = needed_time(said, "cc_queue_terminated_epoch", "end_epoch")
            yield _leg_ended({**about, "agent": agent, "occurred_at": ended}, said)
        if location := said.get("cc_record_filename"):
            yield {**about, "type": "call.recorded", "occurred_at": at, "data": {"location": location}}
    elif cause == "cancel":
        gone = said.get("cc_queue_canceled_epoch")
        left = {**about, "occurred_at": needed_time(said, "cc_queue_canceled_epoch", "end_epoch")}
        reason = said.get("cc_cancel_reason", "NONE")
        fact = exit_of(left, reason, between(joined, gone), BY_RECORD)
        if not fact and reason != "NONE":  # the end of the call ends the visit
            queue = {name: text for name, text in said.items() if name.startswith("cc_")}
            fact = noted(f"cc_cancel_reason {reason}"[:200], queue, **left)
        yield fact


def _agents_leg(said: Variables) -> Iterator[Fact]:
    """What the agent's own channel adds to the member's call: how long it held the member."""
    call, agent = said.get("cc_member_session_uuid") or said.get("cc_member_uuid"), said.get("cc_agent")
    if call and agent and since_1970(said.get("answer_epoch")):
        ended = needed_time(said, "end_epoch")
        yield _leg_ended({"call_id": call, "queue": said.get("cc_queue"), "agent": agent, "occurred_at": ended}, said)


def _leg_ended(about: Fact, said: Variables) -> Fact:
    # A channel that held nobody does not say that the other one did not either.
    hold = number(said.get("hold_accum_seconds"), "hold_accum_seconds") or None
    return {**about, "type": "call.leg_ended", "data": {"hold_seconds": hold}}


def needed_time(said: Variables, *names: str) -> str:
    """The first of these instants that is there, from seconds since 1970."""
    for name in names:
        if stamp := since_1970(said.get(name)):
            return stamp
    raise Malformed(f"It has no {' or '.join(names)}.")
