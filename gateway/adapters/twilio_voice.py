"""Twilio's voice status callbacks (FORMATS section 6; Twilio's documentation of the voice status callback).

The line is answered before an agent is: what a callback calls in-progress is no answered call. That comes from
TaskRouter, whose facts meet these in one call where a task names it.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any

from gateway.adapters.items import Item, Parameters
from gateway.adapters.proofs import TWILIO_SIGNATURE, Callback
from gateway.adapters.reading import Fact, Malformed, forms, item, needed, number, numbers
from gateway.sources import Source

Callbacks = Mapping[str, str]

AGENT = "client:"
DIRECTIONS = {"inbound": "inbound", "outbound-api": "outbound", "outbound-dial": "outbound"}
MONTHS = {
    "Jan": "01", "Feb": "02", "Mar": "03", "Apr": "04", "May": "05", "Jun": "06", "Jul": "07", "Aug": "08", "Sep": "09",
    "Oct": "10", "Nov": "11", "Dec": "12",
}  # fmt: skip
# As Twilio writes it; the library, which reads whatever RFC 2822 allows, takes as long as all the rest.
_USUAL = re.compile(r"\w{3}, (?P<day>\d\d) (?P<month>\w{3}) (?P<year>\d{4}) (?P<clock>[\d:]{8}) \+0000", re.ASCII)
USED = frozenset(
    {"CallSid", "ParentCallSid", "CallStatus", "Direction", "From", "To", "Timestamp", "SequenceNumber", "AccountSid",
     "ApiVersion", "RecordingUrl", "CallbackSource"}
)  # fmt: skip


class TwilioVoice:
    """Reads callbacks; `Duration` is in billed minutes and is never taken for a duration."""

    name = "twilio_voice"
    path = "/v1/telephony/twilio/voice"
    summary = "Take Twilio's voice status callbacks."
    media_types = ("application/x-www-form-urlencoded",)
    parameters: Mapping[str, str] = MappingProxyType({})
    callback = Callback(TWILIO_SIGNATURE)

    def items(self, body: bytes, source: Source, _given: Parameters) -> Iterator[Item]:
        """The callback."""
        for said in forms(body):
            yield voice_item(said, source)


def voice_item(said: Callbacks, source: Source) -> Item:
    """What a callback says; its fields are those of the form."""
    call, step = said.get("CallSid"), said.get("SequenceNumber") or said.get("CallStatus")
    return item(f"{call}:{step}" if call and step else None, source, _facts(said, source))


def ended(fact: Fact, version: str) -> Fact:
    """The end of a call, told by the line (version 2) and by the task (1): the line knows when it was free."""
    return fact | {"record": f"{fact['call_id']}:ended", "record_version": version}


def _facts(said: Callbacks, source: Source) -> Iterator[Fact]:
    known, other = numbers(source, **{"from": said.get("From"), "to": said.get("To")})
    parent = said.get("ParentCallSid")
    raw = {name: text for name, text in said.items() if name not in USED} | other
    about: Fact = {
        "call_id": said["CallSid"],
        "occurred_at": _instant(needed(said, "Timestamp")),
        "sequence": number(said.get("SequenceNumber"), "SequenceNumber"),
        "direction": DIRECTIONS.get(said.get("Direction", "")),
        "parent_call_id": parent,
        "root_call_id": parent,
        **known,
        "data": {"raw": raw} if raw else {},
    }
    yield from _progress(needed(said, "CallStatus"), about, _agent(said))
    if said.get("RecordingSid"):
        seconds = number(said.get("RecordingDuration"), "RecordingDuration")
        location = said.get("RecordingUrl") or said["RecordingSid"]
        yield about | {"type": "call.recorded", "data": {"location": location, "seconds": seconds}}


def _progress(status: str, about: Fact, agent: str | None) -> Iterator[Fact]:
    match status:
        case "queued" | "initiated":
            yield about | {"type": "call.started"}
        case "ringing" if agent:
            yield about | {"type": "call.ringing", "agent": agent}
        case "completed" | "failed":
            yield ended(_more(about, "call.ended", cause=status), "2")
        case "busy" | "no-answer":
            if agent:
                yield about | {"type": "call.ring_no_answer", "agent": agent}
            yield ended(_more(about, "call.ended", cause=status), "2")
        case "canceled":
            by = "caller" if about["direction"] == "inbound" else None
            yield ended(_more(about, "call.ended", cause=status, by=by), "2")
        case _:
            yield _more(about, "call.noted", original_type=f"twilio.voice.{status}"[:200])


def _more(about: Fact, kind: str, **data: Any) -> Fact:
    return about | {"type": kind, "data": about["data"] | data}


def _agent(said: Callbacks) -> str | None:
    """The agent whom the leg calls, where it calls one at their browser or softphone."""
    called = said.get("To", "")
    return called.removeprefix(AGENT).partition("?")[0] or None if called.startswith(AGENT) else None


def _instant(written: str) -> str:
    if "T" in written[:11]:  # Event Streams says when in ISO 8601
        return written
    if (usual := _USUAL.fullmatch(written)) and usual["month"] in MONTHS:
        return f"{usual['year']}-{MONTHS[usual['month']]}-{usual['day']}T{usual['clock']}Z"
    try:
        instant = parsedate_to_datetime(written)
    except ValueError as error:
        raise Malformed(f"Timestamp is {written[:40]!r}, not as in: Mon, 05 Jan 2026 10:00:05 +0000.") from error
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).isoformat()
