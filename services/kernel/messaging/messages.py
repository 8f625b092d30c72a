"""What a batch is made of: messages as they arrive, and the facts and headers in them."""

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

import orjson

from services.kernel import traces
from services.kernel.ingest_queues import FACTS, PUBLISHED, PUBLISHER, TRACES


class Delivery(NamedTuple):
    """What the headers of a message say; None where the sender gave nothing, or nonsense.

    `published` is how many facts the publisher has sent to this queue so far, those of this message included.
    """

    publisher: str | None = None
    published: int | None = None
    facts: int | None = None

    @classmethod
    def of(cls, headers: Mapping[str, Any]) -> "Delivery":
        """Read the headers of a message."""
        return cls(
            _if(str, headers.get(PUBLISHER)),
            _if(int, headers.get(PUBLISHED)),
            _if(int, headers.get(FACTS)),
        )


def _if(kind: type, value: Any) -> Any:
    return value if isinstance(value, kind) else None


@dataclass(frozen=True, slots=True)
class Batch:
    """Facts of one queue in the order of their arrival, and the headers of the messages that end with them.

    `traces` are the traceparents of those facts that have one, by the place of the fact among `facts`.
    """

    queue: str
    facts: list[dict[str, Any]]
    deliveries: tuple[Delivery, ...]
    taken_at: datetime
    traces: Mapping[int, str] = field(default_factory=dict)

    def parts(self) -> "list[Batch]":
        """Two smaller batches in order, the deliveries with the second; none if this cannot be divided."""
        if len(self.facts) + bool(self.deliveries) < 2:
            return []
        middle = (len(self.facts) + 1) // 2
        return [
            Batch(self.queue, self.facts[:middle], (), self.taken_at, self._traces_in(0, middle)),
            Batch(
                self.queue,
                self.facts[middle:],
                self.deliveries,
                self.taken_at,
                self._traces_in(middle, len(self.facts)),
            ),
        ]

    def _traces_in(self, begin: int, end: int) -> dict[int, str]:
        return {place - begin: trace for place, trace in self.traces.items() if begin <= place < end}


class Message(NamedTuple):
    """A message as it arrived. It is decoded only when its batch is made: many wait, and are smaller as they are."""

    tag: int
    headers: Mapping[str, Any]
    body: bytes

    @property
    def announced(self) -> int:
        """How many facts its header says that it carries; 1 if it says nothing."""
        return _if(int, self.headers.get(FACTS)) or 1

    def facts(self) -> list[Any] | None:
        """What it carries; None if the body is not a JSON array."""
        try:
            facts = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None
        return facts if isinstance(facts, list) else None

    def traces(self, facts: int) -> dict[int, str]:
        """The traceparents of those of its `facts` facts that have one, by the place of the fact."""
        told = self.headers.get(TRACES)
        if not isinstance(told, list):
            return {}
        starts = [each for each in told if isinstance(each, list) and len(each) == 2 and isinstance(each[0], int)]
        found: dict[int, str] = {}
        for (first, given), (end, _) in pairwise([*starts, [facts, None]]):
            if traceparent := traces.parsed(given):
                found |= dict.fromkeys(range(max(0, first), min(end, facts)), traceparent)
        return found


class Limits(NamedTuple):
    """When a batch is complete; one message may exceed `facts` and `size` (bytes), and is then a batch of its own.

    `linger`: seconds since the first message came. `prefetch`: messages that the broker sends ahead; with messages of
    256 KiB at most, as the gateway sends them, they take up to 4 MiB.
    """

    facts: int = 1000
    size: int = 2 * 1024 * 1024
    linger: float = 0.030
    prefetch: int = 16


class Inbox:
    """Messages that are in no batch yet."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._messages: deque[Message] = deque()
        self._facts = self._size = 0
        self._since = 0.0

    def put(self, message: Message) -> None:
        """Add one that has just arrived."""
        if not self._messages:
            self._since = time.monotonic()
        self._messages.append(message)
        self._facts += message.announced
        self._size += len(message.body)

    def due_in(self) -> float | None:
        """Seconds until a batch is due: 0 if now, None if nothing is here."""
        if not self._messages:
            return None
        limits = self._limits
        if self._facts >= limits.facts or self._size >= limits.size or len(self._messages) >= limits.prefetch:
            return 0
        return max(0, self._since + limits.linger - time.monotonic())

    def take(self) -> list[Message]:
        """The messages of the next batch: the oldest within the limits, one at least."""
        taken: list[Message] = []
        facts = size = 0
        while self._messages:
            facts += self._messages[0].announced
            size += len(self._messages[0].body)
            if taken and (facts > self._limits.facts or size > self._limits.size):
                break
            message = self._messages.popleft()
            self._facts -= message.announced
            self._size -= len(message.body)
            taken.append(message)
        return taken
