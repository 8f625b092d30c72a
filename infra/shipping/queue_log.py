"""`plateau ship queue-log`: follows Asterisk's queue_log across rotation and restarts."""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import IO, NamedTuple

from infra.shipping.log_files import LONGEST_LINE, UNREADABLE, LogFile, files_of
from infra.shipping.posting import Failing
from infra.shipping.sending import Parcel, Sender

log = logging.getLogger(__name__)

PATH = "/v1/telephony/asterisk/queue-log"
STATE = "state.json"
MOST_BYTES = 192 * 1024  # about 3 000 lines
AFTER_FAILURE = 30.0  # seconds
LOOKS = 20  # for a file that has vanished
REMEMBERED = 50  # generations that are done with


class Batch(NamedTuple):
    """Whole lines of one generation, and where in it they begin (bytes)."""

    generation: str
    offset: int
    lines: bytes

    @property
    def end(self) -> int:
        """Where the next batch begins."""
        return self.offset + len(self.lines)


class QueueLogShipper:
    """Sends the lines of one log, each known by its generation and its place there, so that a repeat counts once."""

    def __init__(self, path: Path, sender: Sender) -> None:
        self._path, self._sender = path, sender
        state = sender.folder.read(STATE)
        self._generation: str | None = state.get("generation")
        self._offset: int = state.get("offset", 0)
        self._began: float = state.get("began", 0.0)
        self._done: list[str] = state.get("done", [])
        self._unseen = 0

    def start_at_end(self) -> None:
        """Passes over what is there now, if nothing was ever sent from here."""
        if self._generation is None and (files := files_of(self._path)):
            with files[-1].open() as content:
                content.seek(0, 2)
                self._move(files[-1], _after_last_line(content))

    def follow(self, stopping: Event, interval: float) -> None:
        """Sends what is there and what comes, until told to stop."""
        log.info("Following %s as %s", self._path, self._sender.source)
        if not os.access(self._path, os.R_OK):
            log.warning("There is no %s yet, or it may not be read; waiting for it", self._path)
        while not stopping.is_set():
            try:
                anything = self.ship(patient=True)
            except Failing as failing:
                log.warning("%s; again in %d s", failing, AFTER_FAILURE)
                stopping.wait(AFTER_FAILURE)
            else:
                if not anything:
                    stopping.wait(interval)

    def ship(self, told: Callable[[int], None] = lambda _: None, *, patient: bool = False) -> bool:
        """Sends all that is there now; says whether there was anything, and tells of every batch's bytes.

        A `patient` one looks for a file that has vanished half read several times before it goes on to the next.
        """
        anything = False
        files = self._unfinished()
        if patient and self._is_missed(files):
            return False
        if self._generation is None and files:
            self._move(files[0], 0)  # so that it is found again if it is rotated before anything is acknowledged
        for file in files:
            # Until another file has its first line, Asterisk may still write to one that was renamed.
            final = file is not files[-1] or file.is_compressed
            try:
                for batch in self._batches(file, final):
                    send(batch, self._sender)
                    self._move(file, batch.end)
                    told(len(batch.lines))
                    anything = True
            except UNREADABLE as error:
                log.warning("%s cannot be shipped now: %s", file.path, error)
                return anything
            if final:
                self._finish(file)
        return anything

    def _is_missed(self, files: Sequence[LogFile]) -> bool:
        """Whether the file that it was reading is not seen just now: it is being rotated, or else it is nowhere."""
        seen = not self._generation or any(file.generation == self._generation for file in files)
        self._unseen = 0 if seen else self._unseen + 1
        if self._unseen > LOOKS:
            remedy = "if it lies elsewhere, take it in with --once --file"
            log.warning("What was read up to byte %d is not beside %s any more: %s", self._offset, self._path, remedy)
        return 0 < self._unseen <= LOOKS

    def bytes_left(self) -> int:
        """About how much there is to send; a compressed file counts as it lies there."""
        sizes = [file.path.stat().st_size - self._place_in(file) for file in self._unfinished()]
        return sum(max(size, 0) for size in sizes)

    def _unfinished(self) -> list[LogFile]:
        """The files with something to send, the oldest first. At the very first, that is the log as it is now."""
        files = files_of(self._path)
        if self._generation is None:
            return [file for file in files if file.path == self._path]
        return [
            file
            for file in files
            if file.generation == self._generation
            or (file.generation not in self._done and (file.began >= self._began or file.path == self._path))
        ]

    def _place_in(self, file: LogFile) -> int:
        return self._offset if file.generation == self._generation else 0

    def _batches(self, file: LogFile, final: bool) -> Iterator[Batch]:
        with file.open() as content:
            yield from batches(file, content, self._place_in(file), final)

    def _move(self, file: LogFile, offset: int) -> None:
        self._generation, self._began, self._offset = file.generation, file.began, offset
        self._write()

    def _finish(self, file: LogFile) -> None:
        log.info("Done with %s (%s)", file.path, file.generation)
        self._done = [*self._done, file.generation][-REMEMBERED:]
        self._generation, self._offset, self._began = "", 0, file.began
        self._write()

    def _write(self) -> None:
        state = {"generation": self._generation, "offset": self._offset, "began": self._began, "done": self._done}
        try:
            self._sender.folder.write(STATE, state)
        except OSError as error:
            log.warning("How far it is cannot be noted (%s): after a restart, some is sent again", error)


def batches(file: LogFile, content: IO[bytes], offset: int, final: bool) -> Iterator[Batch]:
    """What is in a file from `offset` on, in whole lines; of a `final` one the last line too that has no end.

    Raises:
        Truncated: the file was emptied while it was read; what was given of it is its own.
    """
    content.seek(offset)
    rest = b""
    while chunk := content.read(MOST_BYTES):
        file.check(content)
        rest += chunk
        whole = rest.rfind(b"\n") + 1
        if not whole and len(rest) >= LONGEST_LINE:
            whole = len(rest)  # no line of this log: Plateau says so
        if whole:
            yield Batch(file.generation, offset, rest[:whole])
            offset, rest = offset + whole, rest[whole:]
    if final and rest:
        yield Batch(file.generation, offset, rest)


def _after_last_line(content: IO[bytes]) -> int:
    """The place behind the last whole line, from a place behind all."""
    end = content.tell()
    begin = max(0, end - MOST_BYTES)
    content.seek(begin)
    return begin + content.read(end - begin).rfind(b"\n") + 1


def send(batch: Batch, sender: Sender) -> None:
    """Sends lines until they are acknowledged."""
    place: dict[str, str | int] = {"generation": batch.generation, "offset": batch.offset}
    sender.send(Parcel(PATH, batch.lines, "text/plain", place=place))
