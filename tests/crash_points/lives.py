"""Lives of an actor: processes that are forked from one which has everything imported already."""

import base64
import multiprocessing
import os
import sys
import traceback
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from tempfile import TemporaryDirectory

from services.kernel.event_queues import EventQueues
from services.kernel.ingest_queues import IngestQueues
from services.kernel.privacy import MasterKey
from tests.crash_points.bells import SOURCE
from tests.crash_points.steps import Steps

LIFETIME = 60.0  # seconds; who has not finished by then never will
MASTER = MasterKey.from_text(base64.b64encode(bytes(range(32))).decode())
FINISHED = "finished"
ACTORS = "tests.crash_points.actors"
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([ACTORS])


def end_of_forks() -> None:
    """Ends the process from which lives are forked; by itself it would, a moment after this one."""
    forkserver._forkserver._stop()
    resource_tracker._resource_tracker._stop()


@dataclass(frozen=True)
class Place:
    """Where an actor works: a database, a broker, and names of its own there; it has finished with `last_of_all`."""

    dsn: str
    amqp_url: str
    name: str
    last_of_all: str = ""

    @property
    def ingest_queues(self) -> IngestQueues:
        """Where facts arrive: one queue."""
        return IngestQueues((f"{self.name}.ingest",), exchange=f"{self.name}.ingest")

    @property
    def event_queues(self) -> EventQueues:
        """Where bells are heard."""
        return EventQueues(self.name, SOURCE, ("bell_rung",))


def lived(actor: str, place: Place, until: str | None = None) -> tuple[list[str], bool]:
    """The steps that a process of an actor took, and whether it was killed at step `until`.

    `actor` is a function of `actors`, which brings eventlet along and is therefore imported in those processes only.
    Raises AssertionError with what the process said where it failed.
    """
    with TemporaryDirectory(prefix="life-") as folder:
        process = FORKS.Process(target=_live, args=(actor, place, Path(folder), until))
        process.start()
        process.join(LIFETIME)
        if process.is_alive():
            process.kill()
            process.join()
        steps, said = ((Path(folder) / name).read_text().splitlines() for name in ("steps", "said"))
    # Not by the exit code, which another thread that starts a process may have read before this one.
    finished, killed = said[-1:] == [FINISHED], steps[-1:] == [until]
    if not finished and not killed:
        raise AssertionError("\n".join([f"{actor} failed in {place.name} after {steps[-1:]}:", *said[-30:]]))
    return steps, not finished


def _live(actor: str, place: Place, folder: Path, until: str | None) -> None:
    said = os.open(folder / "said", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(said, sys.stdout.fileno())
    os.dup2(said, sys.stderr.fileno())
    steps = Steps(folder / "steps", until)
    steps.watch()
    try:
        getattr(import_module(ACTORS), actor)(place, steps)
        print(FINISHED, flush=True)
    except BaseException:  # noqa: BLE001 - whatever it is, it is told to the test
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(0)
