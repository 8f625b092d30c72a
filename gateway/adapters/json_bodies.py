"""Bodies of JSON objects: one, an array, or one a line, told apart by what they are."""

import codecs
from collections.abc import Mapping
from typing import Any

import orjson

from gateway.problems import Problem
from services.kernel.values import FieldError


def objects(body: bytes) -> list[Mapping[str, Any] | FieldError]:
    """The objects of a body; in the place of each that is none, what is wrong with it.

    Raises:
        Problem: the body is an array that is cut off (400): no item of it can be told from the next.
    """
    text = body.removeprefix(codecs.BOM_UTF8).strip()
    if not text:
        return []
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if text.startswith(b"["):
            raise Problem("request.malformed_json", str(error)) from error
        return [_line(line) for line in text.split(b"\n") if line.strip()]
    return [_object(each) for each in (content if isinstance(content, list) else [content])]


def _line(line: bytes) -> Mapping[str, Any] | FieldError:
    try:
        return _object(orjson.loads(line))
    except orjson.JSONDecodeError as error:
        return FieldError("", "request.malformed_json", str(error))


def _object(content: Any) -> Mapping[str, Any] | FieldError:
    return content if isinstance(content, dict) else FieldError("", "invalid_type", "Give each item as a JSON object.")
