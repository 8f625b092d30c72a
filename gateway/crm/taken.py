"""Events of CRMs' webhooks as they are written down, each once, before the provider has its answer."""

import base64
from collections.abc import Sequence
from uuid import UUID, uuid5

import orjson
from prometheus_client import Counter

from gateway.crm.connections import CHANGES, Connection
from gateway.crm.provider import Change
from gateway.deliveries import queue, targets
from gateway.deliveries.channel import Database, Wanted
from gateway.sealing import SecretBox

TAKEN = Counter("plateau_crm_inbound_events", "Events of CRMs' webhooks, by what they are.", ["provider", "result"])


async def take(db: Database, box: SecretBox, connection: Connection, changes: Sequence[Change]) -> None:
    """Writes down what came, once; what is of a type that we do not know is kept sealed."""
    wanted = [
        Wanted(
            connection.id,
            {
                "id": str(uuid5(connection.id, change.key)),
                "type": change.type[:200],
                "subject": change.external_id or "",
                "person": change.external_id,
                "sealed": _sealed(box, connection.id, change),
            },
            ordering_key=change.external_id,
        )
        for change in changes
    ]
    await queue.write(db, CHANGES, wanted)
    await targets.wake(db)
    for change in changes:
        TAKEN.labels(connection.provider, "taken" if change.external_id else "unknown").inc()


def _sealed(box: SecretBox, connection_id: UUID, change: Change) -> str | None:
    if change.external_id is not None:
        return None
    return base64.b64encode(box.seal(connection_id, orjson.dumps(change.said).decode())).decode()
