"""Answers as JSON text: dataclasses, instants in UTC, decimals as numbers, money as texts."""

from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from services.kernel import schemas
from services.kernel.values import Money
from services.kernel.wire import number, written

OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


def encode(answer: Any) -> str:
    """The JSON text of an answer."""
    # By itself orjson writes any dataclass, and would write money as it is inside.
    bears_money = schemas.bears(answer.__class__, Money)
    return orjson.dumps(answer, _other, OPTIONS | orjson.OPT_PASSTHROUGH_DATACLASS if bears_money else OPTIONS).decode()


def _other(value: Any) -> Any:
    match value:
        case Money():
            return written(value)
        case _ if is_dataclass(value):
            return {field.name: getattr(value, field.name) for field in fields(value)}
        case Decimal():
            return number(value)
        case ZoneInfo():
            return value.key
        case frozenset():
            return sorted(value)
    raise TypeError(f"an answer cannot hold a {type(value).__name__}")
