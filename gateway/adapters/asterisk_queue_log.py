"""Asterisk's queue_log, old and new (FORMATS section 2).

A line is `epoch|call|queue|agent|EVENT|parameters…`. What a line says becomes a fact; what a fact has no field for
stays in `data.raw`; what a line merely implies is left to the fold.
"""

import hashlib
import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from gateway.adapters import asterisk_times
from gateway.adapters.asterisk_queue_log_rules import (
    DIVERTED,
    OUTCALL_BEGAN,
    OUTCALL_ENDED,
    PAUSED,
    RULES,
    TEXTS,
    WITHOUT_FACT,
    Rule,
)
from gateway.adapters.asterisk_records import QUEUE_LOG, Told, record
from gateway.adapters.items import Item, Parameters
from gateway.adapters.phone_numbers import e164
from gateway.adapters.reading import text_of
from gateway.problems import invalid
from gateway.sources import Source
from services.kernel.values import FieldError

NOBODY = "NONE"
NO_CALL = frozenset({NOBODY, "", "MANAGER", "REALTIME", "CLI"})
GENERATION = re.compile(r"[\w.:-]{1,64}", re.ASCII)

_EPOCH = re.compile(r"(\d{10})(?:\.(\d{1,6}))?")
_NUMBER = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?")


class Malformed(Exception):  # noqa: N818 - becomes the line's verdict
    """The line is cut off, or has a value that its event cannot have."""


class Line(NamedTuple):
    """A line's fields; `queue` and `agent` are None where it names none."""

    occurred_at: str
    call: str
    queue: str | None
    agent: str | None
    event: str
    parameters: list[str]


class AsteriskQueueLog:
    """Reads queue_log lines; `generation` and `offset` from a shipper make their ids exact."""

    name = "asterisk_queue_log"
    path = "/v1/telephony/asterisk/queue-log"
    summary = "Send lines of an Asterisk queue_log."
    media_types = ("text/plain",)
    parameters = MappingProxyType(
        {
            "generation": "Names the file, another one after each rotation; makes ids exact together with offset.",
            "offset": "Where in that file the body begins, in bytes.",
        }
    )

    def items(self, body: bytes, source: Source, given: Parameters) -> Iterator[Item]:
        """Each non-blank line."""
        identify = _identities(given)
        position = 0
        for written in body.split(b"\n"):
            # A log that is truncated while Asterisk writes to it begins with a hole, read as NULs.
            line = written.lstrip(b"\0").removeprefix(BOM_UTF8).rstrip(b"\r")
            if line.strip():
                yield _item(line, identify(line, position), source)
            position += len(written) + 1


def _identities(parameters: Parameters) -> Any:
    """How a line gets its id: by its place in the file where the shipper says it, else by what it says."""
    generation, offset = parameters.get("generation"), parameters.get("offset")
    if generation is None and offset is None:
        seen: Counter[bytes] = Counter()

        def by_text(line: bytes, _position: int) -> str:
            digest = hashlib.blake2b(line, digest_size=16).digest()
            seen[digest] += 1
            return f"{digest.hex()}-{seen[digest]}"

        return by_text
    if not (generation and GENERATION.fullmatch(generation) and offset and re.fullmatch(r"[0-9]{1,18}", offset)):
        remedy = "Give generation (letters, digits, _.:-) together with offset (bytes), or neither."
        raise invalid(FieldError("/generation", "invalid_field", remedy))
    begin = int(offset)
    return lambda _line, position: f"{generation}-{begin + position}"


def _item(written: bytes, line_id: str, source: Source) -> Item:
    try:
        line = _read(written, source)
        facts = list(_facts(line, source))
    except Malformed as malformed:
        return Item(fault=FieldError("", "telephony.malformed_line", str(malformed)), id=line_id)
    for number, fact in enumerate(facts, start=1):
        fact["id"] = line_id if len(facts) == 1 else f"{line_id}-{number}"
        fact["source"] = source.name
        fact["occurred_at"] = line.occurred_at
    return Item(tuple(facts), id=line_id)


def _read(written: bytes, source: Source) -> Line:
    text = text_of(written)
    if "\0" in text:
        raise Malformed("The line holds NUL bytes: it was cut off or overwritten.")
    time, *fields = text.split("|")
    if len(fields) < 4 or not fields[3].strip():
        raise Malformed("A line has at least time|call|queue|agent|EVENT: it is cut off.")
    call, queue, agent, event, *parameters = (field.strip() for field in fields)
    named = [None if name in ("", NOBODY) else name for name in (queue, agent)]
    return Line(_instant(time.strip(), call, source), call, named[0], named[1], event.upper(), parameters)


