"""Dead letters: what was put aside because it could not be stored or applied, and what its headers say."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from services.kernel.ingest_queues import PUBLISHED, PUBLISHER

REASON, EXCEPTION, RAISED_AT, FIRST_SEEN, QUEUE, ATTEMPTS = (
    "reason", "exception", "raised_at", "first_seen", "queue", "attempts",
)  # fmt: skip
# What a letter is sent again without: why it was put aside, and how far its publisher was at that time.
OF_THE_PAST = {REASON, EXCEPTION, RAISED_AT, FIRST_SEEN, QUEUE, ATTEMPTS, PUBLISHER, PUBLISHED}

_TYPE = re.compile(r"[a-z_]+(\.[a-z_]+)+", re.ASCII)
_QUOTED = re.compile(r"""(["'`]).*?(\1|$)|\d{5,}""")


@dataclass(frozen=True)
class DeadLetterSummary:
    """A message that was put aside, with nothing of its content.

    `queue` is where it came from, `types` of which facts or event it is; `reason` the first line of the failure's text
    without what it quotes, which may be content; `raised_at` the place in the code.
    """

    id: str
    queue: str
    types: tuple[str, ...]
    bytes: int
    reason: str
    exception: str
    raised_at: str
    first_seen: datetime | None
    attempts: int


@dataclass(frozen=True)
class ShownDeadLetter(DeadLetterSummary):
    """A message that was put aside: `content` is JSON, or a text where the body is none. It may be personal."""

    headers: dict[str, Any]
    content: Any


class DeadLetter(NamedTuple):
    """A message in a dead queue; `queue` is where it came from, `types` what kinds of facts or event it holds.

    Its id is made of its content: letters put aside by any version have one, and equal letters count as one.
    """

    id: str
    queue: str
    types: tuple[str, ...]
    headers: Mapping[str, Any]
    body: bytes

    @classmethod
    def of(cls, queue: str, headers: Mapping[str, Any], body: bytes) -> "DeadLetter":
        """Reads a message that lies in the dead queue of `queue`."""
        own = {name: value for name, value in headers.items() if not name.startswith("x-")}  # others are the broker's
        content = orjson.dumps([queue, own], default=str, option=orjson.OPT_SORT_KEYS) + body
        return cls(blake2b(content, digest_size=12).hexdigest(), queue, _types(_content(body)), own, body)

    @property
    def first_seen(self) -> datetime | None:
        """When it was taken from its queue the time that it was put aside; None where that was not noted."""
        try:
            return datetime.fromisoformat(self.headers[FIRST_SEEN]).astimezone(UTC)
        except (KeyError, TypeError, ValueError):
            return None

    @property
    def place(self) -> tuple[float, str]:
        """Its place in lists: the oldest first."""
        return (self.first_seen.timestamp() if self.first_seen else 0.0), self.id

    @property
    def lasting(self) -> dict[str, Any]:
        """The headers with which it is sent again."""
        return {name: value for name, value in self.headers.items() if name not in OF_THE_PAST}

    @property
    def attempts(self) -> int:
        """How often it was tried before it was put aside."""
        noted = self.headers.get(ATTEMPTS)
        return int(noted) if isinstance(noted, int) else 1

    def summary(self) -> DeadLetterSummary:
        """What can be known of it without its content."""
        lines = self._noted(REASON).splitlines() or [""]
        return DeadLetterSummary(**self._described(_QUOTED.sub("…", lines[0])))

    def shown(self) -> ShownDeadLetter:
        """All of it."""
        content = _content(self.body)
        if content is None:
            content = self.body.decode(errors="replace")
        return ShownDeadLetter(**self._described(self._noted(REASON)), headers=self.lasting, content=content)

    def _described(self, reason: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "queue": self.queue,
            "types": self.types,
            "bytes": len(self.body),
            "reason": reason,
            "exception": self._noted(EXCEPTION),
            "raised_at": self._noted(RAISED_AT),
            "first_seen": self.first_seen,
            "attempts": self.attempts,
        }

    def _noted(self, name: str) -> str:
        return str(self.headers.get(name, ""))


def _content(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _types(content: Any) -> tuple[str, ...]:
    items = content if isinstance(content, list) else [content]
    found = [item.get("type") for item in items if isinstance(item, dict)]
    return tuple(kind if isinstance(kind, str) and _TYPE.fullmatch(kind) else "unknown" for kind in found)
