"""W3C trace context: for which request something is done, from the door to the read models and to other services.

A `traceparent` is kept as it came in, since no hop records a span of its own. What a request causes bears it as
`metadata.traceparent` of its events, and every log line written meanwhile bears the `trace_id` in it.
"""

import random
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

TRACEPARENT = "traceparent"

_VERSION = "00"
# A later version may say more behind what version 00 says, which alone is taken up.
_FORM = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(-.*)?\Z")
_current: ContextVar[str | None] = ContextVar(TRACEPARENT, default=None)


def parsed(given: Any) -> str | None:
    """The traceparent that somebody gave, in version 00; None where it is none, which W3C has us ignore."""
    form = _FORM.match(given) if isinstance(given, str) else None
    if form is None:
        return None
    version, known, more = form.groups()
    return None if more and version == _VERSION else f"{_VERSION}-{known}"


def begun() -> str:
    """A new trace, which nobody is known to record."""
    return f"{_VERSION}-{random.getrandbits(128):032x}-{random.getrandbits(64):016x}-00"


def id_of(traceparent: str) -> str:
    """The trace id in it: 32 hexadecimal digits."""
    return traceparent[3:35]


def ids_of(metadata: Iterable[Mapping[str, Any]]) -> list[str]:
    """The trace ids in the metadata of events, each once, in order."""
    return list(dict.fromkeys(id_of(each[TRACEPARENT]) for each in metadata if TRACEPARENT in each))


def current() -> str | None:
    """The traceparent of what is being done in this thread, task or greenlet."""
    return _current.get()


def take_up(traceparent: str | None) -> None:
    """Has all that this thread, task or greenlet does from now on belong to a trace, or to none."""
    _current.set(traceparent)


@contextmanager
def following(traceparent: str | None) -> Iterator[None]:
    """Has what is done in the block belong to a trace, or to none."""
    before = _current.set(traceparent)
    try:
        yield
    finally:
        _current.reset(before)
