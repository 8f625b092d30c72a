"""What a shipper keeps on disk: how far it is, and what Plateau would not take."""

import fcntl
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import click


def now() -> str:
    """The instant as RFC 3339."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


class Folder:
    """The folder of one shipper; only its owner may read it, since telephone numbers may lie there.

    Raises:
        ClickException: it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise click.ClickException(
                f"{path} cannot be made ({error.strerror}): name another by --folder."
            ) from error
        self.path = path

    @contextmanager
    def locked(self) -> Any:
        """Holds the folder.

        Raises:
            ClickException: another shipper holds it, or nothing can be written there.
        """
        try:
            lock = (self.path / "lock").open("w")
        except OSError as error:
            raise click.ClickException(f"{self.path} cannot be written ({error.strerror}).") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise click.ClickException(f"Another shipper is at work in {self.path}.") from error
            yield

    def read(self, name: str) -> dict[str, Any]:
        """What was written last under this name; nothing where that was never.

        Raises:
            ClickException: something else wrote there.
        """
        try:
            return dict(json.loads((self.path / name).read_bytes()))
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError) as error:
            remedy = "Remove it, and the shipper begins again: what it sends twice counts once."
            raise click.ClickException(f"{self.path / name} is not as a shipper wrote it. {remedy}") from error

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        """Replaces what is under this name; after a crash there is the old or the new, and never half of either."""
        beside = self.path / f".{name}"
        with _private(beside, "w") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path / name)

    def reject(self, items: Iterable[Mapping[str, Any]]) -> None:
        """Adds to `rejected.jsonl` what was not taken, each with its verdict."""
        with _private(self.path / "rejected.jsonl", "a") as file:
            file.writelines(json.dumps({"at": now(), **item}, ensure_ascii=False) + "\n" for item in items)
            file.flush()
            os.fsync(file.fileno())


def _private(path: Path, mode: str) -> IO[str]:
    return open(path, mode, encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600))
