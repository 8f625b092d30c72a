"""What adapters of feeds that post documents share: how a body is split, how times and numbers are read."""

import codecs
import json
import math
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

import orjson

from gateway.adapters.items import Item
from gateway.adapters.phone_numbers import e164
from gateway.sources import Source
from services.kernel.values import FieldError

Document = Mapping[str, Any]
Fact = dict[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOTED = ("call.noted", "agent.noted")  # they keep all of it
MALFORMED = "telephony.malformed_event"

_BLANK = re.compile(r"[\s,]*")
_LINE_END = re.compile(r"\n|\Z")
_decoder = json.JSONDecoder()

LATIN_1 = "plateau-latin-1"  # how to decode bytes that are no UTF-8


def _latin_1(fault: UnicodeError) -> tuple[str, int]:
    """Old telephone systems write callers' names so, amid what else is UTF-8."""
    if not isinstance(fault, UnicodeDecodeError):
        raise fault
    return fault.object[fault.start : fault.end].decode("latin-1"), fault.end


codecs.register_error(LATIN_1, _latin_1)


class Malformed(Exception):  # noqa: N818 - becomes the item's verdict
    """The item lacks something without which it says nothing, or has a value that cannot be read."""


def text_of(body: bytes) -> str:
    """What a body says in UTF-8; what is none of that is read as Latin-1, and a byte order mark is passed over."""
    return body.removeprefix(codecs.BOM_UTF8).decode("utf-8", LATIN_1)


def documents(body: bytes) -> Iterator[Document | FieldError]:
    """The JSON objects of a body, be they one, an array, one a line or one after the other without anything between.

    What is no object is a fault; the next line is read again.
    """
    body = body.removeprefix(codecs.BOM_UTF8)
    for read in (_whole, _lines):  # four times as quick as what reads everything
        try:
            contents = read(body)
        except orjson.JSONDecodeError:
            continue
        for content in contents:
            yield from _objects(content)
        return
    yield from _one_after_the_other(body)


def _whole(body: bytes) -> list[Any]:
    return [orjson.loads(body)]


def _lines(body: bytes) -> list[Any]:
    return [orjson.loads(line) for line in body.split(b"\n") if line.strip()]


def _objects(content: Any) -> Iterator[Document | FieldError]:
    for each in content if isinstance(content, list) else [content]:
        yield each if isinstance(each, dict) else _fault("Give a JSON object.")


def _one_after_the_other(body: bytes) -> Iterator[Document | FieldError]:
    text = text_of(body)
    place = _after(_BLANK, text, 0)
    while place < len(text):
        try:
            content, end = _decoder.raw_decode(text, place)
            content = _storable(content)
        except (ValueError, RecursionError):
            yield _fault("This is not JSON: it is cut off, or of another feed.")
            end = _after(_LINE_END, text, place)
        else:
            yield from _objects(content)
        place = _after(_BLANK, text, end)


def _storable(content: Any) -> Any:
    """The content with U+003F for each half of a character: texts are cut in the midst of an emoji at times."""
    return orjson.loads(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))


def _after(pattern: re.Pattern[str], text: str, place: int) -> int:
    found = pattern.search(text, place)
    return found.end() if found else len(text)


def forms(body: bytes) -> Iterator[dict[str, str]]:
    """The urlencoded forms of a body: one, or as in a log of them one a line. Empty fields are left out."""
    for line in text_of(body).split("\n"):
        if written := line.strip():
            pairs = [pair.partition("=") for pair in written.split("&")]
            said = [(name, text) for name, _, text in pairs if text]
            yield dict(zip(*map(decoded, zip(*said, strict=True)), strict=True)) if said else {}


def decoded(texts: Sequence[str]) -> list[str]:
    """The texts decoded: at once, which takes a third of the time, unless one of them holds what parts them."""
    together = "&".join(texts)
    if "%26" in together:
        return [unquote_plus(text, errors=LATIN_1) for text in texts]
    return unquote_plus(together, errors=LATIN_1).split("&")


