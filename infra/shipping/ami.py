"""`plateau ship ami`: holds a connection to the manager interface, and loses nothing that it hears."""

import json
import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from threading import Event

from infra.shipping.ami_connection import Account, AmiConnection, Lost, Packet, Refused, name_of
from infra.shipping.gaps import Gaps
from infra.shipping.keeping import now
from infra.shipping.posting import Failing, Stopped
from infra.shipping.sending import Parcel, Sender
from infra.shipping.spool import Spool
from services.kernel.backoff import pauses

log = logging.getLogger(__name__)

PATH = "/v1/telephony/asterisk/ami"
AT_ONCE = 500
LONGEST_PAUSE = 15.0
AFTER_REFUSAL = 30.0


class AmiShipper:
    """One thread hears and writes down, one sends and fills gaps: neither waits for the other."""

    def __init__(
        self, account: Account, patterns: Sequence[str], log_path: Path | None, sender: Sender, stopping: Event
    ) -> None:
        self._account, self._patterns, self._sender, self._stopping = account, patterns, sender, stopping
        self._spool = Spool(sender.folder)
        self._gaps = Gaps(log_path, sender)

    def run(self) -> None:
        """Ships until told to stop."""
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ami") as threads:
            hearing = threads.submit(self._hear)
            hearing.add_done_callback(lambda _: self._stopping.set())
            try:
                with suppress(Stopped):
                    self._send()
            finally:
                self._stopping.set()
            hearing.result()

    # Hearing

    def _hear(self) -> None:
        waits = pauses(0.5, LONGEST_PAUSE)
        while not self._stopping.is_set():
            try:
                with AmiConnection(self._account) as connection:
                    log.info("Connected to %s:%d as %s", *self._account[:3])
                    self._gaps.connected(time.time())
                    for burst in connection.bursts():
                        self._take(burst)
                        waits = pauses(0.5, LONGEST_PAUSE)
                        if self._stopping.is_set():
                            return
            except Refused as refused:
                log.warning("Asterisk refuses %s: %s; again in %d s", self._account.username, refused, AFTER_REFUSAL)
                pause = AFTER_REFUSAL
            except (Lost, TimeoutError) as lost:
                pause = next(waits)
                log.warning("No connection: %s; again in %.1f s", lost or "Asterisk does not answer", pause)
            except OSError as error:
                # What cannot be written down is not heard: the log fills it in later.
                pause = LONGEST_PAUSE
                log.warning("The spool cannot be written (%s); hanging up for %d s", error, pause)
            self._stopping.wait(pause)

    def _take(self, burst: Sequence[Packet]) -> None:
        heard_at = now()
        self._spool.add([json.dumps({**packet, "received_at": heard_at}).encode() for packet in self._wanted(burst)])
        if burst:  # silence proves nothing
            self._gaps.heard(time.time())

    def _wanted(self, burst: Sequence[Packet]) -> Iterator[Packet]:
        for packet in burst:
            name = name_of(packet)
            if name and any(fnmatchcase(name, pattern) for pattern in self._patterns):
                yield packet

    # Sending

    def _send(self) -> None:
        while not self._stopping.is_set():
            try:
                part = self._spool.take(AT_ONCE, 0.5)
                if part is not None:
                    self._sender.send(Parcel(PATH, part.lines, "application/x-ndjson"))
                    self._spool.done(part)
                self._gaps.fill(time.time())
            except (Failing, OSError) as error:
                # Nothing is lost by it: what is not noted as done with is sent again.
                log.warning("%s; again in %d s", error, LONGEST_PAUSE)
                self._stopping.wait(LONGEST_PAUSE)
