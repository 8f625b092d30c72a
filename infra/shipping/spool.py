"""A queue on disk: what was put in is there after a crash, until it is said to be done with."""

import os
from collections.abc import Sequence
from pathlib import Path
from threading import Condition
from typing import NamedTuple

from infra.shipping.keeping import Folder

STATE = "spool.json"
SEGMENT_BYTES = 4 * 1024 * 1024


class Part(NamedTuple):
    """Some lines of the queue, and where the next ones begin."""

    lines: bytes
    segment: int
    end: int


class Spool:
    """Lines in files of some megabytes; one thread adds, one takes."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._path = folder.path / "spool"
        self._path.mkdir(mode=0o700, exist_ok=True)
        state = folder.read(STATE)
        there = self._segments()
        self._taken = (int(state.get("segment", there[0] if there else 1)), int(state.get("end", 0)))
        self._last = max([self._taken[0], *there])
        self._changed = Condition()
        self._safe = self._cut_off()  # bytes of the last file that are on disk for good

    def _segments(self) -> list[int]:
        return sorted(int(each.stem) for each in self._path.glob("*.ndjson"))

    def _at(self, segment: int) -> Path:
        return self._path / f"{segment:012}.ndjson"

    def _cut_off(self) -> int:
        """Drops half a line that a crash left: it was never said to be safe. Returns what is left of the last file."""
        path = self._at(self._last)
        if not path.exists():
            return 0
        whole = path.read_bytes().rfind(b"\n") + 1
        os.truncate(path, whole)
        return whole

    def add(self, lines: Sequence[bytes]) -> None:
        """Adds lines; they are on disk when it returns.

        Raises:
            OSError: the disk is full, or gone.
        """
        if not lines:
            return
        path = self._at(self._last)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            before = os.fstat(descriptor).st_size
            try:
                rest = memoryview(b"".join(line + b"\n" for line in lines))
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, before)
                raise
            size = os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
        with self._changed:
            self._last, self._safe = (self._last + 1, 0) if size >= SEGMENT_BYTES else (self._last, size)
            self._changed.notify()

    def take(self, most_lines: int, seconds: float) -> Part | None:
        """The next lines; None where there are none within some seconds. Until `done` they are given again."""
        with self._changed:
            part = self._next(most_lines)
            if part is None and self._changed.wait(seconds):
                part = self._next(most_lines)
            return part

    def _next(self, most_lines: int) -> Part | None:
        segment, begin = self._taken
        while segment <= self._last:
            path = self._at(segment)
            content = b""
            if path.exists():
                with path.open("rb") as file:
                    file.seek(begin)
                    content = b"".join(file.readline() for _ in range(most_lines))
            if segment == self._last:  # what is being written may be taken back: the disk is full
                content = content[: max(self._safe - begin, 0)]
            whole = content.rfind(b"\n") + 1
            if whole:
                return Part(content[:whole], segment, begin + whole)
            if segment == self._last:
                return None
            segment, begin = segment + 1, 0
        return None

    def done(self, part: Part) -> None:
        """Notes that a part is done with, and removes the files that hold nothing else."""
        self._folder.write(STATE, {"segment": part.segment, "end": part.end})
        self._taken = (part.segment, part.end)
        for segment in self._segments():
            if segment < part.segment:
                self._at(segment).unlink()
