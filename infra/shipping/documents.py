"""`plateau ship freeswitch-cdr`: sends the call records that mod_json_cdr could not post itself and left as files."""

import logging
import os
import time
from contextlib import suppress
from pathlib import Path
from threading import Event

from infra.shipping.posting import Failing
from infra.shipping.sending import Parcel, Sender

log = logging.getLogger(__name__)

PATH = "/v1/telephony/freeswitch/cdr"
SETTLED = 2.0  # seconds without a change, after which a file is whole


class DocumentShipper:
    """Sends each file of a folder and moves it to `done/`, or to `rejected/` where Plateau does not take it.

    A file that was sent and not yet moved when the shipper died is sent again: a record counts once.
    """

    def __init__(self, directory: Path, sender: Sender) -> None:
        self._directory, self._sender = directory, sender

    def follow(self, stopping: Event, interval: float) -> None:
        """Sends what is there and what comes, until told to stop."""
        log.info("Following %s as %s", self._directory, self._sender.source)
        while not stopping.is_set():
            self.ship()
            stopping.wait(interval)

    def ship(self) -> None:
        """Sends all that is there now and whole, the oldest first."""
        found = [(status.st_mtime, each) for each in self._directory.glob("*.json") if (status := _status(each))]
        for modified, path in sorted(found):
            if time.time() - modified < SETTLED:
                continue
            try:
                taken = self._sender.send(Parcel(PATH, path.read_bytes(), "application/json", lines=False))
                aside = self._directory / ("done" if taken else "rejected")
                aside.mkdir(exist_ok=True)
                path.rename(aside / path.name)
            except (Failing, OSError) as error:
                log.warning("%s stays where it is, and its turn comes again: %s", path, error)


def _status(path: Path) -> os.stat_result | None:
    """Of a file that is still there."""
    with suppress(FileNotFoundError):
        return path.stat() if path.is_file() else None
    return None
