"""The calls service on the bus: wiring only."""

import os
from functools import partial
from typing import Any

from services.calls.api import api
from services.calls.erasure import effects
from services.calls.ingest import Ingest
from services.calls.projections import read_models
from services.calls.reports import readers
from services.calls.reports.progress import progress
from services.kernel.database import Pool
from services.kernel.ingest_queues import IngestQueues
from services.kernel.messaging.batches import Batch, batches
from services.kernel.messaging.database import OnDatabase
from services.kernel.messaging.rpc import rpc
from services.kernel.privacy import Keyring, MasterKey
from services.kernel.service import Dispatcher

DATABASE = "PLATEAU_CALLS_DATABASE_URL"
READ_MODELS = read_models()


def dispatcher(pool: Pool, master: MasterKey) -> Dispatcher:
    """What carries out the commands and answers the questions of the calls service."""
    keyring = Keyring(master)
    return Dispatcher(
        api,
        read_models=READ_MODELS,
        readers=readers(master),
        pool=pool,
        keyring=keyring,
        effects=effects(keyring),
    )


class CallsService:
    """Commands and questions."""

    name = "calls"
    databases = (DATABASE,)
    dispatch = OnDatabase(DATABASE, dispatcher)

    @rpc
    def execute(self, **message: Any) -> dict[str, Any]:
        """Carries a command out."""
        return self.dispatch.execute(message)

    @rpc
    def query(self, **message: Any) -> dict[str, Any]:
        """Answers a question."""
        return self.dispatch.query(message)

    @rpc
    def progress(self, publisher: str) -> dict[str, Any]:
        """How far the figures are behind what a gateway has acknowledged."""
        return self.dispatch.read(partial(progress, read_models=READ_MODELS, publisher=publisher))


class CallsIngest:
    """Facts from the ingest queues."""

    name = "calls_ingest"
    databases = (DATABASE,)
    facts = OnDatabase(DATABASE, Ingest)

    @batches(IngestQueues.of("calls", os.environ))
    def ingest(self, batch: Batch) -> None:
        """Stores a batch; acknowledged once it is committed."""
        self.facts.store(batch)
