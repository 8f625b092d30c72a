"""A log and the files that its rotation left, in the order in which they were written.

A file is known by its first line, wherever it lies and however it is compressed: that line begins with an instant and
stays what it is. So its generation is the same after a restart, a rename, a copy or gzip. (An inode is not: it comes
back for another file, and a copy that is truncated afterwards keeps it.)
"""

import bz2
import gzip
import hashlib
import lzma
import os
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, NamedTuple

OPENERS: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
UNREADABLE = (EOFError, OSError, lzma.LZMAError)  # gone meanwhile, or still being compressed
LONGEST_LINE = 1 << 20

_EPOCH = re.compile(rb"\0*(\d{10}(?:\.\d{1,6})?)\|")


class Truncated(OSError):  # noqa: N818 - what happened to it
    """The file was emptied while it was read; what it held is in a copy."""


class LogFile(NamedTuple):
    """One file of the log: its generation, its first line, and when that was written (seconds since 1970)."""

    path: Path
    generation: str
    began: float
    first: bytes

    @property
    def is_compressed(self) -> bool:
        """Whether nobody writes to it any more."""
        return self.path.suffix in OPENERS

    def open(self) -> IO[bytes]:
        """Its content, inflated."""
        file: IO[bytes] = OPENERS.get(self.path.suffix, _plain)(self.path)
        return file

    def check(self, content: IO[bytes]) -> None:
        """Makes sure that what was read from it so far is its own.

        Raises:
            Truncated: it may be of the generation that was begun in its place.
        """
        if not self.is_compressed and os.pread(content.fileno(), len(self.first), 0) != self.first:
            raise Truncated(f"{self.path} was emptied meanwhile")


def _plain(path: Path) -> IO[bytes]:
    return path.open("rb")


def read(path: Path) -> LogFile | None:
    """The file at this path; None where there is none, or none with a whole line."""
    try:
        found = path.stat()
        return _read(path, found.st_ino, found.st_size, found.st_mtime)
    except UNREADABLE:
        return None


@lru_cache(maxsize=1024)
def _read(path: Path, _inode: int, _size: int, modified: float) -> LogFile | None:
    """Likewise, read once as long as the file looks the same."""
    with OPENERS.get(path.suffix, _plain)(path) as file:
        first = file.readline(LONGEST_LINE)
    if not first.endswith(b"\n"):
        return None
    digest = hashlib.blake2b(first.lstrip(b"\0"), digest_size=12).hexdigest()
    stamp = _EPOCH.match(first)
    return LogFile(path, f"q-{digest}", float(stamp[1]) if stamp else modified, first)


def files_of(path: Path) -> list[LogFile]:
    """The log and what rotation made of it (`queue_log.1`, `queue_log-20261121.gz`), the oldest first; the log last.

    Of one generation that lies there twice (while it is being compressed, say) the uncompressed one.
    """
    found: dict[str, LogFile] = {}
    for each in sorted(_rotated(path), key=lambda each: each.suffix in OPENERS, reverse=True):
        if file := read(each):
            found[file.generation] = file
    current = read(path)
    if current:
        found.pop(current.generation, None)
    return [*sorted(found.values(), key=lambda file: file.began), *([current] if current else [])]


def _rotated(path: Path) -> Iterator[Path]:
    for each in path.parent.glob(f"{path.name}[.-]*"):
        if each.is_file():
            yield each
