"""Services that a test runs in a process of their own. They do as the facts and the files in TEST_FOLDER say.

`journal` gets a line for each thing that happened; while `hold` exists, a batch waits before it is committed; while
`away` exists, the database cannot be reached; a fact with the id "poison" cannot be stored.
"""

import os
import time
from pathlib import Path

import orjson

from services.kernel.ingest_queues import IngestQueues
from services.kernel.messaging.batches import Batch, Limits, batches
from services.kernel.messaging.rpc import rpc
from services.kernel.values import Unavailable

FOLDER = Path(os.environ["TEST_FOLDER"])
QUEUE = os.environ["TEST_QUEUE"]
LIMITS = Limits(**orjson.loads(os.environ.get("TEST_LIMITS", "{}")))


def note(what, **more):
    with (FOLDER / "journal").open("ab") as journal:
        journal.write(orjson.dumps({"what": what, **more}) + b"\n")


class Recorder:
    name = "recorder"

    @batches(IngestQueues((QUEUE,), exchange="plateau.test"), LIMITS)
    def ingest(self, batch: Batch) -> None:
        ids = [fact["id"] for fact in batch.facts]
        note("begun", ids=ids)
        while (FOLDER / "hold").exists():
            time.sleep(0.01)
        if (FOLDER / "away").exists():
            raise Unavailable("the database is away")
        if "poison" in ids:
            raise ValueError("a fact that cannot be stored")
        note("committed", ids=ids, published=[delivery.published for delivery in batch.deliveries])


class Echo:
    name = QUEUE

    @rpc
    def echo(self, **message):
        return message

    @rpc
    def slow(self, seconds):
        note("slow begun")
        time.sleep(seconds)
        note("slow done")

    @rpc
    def fails(self, how):
        raise {"away": Unavailable("the database is away"), "broken": ValueError("broken")}[how]