def _instant(text: str, call: str, source: Source) -> str:
    if epoch := _EPOCH.fullmatch(text):
        whole = datetime.fromtimestamp(int(epoch[1]), UTC).replace(tzinfo=None).isoformat()
        return f"{whole}.{epoch[2]}Z" if epoch[2] else f"{whole}Z"
    try:  # the database back end of some versions writes local time
        return asterisk_times.instant(text, source, asterisk_times.created(call)).isoformat()
    except (ValueError, OverflowError) as error:
        raise Malformed(f"{text[:40]!r} is not a time in seconds since 1970: the line is cut off.") from error


def _facts(line: Line, source: Source) -> Iterator[dict[str, Any]]:
    if line.event in WITHOUT_FACT:
        return
    if line.event == "OUTCALL":
        yield from _outcall(line, source)
        return
    rule = DIVERTED if line.event.startswith("DIVERT_") else RULES.get(line.event)
    if rule is None:
        yield from _noted(line)
        return
    yield _fact(rule, line, source)
    if line.event == "ADDMEMBER" and line.parameters[:1] == ["PAUSED"]:
        yield _fact(PAUSED, line._replace(parameters=[]), source)


def _fact(rule: Rule, line: Line, source: Source) -> dict[str, Any]:
    parameters = line.parameters
    if line.event == "ATTENDEDTRANSFER" and len(parameters) > 4:
        # Two or three fields name the target; only from the right are all fields always in the same place.
        parameters = ["|".join(parameters[:-3]), *parameters[-3:]]
    if line.event == "ADDMEMBER":
        parameters = [parameter for parameter in parameters if parameter != "PAUSED"]
    if len(parameters) < rule.fewest:
        raise Malformed(f"{line.event} has at least {rule.fewest} parameters: the line is cut off.")
    fact = _about(rule.type, line, rule.told)
    data, raw = fact["data"], {}
    data.update(rule.always)
    for place, value in zip(rule.places, parameters, strict=False):
        if not value:
            continue
        if place == "from":
            number = e164(value, source.default_region)
            if number is None:
                raw["caller_number"] = value
            else:
                fact["from"] = number
        elif place.startswith("raw."):
            raw[place[4:]] = value
        else:
            _put(data, place, value, line.event)
    if more := [value for value in parameters[len(rule.places) :] if value]:
        raw["more"] = more
    if raw:
        data["raw"] = raw
    return fact


def _put(data: dict[str, Any], place: str, value: str, event: str) -> None:
    """One value of `data`."""
    if place in TEXTS:
        data[place] = value
        return
    if not _NUMBER.fullmatch(value):
        raise Malformed(f"{event}: {place} is {value[:40]!r}, not a number.")
    number = float(value) if "." in value else int(value)
    if place == "ring_milliseconds":
        data["ring_seconds"] = number / 1000
    else:
        data[place] = number


def _about(kind: str, line: Line, told: Told | None = None) -> dict[str, Any]:
    """A fact of this type with the call, queue and agent of the line."""
    fact: dict[str, Any] = {"type": kind, "agent": line.agent, "data": {}}
    if kind.startswith("call."):
        if line.call in NO_CALL:
            raise Malformed(f"{line.event} belongs to a call, and the line names none.")
        fact.update(call_id=line.call, queue=line.queue)
        if told is not None:
            fact.update(record=record(told, line.call, line.queue, line.agent), record_version=QUEUE_LOG)
    elif kind == "source.restarted":
        fact["agent"] = None
    elif line.agent is None:
        raise Malformed(f"{line.event} belongs to an agent, and the line names none.")
    elif line.queue is not None:
        fact["data"]["queues"] = [line.queue]
    return fact


def _outcall(line: Line, source: Source) -> Iterator[dict[str, Any]]:
    """The one line that QueueUpdate writes at the end of an outbound call: it began, and it ended."""
    yield _fact(OUTCALL_BEGAN, line._replace(parameters=[]), source) | {"direction": "outbound"}
    yield _fact(OUTCALL_ENDED, line, source) | {"direction": "outbound"}


def _noted(line: Line) -> Iterator[dict[str, Any]]:
    """What a site adds of its own, kept as it is; of nobody's call and no agent, there is nothing to hang it on."""
    if not line.parameters and any(known.startswith(line.event) for known in RULES):
        raise Malformed(f"{line.event} is the beginning of an event's name: the line is cut off.")
    kind = "call.noted" if line.call not in NO_CALL and line.event not in ("PENALTY", "RINGINUSE") else "agent.noted"
    if kind == "agent.noted" and line.agent is None:
        return
    fact = _about(kind, line)
    fact["data"] = {"original_type": line.event, "raw": {"parameters": line.parameters}}
    fact["queue"] = line.queue
    yield fact