def item(id_: str | None, source: Source, facts: Iterable[Fact], rest: Document | None = None) -> Item:
    """What is said under an id, as facts of the source: where they are several, each has its number behind the id.

    The `rest` of what was said, for which no fact has a field, is kept with the first.
    """
    if not id_:
        return Item(fault=_fault("It has nothing to know it by: an id, or what makes one."))
    try:
        said = [fact for fact in facts if fact]
    except Malformed as malformed:
        return Item(fault=_fault(str(malformed)), id=id_)
    if said and rest and said[0]["type"] not in NOTED:
        data = said[0].get("data") or {}
        said[0]["data"] = data | {"raw": {**rest, **(data.get("raw") or {})}}
    for number, fact in enumerate(said, start=1):
        fact["id"] = id_ if len(said) == 1 else f"{id_}-{number}"
        fact["source"] = source.name
    return Item(tuple(said), id=id_)


def _fault(detail: str) -> FieldError:
    return FieldError("", MALFORMED, detail)


def word(value: Any) -> str | None:
    """A name or a code; None where there is none, or something that cannot be one."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and value != "" else None


def without(said: Document, names: Container[str]) -> dict[str, Any]:
    """What is said beside these fields."""
    return {name: value for name, value in said.items() if (value or value == 0) and name not in names}


def needed(said: Mapping[str, Any], *names: str) -> str:
    """The first of these fields that is there."""
    for name in names:
        if (found := word(said.get(name))) is not None:
            return found
    raise Malformed(f"It has no {' or '.join(names)}.")


def part(document: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """The object under the first of these names that has one; an empty one where none has."""
    found = (document.get(name) for name in names)
    return next((each for each in found if isinstance(each, dict)), {})


def dated(said: Mapping[str, Any], name: str) -> str:
    """The field of this name, which is an instant in ISO 8601 with its offset."""
    written = needed(said, name)
    try:
        instant = datetime.fromisoformat(written)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise Malformed(f"{name} is {written[:40]!r}, not an instant.")
    return written


def number(value: Any, name: str = "it") -> float | int | None:
    """A number that may be written as text."""
    if value is None or value == "":
        return None
    try:
        read = float(value)
    except (TypeError, ValueError):
        raise Malformed(f"{name} is {str(value)[:40]!r}, not a number.") from None
    if not math.isfinite(read):
        raise Malformed(f"{name} is no finite number.")
    return int(read) if read.is_integer() else read


def since_1970(value: Any, per_second: int = 1) -> str | None:
    """An instant from its seconds since 1970 (or parts of them); None where it is not above 0: it stands for never."""
    count = number(value, "a time")
    if count is None or count <= 0:
        return None
    try:
        return (EPOCH + timedelta(microseconds=int(count * 1_000_000) // per_second)).isoformat()
    except OverflowError:
        raise Malformed(f"{str(value)[:40]!r} is no time in seconds since 1970.") from None


def between(begin: Any, end: Any) -> float | int | None:
    """The seconds between two times since 1970, both known; below 0 where the clock was set back meanwhile."""
    began, ended = number(begin, "a time"), number(end, "a time")
    return ended - began if began and ended else None


def numbers(source: Source, **written: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Phone numbers in E.164, and those texts that are none."""
    read = {name: e164(str(text), source.default_region) for name, text in written.items() if text}
    known = {name: number for name, number in read.items() if number is not None}
    return known, {name: str(text) for name, text in written.items() if text and name not in known}


def noted(original: str, raw: Any, **fields: Any) -> Fact:
    """What has no word of ours, kept with its call or its agent; of neither, there is nothing to hang it on."""
    kind = "call.noted" if fields.get("call_id") else "agent.noted" if fields.get("agent") else None
    return {"type": kind, "data": {"original_type": original, "raw": raw}, **fields} if kind else {}
