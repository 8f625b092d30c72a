"""Calls as rows of a CSV file, from any telephone system (FORMATS section 9).

A row says a whole call. Its record is the row's external id: an equal row again changes nothing, a changed one corrects
the call, and the newest one counts (by `updated_at` where the row has it, else by when it came).
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from gateway.adapters.items import Item, Parameters
from gateway.adapters.phone_numbers import REGIONS, e164
from gateway.adapters.tables import Cells, table
from gateway.problems import invalid
from gateway.sources import Source
from services.kernel.values import FieldError
from services.kernel.wire import ZONES, number

DIRECTIONS = frozenset({"inbound", "outbound", "internal"})
ENDS = frozenset({"answered", "busy", "failed"})  # told by the end of the call, beside how it left its queue
LEFT = frozenset({"timeout", "no_agents", "key", "closed", "full"})
OUTCOMES = ENDS | LEFT | {"abandoned"}
DURATIONS = ("ring_s", "wait_s", "talk_s", "hold_s", "wrapup_s")
REQUIRED = ("external_id", "direction", "started_at")
COLUMNS = frozenset(
    {*REQUIRED, *DURATIONS, "ended_at", "queue", "queued_at", "answered_at", "agent", "from_number", "to_number",
     "outcome", "disposition", "recording_url", "tz", "region", "updated_at"}
)  # fmt: skip
FAR_AWAY = "Give an instant of the years 1900 to 9998."

_DURATION = re.compile(r"\d{1,9}([.,]\d{1,9})?")

Row = Mapping[str, str]
Clock = Callable[[], datetime]


class Unreadable(Exception):  # noqa: N818 - becomes the row's verdict
    """What is wrong with one column of a row."""

    def __init__(self, column: str, remedy: str) -> None:
        super().__init__(remedy)
        self.fault = FieldError(f"/{column}", "telephony.malformed_row", remedy)


class CsvCalls:
    """Reads rows of calls; `clock` says when they came."""

    name = "csv"
    path = "/v1/telephony/csv"
    summary = "Import calls from a CSV file."
    media_types = ("text/csv",)
    parameters = MappingProxyType(
        {"mapping": "Which of its columns are ours under another name: `CallID:external_id,Start:started_at`."}
    )

    def __init__(self, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self._clock = clock

    def items(self, body: bytes, source: Source, given: Parameters) -> Iterator[Item]:
        """Each row below the one with the names."""
        arrived = self._clock()
        names, rows = _read(body, _mapping(given.get("mapping", "")))
        for place, (cells, fault) in enumerate(rows):
            row = {name: cell.strip() for name, cell in zip(names, cells, strict=False) if cell.strip()}
            if fault is not None:
                yield Item(fault=FieldError("", "telephony.malformed_row", fault), id=row.get("external_id"))
            else:  # of two rows of a call in one file, the second corrects the first
                yield _item(row, source, (arrived + timedelta(microseconds=place)).isoformat())


def _mapping(text: str) -> dict[str, str]:
    mapped: dict[str, str] = {}
    for pair in filter(None, text.split(",")):
        theirs, colon, ours = (part.strip() for part in pair.rpartition(":"))
        theirs, ours = (theirs, ours) if colon else ("", ours)
        if not theirs or ours not in COLUMNS:
            remedy = f"Write theirs:ours with commas between; ours is one of {', '.join(sorted(COLUMNS))}."
            raise invalid(FieldError("/mapping", "invalid_field", remedy))
        mapped[theirs] = ours
    return mapped


def _read(body: bytes, mapping: Mapping[str, str]) -> tuple[list[str], Iterator[Cells]]:
    """The columns by our names, and the rows; what has no name of ours keeps its own."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise invalid(FieldError("", "invalid_field", "Write the file in UTF-8.")) from error
    header, rows = table(text)
    known = {*header, *mapping.values()}
    ours = {name: name.lower() for name in header if name.lower() in COLUMNS - known}
    names = [mapping.get(name) or ours.get(name, name) for name in header]
    if not header:
        return names, iter(())
    faults = [FieldError(f"/{name}", "missing_column", "The first line must name this column.")
              for name in REQUIRED if name not in names]  # fmt: skip
    faults += [FieldError(f"/{name}", "column_twice", "Name this column once.")
               for name in COLUMNS if names.count(name) > 1]  # fmt: skip
    if faults:
        raise invalid(*faults)
    return names, rows


def _item(row: Row, source: Source, arrived: str) -> Item:
    try:
        facts = list(_facts(row, source))
        version = _instant(row, "updated_at", source)
    except Unreadable as unreadable:
        return Item(fault=unreadable.fault, id=row.get("external_id"))
    digest = hashlib.blake2b("\x1f".join(f"{n}={row[n]}" for n in sorted(row)).encode(), digest_size=12).hexdigest()
    for fact in facts:
        fact["id"] = f"{digest}-{fact['type'].partition('.')[2]}"
        fact["source"] = source.name
        fact["call_id"] = fact["record"] = row["external_id"]
        fact["record_version"] = version.isoformat() if version else arrived
        fact["occurred_at"] = fact["occurred_at"].isoformat()
    return Item(tuple(facts), id=row["external_id"])


