"""`plateau ship freeswitch-cdr`: sends the call records that mod_json_cdr could not post itself and left as files."""

import logging
import time
from pathlib import Path
from threading import Event

from infra.shipping.posting import Sender

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
        found = [(each.stat().st_mtime, each) for each in self._directory.glob("*.json") if each.is_file()]
        for modified, path in sorted(found):
            if time.time() - modified < SETTLED:
                continue
            body = path.read_bytes()
            taken = self._sender.send(PATH, body, "application/json", [body])
            aside = self._directory / ("done" if taken else "rejected")
            aside.mkdir(exist_ok=True)
            path.rename(aside / path.name)
