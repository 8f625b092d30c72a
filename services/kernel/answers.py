"""Answers as JSON text: dataclasses, instants in UTC, decimals as numbers, money as texts."""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from services.kernel.wire import number


def encode(answer: Any) -> str:
    """The JSON text of an answer."""
    return orjson.dumps(answer, default=_other, option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC).decode()


def _other(value: Any) -> Any:
    match value:
        case Decimal():
            return number(value)
        case ZoneInfo():
            return value.key
        case frozenset():
            return sorted(value)
    raise TypeError(f"an answer cannot hold a {type(value).__name__}")