def _facts(row: Row, source: Source) -> Iterator[dict[str, Any]]:
    _check(row)
    started, queued, answered, ended = (
        _instant(row, column, source) for column in ("started_at", "queued_at", "answered_at", "ended_at")
    )
    durations = {column: _seconds(row, column) for column in DURATIONS}
    if ended is None and answered and durations["talk_s"] is not None:
        ended = _after(answered, durations["talk_s"] + (durations["hold_s"] or 0))
    queue, agent = row.get("queue"), row.get("agent")
    outcome = row.get("outcome", "").lower()
    wait = {"wait_seconds": durations["wait_s"]}
    last = ended or answered or _after(queued or started, durations["wait_s"] or 0)
    about = {"direction": row["direction"].lower(), **_numbers(row, source)}
    yield _fact("call.started", started, **about, data={"raw": _more(row, about)})
    if queue:
        yield _fact("call.queued", queued or started, queue=queue)
    if answered:
        yield _fact(
            "call.answered", answered, queue=queue, agent=agent, data={**wait, "ring_seconds": durations["ring_s"]}
        )
    elif queue and outcome in LEFT:
        yield _fact("call.queue_left", last, queue=queue, data={"reason": outcome, **wait})
    elif queue and outcome == "abandoned":
        yield _fact("call.abandoned", last, queue=queue, data=wait)
    if ended:
        told = {"talk_seconds": durations["talk_s"], "hold_seconds": durations["hold_s"]} if answered else {}
        cause = outcome if outcome in {"busy", "failed"} else None
        yield _fact(
            "call.ended", ended, data={**told, "cause": cause, "by": "caller" if outcome == "abandoned" else None}
        )
    wrapup = durations["wrapup_s"]
    if wrapup is not None and ended and answered:
        yield _fact("call.wrapup_ended", _after(ended, wrapup), agent=agent, data={"wrapup_seconds": wrapup})
    if code := row.get("disposition"):
        yield _fact("call.disposition_set", last, data={"code": code})
    if location := row.get("recording_url"):
        yield _fact("call.recorded", last, data={"location": location})


def _after(instant: datetime, seconds: float) -> datetime:
    try:
        return instant + timedelta(seconds=float(seconds))
    except OverflowError as error:
        raise Unreadable("ended_at", FAR_AWAY) from error


def _check(row: Row) -> None:
    for column in REQUIRED:
        if column not in row:
            raise Unreadable(column, "Fill this column in.")
    if row["direction"].lower() not in DIRECTIONS:
        raise Unreadable("direction", f"Give one of {', '.join(sorted(DIRECTIONS))}.")
    outcome = row.get("outcome", "").lower()
    if outcome and outcome not in OUTCOMES:
        raise Unreadable("outcome", f"Give one of {', '.join(sorted(OUTCOMES))}.")
    if row.get("region", "FR").upper() not in REGIONS:
        raise Unreadable("region", "Give the ISO 3166 code of a country, such as FR.")
    if "answered_at" in row and "agent" not in row:
        raise Unreadable("agent", "Say who answered: answered_at has an instant.")
    if outcome == "answered" and "answered_at" not in row:
        raise Unreadable("answered_at", "Say when the call was answered.")
    if outcome in LEFT | {"abandoned"} and "answered_at" in row:
        raise Unreadable("answered_at", f"Leave it empty: a call of the outcome {outcome} was answered by nobody.")
    if outcome in LEFT and "queue" not in row:
        raise Unreadable("queue", "Say which queue the call left.")


def _fact(kind: str, at: datetime | None, **fields: Any) -> dict[str, Any]:
    data = {name: value for name, value in fields.pop("data", {}).items() if value not in (None, {})}
    return {"type": kind, "occurred_at": at, **{n: v for n, v in fields.items() if v is not None}, "data": data}


def _numbers(row: Row, source: Source) -> dict[str, str | None]:
    region = row["region"].upper() if "region" in row else source.default_region
    return {ours: e164(row.get(theirs, ""), region) for ours, theirs in (("from", "from_number"), ("to", "to_number"))}


def _more(row: Row, about: Mapping[str, str | None]) -> dict[str, str]:
    """What no field of ours has room for: further columns, and numbers that are none."""
    bare = {column for ours, column in (("from", "from_number"), ("to", "to_number")) if about[ours] is None}
    return {name: value for name, value in row.items() if name not in COLUMNS or name in bare}


def _seconds(row: Row, column: str) -> float | int | None:
    text = row.get(column)
    if text is None:
        return None
    if not _DURATION.fullmatch(text):
        raise Unreadable(column, "Give seconds as a number, such as 12.5.")
    return number(Decimal(text.replace(",", ".")))


def _instant(row: Row, column: str, source: Source) -> datetime | None:
    text = row.get(column)
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise Unreadable(column, "Give an instant such as 2026-01-05T10:00:00+01:00, or local time.") from error
    try:
        return instant.astimezone(UTC) if instant.tzinfo is not None else _of_local_time(instant, row, column, source)
    except OverflowError as error:
        raise Unreadable(column, FAR_AWAY) from error


def _of_local_time(instant: datetime, row: Row, column: str, source: Source) -> datetime:
    name = row.get("tz")
    if name is not None and name not in ZONES:
        raise Unreadable("tz", "Give an IANA time zone, such as Europe/Paris.")
    zone = source.timezone if name is None else ZoneInfo(name)
    early, late = (instant.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if early.astimezone(zone).replace(tzinfo=None) != instant:
        raise Unreadable(column, "There was no such time: clocks were put forward. Give its offset.")
    if early != late:
        raise Unreadable(column, "There were two such times: clocks were put back. Give its offset.")
    return early
