"""The calls service on the bus: wiring only."""

import os
from typing import Any

from services.calls.ingest import Ingest, stored
from services.calls.parts import dispatcher, inbox
from services.calls.team_policies import REACTIONS
from services.kernel.cloud_events import Received
from services.kernel.event_queues import EventQueues
from services.kernel.inbox import types_from
from services.kernel.ingest_queues import IngestQueues
from services.kernel.messaging.answering import Answering
from services.kernel.messaging.batches import Batch, batches
from services.kernel.messaging.database import OnDatabase
from services.kernel.messaging.rpc import rpc
from services.kernel.messaging.subscriptions import subscribed

DATABASE = "PLATEAU_CALLS_DATABASE_URL"


class CallsService(Answering):
    """Commands and questions, and what staff tells."""

    name = "calls"
    databases = (DATABASE,)
    dispatch = OnDatabase(DATABASE, dispatcher)
    inbox = OnDatabase(DATABASE, inbox)

    @rpc
    def progress(self, publisher: str) -> dict[str, Any]:
        """As of every service, and `stored`: how many facts of a gateway are stored, by queue."""
        return {"stored": self.dispatch.read(lambda db: stored(db, publisher)), **self.dispatch.progress()}

    @subscribed(EventQueues("calls", "staff", types_from("staff", REACTIONS)))
    def hear_staff(self, events: list[Received]) -> None:
        """Keeps who is in which team."""
        self.inbox.take(events)


class CallsIngest:
    """Facts from the ingest queues."""

    name = "calls_ingest"
    databases = (DATABASE,)
    facts = OnDatabase(DATABASE, Ingest)

    @batches(IngestQueues.of("calls", os.environ))
    def ingest(self, batch: Batch) -> None:
        """Stores a batch; acknowledged once it is committed."""
        self.facts.store(batch)
