"""The forms that a field of a fact may take: each takes a value as it is kept, or says every fault in it.

A form also carries its JSON Schema, so that what is checked and what is documented cannot differ.
"""

import math
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from services.kernel.values import FIRST_YEAR, LAST_YEAR, FieldError

LONGEST_NAME = 200
LONGEST_TEXT = 2000
LONGEST_LIST = 100
DEEPEST = 32
LARGEST_INTEGER = 2**63 - 1
LONGEST_SECONDS = 366 * 86_400
FORBIDDEN = frozenset({"agent_emotion", "agent_sentiment"})
_NO_EMOTIONS = "Leave it out: the emotions of agents may not be inferred (EU AI Act, article 5)."

_DAY_MINUTE = "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:"
_FRACTION_OFFSET = r"(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})"
_RFC3339 = re.compile(f"{_DAY_MINUTE}[0-5][0-9]{_FRACTION_OFFSET}")
_LEAP_SECOND = re.compile(f"({_DAY_MINUTE})60({_FRACTION_OFFSET})", re.IGNORECASE)
_NO_OFFSET = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?")
_E164 = re.compile(r"\+[1-9][0-9]{1,14}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NOT_STORABLE = re.compile(r"[\x00\ud800-\udfff]")  # PostgreSQL's jsonb has no room for these


class Unfit(Exception):  # noqa: N818 - carries faults of the sender's, not of ours
    """What is wrong with a value: one or more faults, their pointers relative to it."""

    def __init__(self, *faults: FieldError) -> None:
        super().__init__(*faults)
        self.faults = faults


class Form(NamedTuple):
    """`take(value)` gives the value as it is kept, or raises `Unfit`; `schema` says the same as JSON Schema."""

    take: Callable[[Any], Any]
    schema: dict[str, Any]


def _unfit(code: str, detail: str) -> Unfit:
    return Unfit(FieldError("", code, detail))


def _name(value: Any) -> str:
    if isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and value.isprintable():
        return value
    return _string(value, LONGEST_NAME, _CONTROL, "Leave out control characters.")


def _text(value: Any) -> str:
    return _string(value, LONGEST_TEXT, _NOT_STORABLE, "Leave out NUL and lone surrogates.")


def _string(value: Any, longest: int, refused: re.Pattern[str], remedy: str) -> str:
    if not isinstance(value, str):
        raise _unfit("invalid_type", "Give a string.")
    if not value:
        raise _unfit("empty", "Give at least one character, or leave the field out.")
    if len(value) > longest:
        raise _unfit("too_long", f"Give at most {longest} characters.")
    if refused.search(value):
        raise _unfit("invalid_characters", remedy)
    return value


def _flag(value: Any) -> bool:
    if value is True or value is False:
        return value
    raise _unfit("invalid_type", "Give true or false.")


def _integer(value: Any) -> int:
    if type(value) is float and value.is_integer():
        value = int(value)  # JSON Schema counts 3.0 as an integer
    if type(value) is not int:
        raise _unfit("invalid_type", "Give a whole number.")
    if 0 <= value <= LARGEST_INTEGER:
        return value
    raise _unfit("out_of_range", f"Give a number from 0 to {LARGEST_INTEGER}.")


def _seconds(value: Any) -> float:
    kind = type(value)
    if kind is not int and kind is not float:
        raise _unfit("invalid_type", "Give a number of seconds.")
    if -LARGEST_INTEGER <= value <= LONGEST_SECONDS:
        return value  # type: ignore[no-any-return]
    raise _unfit("out_of_range", f"Give at most {LONGEST_SECONDS} seconds (366 days).")


def _version(value: Any) -> str:
    if (type(value) is int and abs(value) <= LARGEST_INTEGER) or (type(value) is float and math.isfinite(value)):
        value = str(value)
    return _name(value)


def _phone_number(value: Any) -> str:
    if isinstance(value, str) and _E164.fullmatch(value):
        return value
    raise _unfit("invalid_phone_number", "Give the number in E.164 (+33199000001), or leave it out if it is withheld.")


def _instant(value: Any) -> str:
    if isinstance(value, str) and _RFC3339.fullmatch(value):
        try:
            instant = datetime.fromisoformat(value)
            if instant.tzinfo is not UTC:
                instant = instant.astimezone(UTC)
        except ValueError as error:
            raise _unfit("invalid_instant", f"There is no such instant: {error}.") from None
        except OverflowError:
            raise _out_of_years() from None
        if not FIRST_YEAR <= instant.year <= LAST_YEAR:
            raise _out_of_years()
        if value[-1] == "Z":  # isoformat() says the same in six times the time
            fraction = f".{instant.microsecond:06}" if instant.microsecond else ""
            return f"{value[:10]}T{value[11:19]}{fraction}+00:00"
        return instant.isoformat()
    return _unusual_instant(value)


def _unusual_instant(value: Any) -> str:
    """RFC 3339 in lower case or with a leap second, else what is wrong."""
    if not isinstance(value, str):
        raise _unfit("invalid_type", "Give an instant as a string, such as 2026-11-21T09:14:03.120Z.")
    if _NO_OFFSET.fullmatch(value):
        raise _unfit("missing_offset", "Say the offset from UTC: end the instant with Z or, say, +01:00.")
    if not value.isupper() and _RFC3339.fullmatch(value.upper()):
        return _instant(value.upper())
    leap = _LEAP_SECOND.fullmatch(value)
    if leap is None:
        raise _unfit("invalid_instant", "Give an RFC 3339 instant, such as 2026-11-21T09:14:03.120Z.")
    before = datetime.fromisoformat(_instant(f"{leap[1]}59{leap[2]}"))
    if (before.hour, before.minute) != (23, 59):
        raise _unfit("invalid_instant", "A leap second comes only at 23:59:60 UTC.")
    # No clock of ours has a 61st second, nor has PostgreSQL's: it is taken as the second after it.
    return (before + timedelta(seconds=1)).isoformat()


def _out_of_years() -> Unfit:
    return _unfit("instant_out_of_range", f"Give an instant of the years {FIRST_YEAR} to {LAST_YEAR}.")


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise _unfit("invalid_type", "Give a JSON object.")


def _sha256(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch("[0-9a-fA-F]{64}", value):
        return value.lower()
    raise _unfit("invalid_digest", "Give the SHA-256 as 64 hexadecimal digits.")


def _anything(value: Any) -> Any:
    if _is_plain(value):
        return value
    faults = tuple(_faults(value, "", 0))
    if faults:
        raise Unfit(*faults)
    return value


def _is_plain(value: Any) -> bool:
    """Whether it is an object of texts without fault, as most feeds keep: seen at once instead of text by text."""
    if value.__class__ is not dict or not FORBIDDEN.isdisjoint(value):
        return False
    try:
        return _NOT_STORABLE.search("".join(value) + "".join(value.values())) is None
    except TypeError:
        return False


def _faults(value: Any, pointer: str, depth: int) -> Iterator[FieldError]:
    """Everything in free JSON that could not be stored, or may not be."""
    if isinstance(value, dict | list):
        if depth == DEEPEST:
            yield FieldError(pointer, "too_deep", f"Nest at most {DEEPEST} levels.")
            return
        inside = value.items() if isinstance(value, dict) else enumerate(value)
        for step, inner in inside:
            below = f"{pointer}/{pointed(step)}"
            if step in FORBIDDEN:
                yield FieldError(below, "forbidden_field", _NO_EMOTIONS)
            yield from _faults(step, below, depth)
            yield from _faults(inner, below, depth + 1)
    elif isinstance(value, str):
        if _NOT_STORABLE.search(value):
            yield FieldError(pointer, "invalid_characters", "Leave out NUL and lone surrogates.")
    elif isinstance(value, int):
        if not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
            yield FieldError(pointer, "out_of_range", "Give a whole number of at most 64 bits, or a string.")
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield FieldError(pointer, "out_of_range", "Give a finite number.")
    elif value is not None:
        yield FieldError(pointer, "invalid_type", "Give JSON.")


def pointed(key: object) -> str:
    """A key as one step of an RFC 6901 pointer; what cannot be printed is shown escaped."""
    step = str(key).replace("~", "~0").replace("/", "~1")
    return step if step.isprintable() else step.encode("unicode_escape").decode()


def one_of(*allowed: str) -> Form:
    """One of these words."""
    words = frozenset(allowed)
    remedy = f"Give one of: {', '.join(allowed)}."

    def take(value: Any) -> str:
        if isinstance(value, str) and value in words:
            return value
        raise _unfit("not_allowed", remedy)

    return Form(take, {"type": "string", "enum": list(allowed)})


def _names(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise _unfit("invalid_type", "Give a list of strings.")
    if len(value) > LONGEST_LIST:
        raise _unfit("too_long", f"Give at most {LONGEST_LIST} entries.")
    faults: list[FieldError] = []
    for position, entry in enumerate(value):
        try:
            _name(entry)
        except Unfit as unfit:
            faults += (fault._replace(pointer=f"/{position}") for fault in unfit.faults)
    if faults:
        raise Unfit(*faults)
    return value


NAME = Form(_name, {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME})
TEXT = Form(_text, {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT})
NAMES = Form(_names, {"type": "array", "maxItems": LONGEST_LIST, "items": NAME.schema})
FLAG = Form(_flag, {"type": "boolean"})
COUNT = Form(_integer, {"type": "integer", "minimum": 0, "maximum": LARGEST_INTEGER})
# A source whose clock was set back states a duration below zero: the fold counts it as zero, data quality lists it.
SECONDS = Form(_seconds, {"type": "number", "minimum": -LARGEST_INTEGER, "maximum": LONGEST_SECONDS})
VERSION = Form(_version, {"type": ["string", "number"], "minLength": 1, "maxLength": LONGEST_NAME})
PHONE_NUMBER = Form(_phone_number, {"type": "string", "pattern": r"^\+[1-9][0-9]{1,14}$"})
INSTANT = Form(_instant, {"type": "string", "format": "date-time"})
SHA256 = Form(_sha256, {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"})
OBJECT = Form(_object, {"type": "object"})
ANYTHING = Form(_anything, {})
