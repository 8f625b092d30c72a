"""Opaque cursors of lists: where the next page begins, and until when that is worth something."""

import base64
import binascii
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

LIFE = timedelta(hours=24)
MARK_BYTES = 6


class BadCursor(Exception):  # noqa: N818 - a state of the cursor
    """A cursor that we did not make or not for this question, or one that has expired (`expired`)."""

    def __init__(self, *, expired: bool) -> None:
        super().__init__("expired" if expired else "unknown")
        self.expired = expired


def encode(now: datetime, *place: Any) -> str:
    """A cursor that leads back to `place` (plain JSON values)."""
    return base64.urlsafe_b64encode(orjson.dumps([now.timestamp(), *place])).decode().rstrip("=")


def decode(cursor: str, now: datetime, *kinds: Callable[[Any], Any]) -> list[Any]:
    """The place that a cursor leads to, each value read by its kind (`UUID`, say); raises BadCursor."""
    try:
        made, *values = list[Any](orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))))
        born = datetime.fromtimestamp(made, UTC)
        place = [kind(value) for kind, value in zip(kinds, values, strict=True)]
    except (binascii.Error, ValueError, TypeError, AttributeError, OverflowError, OSError) as error:
        raise BadCursor(expired=False) from error
    if now - born > LIFE:
        raise BadCursor(expired=True)
    return place


def bound(cursor: str, question: str) -> str:
    """The cursor with a mark of the question whose next page it leads to."""
    return f"{cursor}.{_mark(question)}"


def unbound(cursor: str, question: str) -> str:
    """The cursor without its mark; raises BadCursor where that is of another question.

    With other filters it would lead into the middle of another list, whose beginning nobody would miss.
    """
    place, _, mark = cursor.partition(".")
    if mark and mark != _mark(question):
        raise BadCursor(expired=False)
    return place


def _mark(question: str) -> str:
    return hashlib.blake2b(question.encode(), digest_size=MARK_BYTES).hexdigest()
