"""The whiles in which nobody listened to the manager interface, and what the log tells of them."""

import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from infra.shipping.log_files import UNREADABLE, files_of
from infra.shipping.posting import Failing
from infra.shipping.queue_log import Batch, batches, send
from infra.shipping.sending import Sender

log = logging.getLogger(__name__)

STATE = "heard.json"
MARGIN = 5.0  # seconds on either side: the log has whole ones, and what both feeds tell counts once
NOTED_EVERY = 5.0

_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_EPOCH = re.compile(rb"\0*(\d{10})(?:\.\d+)?\|")


class Gaps:
    """What was missed: noted by the thread that hears, filled by the one that sends. Instants in seconds since 1970."""

    def __init__(self, log_path: Path | None, sender: Sender) -> None:
        self._log_path, self._sender = log_path, sender
        kept = sender.folder.read(STATE)
        self._heard: float | None = kept.get("heard")
        self._open: list[list[float]] = kept.get("gaps", [])
        self._noted = self._tried = 0.0
        self._guard = Lock()

    def heard(self, at: float) -> None:
        """Until `at`, nothing was missed; it is noted every few seconds, so that a crash leaves a gap too long."""
        with self._guard:
            self._heard = at
            if at - self._noted >= NOTED_EVERY:
                self._write()

    def connected(self, at: float) -> None:
        """Somebody listens again: what lies between the last word and now was missed."""
        with self._guard:
            if self._heard is not None:
                gap = [self._heard, at]
                if self._log_path is None:
                    log.warning("Nothing was heard %s, and no --queue-log can tell of it", _shown(gap))
                else:
                    self._open.append(gap)
            self._heard = at
            self._write()

    def fill(self, at: float) -> None:
        """Sends the lines of the gaps that are over for long enough that the log has all of them.

        Raises:
            Stopped: the shipper was told to stop meanwhile; the gap stays open.
        """
        with self._guard:
            due = [gap for gap in self._open if max(gap[1], self._tried) + MARGIN < at]
        for gap in due:
            self._tried, lines = at, 0
            try:
                for batch in self._lines_of(gap):
                    send(batch, self._sender)
                    lines += batch.lines.count(b"\n")
            except (*UNREADABLE, Failing) as error:
                log.warning("Nothing was heard %s, and the log cannot tell of it now: %s", _shown(gap), error)
                return
            log.warning("Nothing was heard %s; the log told of it in %d lines", _shown(gap), lines)
            with self._guard:
                self._open.remove(gap)
                self._write()

    def _lines_of(self, gap: list[float]) -> Iterator[Batch]:
        begin, end = gap[0] - MARGIN, gap[1] + MARGIN
        files = files_of(self._log_path) if self._log_path else []
        for file, after in zip(files, [*files[1:], None], strict=True):
            if file.began <= end and (after is None or after.began >= begin):
                with file.open() as content:
                    for batch in batches(file, content, 0, after is not None):
                        yield from _within(batch, begin, end)

    def _write(self) -> None:
        self._sender.folder.write(STATE, {"heard": self._heard, "gaps": self._open})
        self._noted = self._heard or 0.0


def _within(batch: Batch, begin: float, end: float) -> Iterator[Batch]:
    """The lines of a batch that were written between two instants, those beside each other together."""
    offset, taken, since = batch.offset, b"", batch.offset
    for line in _LINE.findall(batch.lines):
        stamp = _EPOCH.match(line)
        if stamp and begin <= float(stamp[1]) <= end:
            since = since if taken else offset
            taken += line
        elif taken:
            yield Batch(batch.generation, since, taken)
            taken = b""
        offset += len(line)
    if taken:
        yield Batch(batch.generation, since, taken)


def _shown(gap: list[float]) -> str:
    begin, end = (datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") for at in gap)
    return f"from {begin} to {end}"
