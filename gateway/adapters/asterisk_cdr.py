"""Asterisk's call detail records, as JSON or CSV rows (FORMATS section 3): the calls that no queue handles.

A row tells of one attempt to connect two channels, once it is over. Which of them is the agent's, and whether the call
is ours to tell, follows from the row alone:

- A queue handled it where `lastapp` is Queue, or `dcontext` or a Local channel names a queue (`ext-queues`,
  `from-queue`): the row becomes a note, without leg or end.
- A row that names another application tells of a leg, even of a call that goes to a queue before or after: somebody
  transferred it. The record of the leg is its own.
- Whatever else rows say has the record of the call, and yields as soon as queue_log or AMI say that the call entered a
  queue (see `asterisk_records`): the leg of a row that names no application, and beginning and end of the call, since
  that of a row is only the end of one connection.
- The channel of the extension that calls (its name is `src`) or that is called (`dstchannel` is `dst`) is the agent's;
  where neither is, the one on the other side of the number that is a public one.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from gateway.adapters import asterisk_times
from gateway.adapters.asterisk_channels import device, endpoint
from gateway.adapters.items import Item, Parameters
from gateway.adapters.phone_numbers import e164
from gateway.adapters.reading import documents, text_of
from gateway.adapters.tables import table
from gateway.problems import invalid
from gateway.sources import Source
from services.kernel.values import FieldError

Row = Mapping[str, str]

COLUMNS = frozenset(
    {"uniqueid", "linkedid", "src", "dst", "channel", "dstchannel", "start", "answer", "end", "billsec", "disposition"}
)
ANSWERED = "ANSWERED"
_SECONDS = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?")
_QUEUE = re.compile(r"\bqueues?\b", re.IGNORECASE)


class Unusable(Exception):  # noqa: N818 - becomes the row's verdict
    """The row cannot become facts."""

    def __init__(self, column: str, code: str, remedy: str) -> None:
        super().__init__(remedy)
        self.fault = FieldError(f"/{column}" if column else "", code, remedy)


class AsteriskCdr:
    """Reads call detail records."""

    name = "asterisk_cdr"
    path = "/v1/telephony/asterisk/cdr"
    summary = "Send call detail records of an Asterisk: JSON, one or an array, or CSV with a header."
    media_types = ("application/json", "application/x-ndjson", "text/csv")
    parameters = MappingProxyType(
        {
            "corrected_at": "Seconds since 1970. Of what was sent of a uniqueid, the greatest one counts.",
        }
    )

    def items(self, body: bytes, source: Source, given: Parameters) -> Iterator[Item]:
        """Each row."""
        corrected_at = given.get("corrected_at")
        if corrected_at is not None and not re.fullmatch(r"\d{10}", corrected_at, re.ASCII):
            raise invalid(FieldError("/corrected_at", "invalid_field", "Give whole seconds since 1970, in ten digits."))
        for row in _rows(body):
            yield Item(fault=row) if isinstance(row, FieldError) else _item(row, source, corrected_at)


def _rows(body: bytes) -> Iterator[Row | FieldError]:
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        for each in documents(body):
            yield each if isinstance(each, FieldError) else _row(each)
        return
    header, rows = table(text_of(body))
    names = [name.casefold() for name in header]
    if names and "uniqueid" not in names:
        remedy = "Begin with a header that names the columns, uniqueid among them: Master.csv has none of its own."
        raise invalid(FieldError("/0", "required", remedy))
    for cells, fault in rows:
        if fault is not None:
            yield FieldError("", "telephony.malformed_line", fault)
        else:
            yield _row(dict(zip(names, cells, strict=True)))


def _row(given: Mapping[str, Any]) -> Row:
    return {
        name.casefold(): str(value).strip() for name, value in given.items() if isinstance(value, str | int | float)
    }


def _item(row: Row, source: Source, corrected_at: str | None) -> Item:
    try:
        facts = list(_facts(row, source))
    except Unusable as unusable:
        return Item(fault=unusable.fault, id=row.get("uniqueid") or None)
    # `sequence` tells the rows of a call apart where Asterisk writes it; else the channel that was called.
    place = row.get("sequence") or row.get("dstchannel", "")
    row_id = _digest(row["uniqueid"], place, corrected_at or "")
    for fact in facts:
        fact |= {"id": f"{row_id}-{fact['type'].removeprefix('call.')}", "source": source.name}
        fact["root_call_id"] = row.get("linkedid") or None
        if fact["type"] == "call.noted":
            fact["call_id"] = row.get("linkedid") or row["uniqueid"]  # not a call of its own: the queue's
        else:
            fact["call_id"] = row["uniqueid"]
            of_leg = row.get("lastapp") and fact["type"] in ("call.answered", "call.leg_ended")
            fact["record"] = _digest(row["uniqueid"], place) if of_leg else row["uniqueid"]
            # Above no version, and below those of what a queue tells.
            fact["record_version"] = corrected_at and f"0.{corrected_at}"
    return Item(tuple(facts), id=row_id)


def _digest(*said: str) -> str:
    return f"cdr-{hashlib.blake2b(chr(31).join(said).encode(), digest_size=16).hexdigest()}"


def _facts(row: Row, source: Source) -> Iterator[dict[str, Any]]:
    if not row.get("uniqueid"):
        raise Unusable("uniqueid", "required", "A row names its call by uniqueid.")
    began = _instant(row, "start", source, asterisk_times.created(row["uniqueid"]))
    if began is None:
        raise Unusable("start", "required", "A row says when its call began.")
    ended = _instant(row, "end", source, began) or began + timedelta(seconds=max(_seconds(row, "duration") or 0, 0))
    if _of_queue(row):
        yield {
            "type": "call.noted",
            "occurred_at": ended.isoformat(),
            "data": {"original_type": "cdr", "raw": {name: value for name, value in row.items() if value}},
        }
        return
    direction, agent = _direction(row, source)
    raw = {name: value for name, value in row.items() if value and name not in COLUMNS}
    started: dict[str, Any] = {"type": "call.started", "occurred_at": began.isoformat(), "direction": direction}
    for place, column in (("from", "src"), ("to", "dst")):
        number = started[place] = e164(row.get(column, ""), source.default_region)
        if number is None and row.get(column):
            raw[column] = row[column]
    yield started | {"data": {"raw": raw} if raw else {}}
    disposition, answered = row.get("disposition", "").upper(), _instant(row, "answer", source, began)
    if disposition == ANSWERED and answered is not None and agent:
        yield {"type": "call.answered", "occurred_at": answered.isoformat(), "agent": agent}
        talk = _seconds(row, "billsec")
        data: dict[str, Any] = {} if talk is None else {"talk_seconds": talk, "talk_includes_hold": True}
        yield {"type": "call.leg_ended", "occurred_at": ended.isoformat(), "agent": agent, "data": data}
    yield {"type": "call.ended", "occurred_at": ended.isoformat(), "data": {"cause": disposition or None}}


def _of_queue(row: Row) -> bool:
    """Whether a queue handled the call, which tells of it better: see above."""
    within = [row.get("dcontext", ""), *(row.get(name, "").partition("@")[2] for name in ("channel", "dstchannel"))]
    return row.get("lastapp", "").casefold() == "queue" or any(_QUEUE.search(each) for each in within)


def _direction(row: Row, source: Source) -> tuple[str | None, str]:
    """Whence the call goes, where the row tells, and the device of the agent on it; empty where it has none."""
    caller, called = row.get("channel", ""), row.get("dstchannel", "")
    from_outside, to_outside = (e164(row.get(name, ""), source.default_region) is not None for name in ("src", "dst"))
    ours, theirs = row.get("src") == endpoint(caller) != "", row.get("dst") == endpoint(called) != ""
    if from_outside and to_outside and not ours and not theirs:
        # Both are public numbers: a company shows its own. Extensions are numbers, trunks have names.
        ours, theirs = endpoint(caller).isdecimal(), endpoint(called).isdecimal()
    if to_outside and not theirs and (ours or not from_outside):
        return "outbound", device(caller)
    if from_outside and not ours and (theirs or not to_outside):
        return "inbound", device(called)
    return (None if from_outside or to_outside else "internal"), device(called)


def _seconds(row: Row, column: str) -> float | None:
    """What a column says."""
    text = row.get(column, "")
    if not text:
        return None
    if not _SECONDS.fullmatch(text):
        raise Unusable(column, "invalid_field", f"{column} is {text[:40]!r}, not a number of seconds.")
    return float(text) if "." in text else int(text)


def _instant(row: Row, column: str, source: Source, not_before: datetime | None) -> datetime | None:
    """The instant of a column; local time of the source where it has no offset."""
    text = row.get(column, "")
    if not text or text.startswith("0000-00-00"):
        return None
    try:
        return asterisk_times.instant(text, source, not_before)
    except (ValueError, OverflowError) as error:
        remedy = f"{column} is {text[:40]!r}. Give 2026-01-05 11:03:16, in the zone of the source, or with an offset."
        raise Unusable(column, "invalid_instant", remedy) from error
