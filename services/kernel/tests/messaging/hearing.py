"""Services that hear each other, which a test runs in a process of their own; see `recording` for the folder.

`Hearer` appends an event for each bell that it hears, to a stream of its own; it cannot bear the number 13 as long as
the file `cured` is not there. `Teller` relays the bells.
"""

import time
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from services.kernel import store
from services.kernel.cloud_events import Received
from services.kernel.database import Cursor
from services.kernel.decider import event
from services.kernel.declarations import Api
from services.kernel.event_queues import EventQueues
from services.kernel.inbox import Happened, Inbox, reactions, reacts, types_from
from services.kernel.messaging.database import OnDatabase
from services.kernel.messaging.relaying import Relaying
from services.kernel.messaging.subscriptions import subscribed
from services.kernel.store import NewEvent
from services.kernel.tests.messaging.recording import FOLDER, QUEUE, note

DATABASE = "TEST_DATABASE"
SOURCE = QUEUE.replace("test.ingest.", "bells")
BELLS = uuid5(NAMESPACE_URL, "bells heard")


@event("bell_rung")
class BellRung:
    """What the hearer reads of it."""

    number: int


@reacts(SOURCE, BellRung)
def hear(rung: BellRung, happened: Happened, db: Cursor) -> None:
    """Notes the number and what was seen before it."""
    told = NewEvent(BELLS, happened.event.id, "bell_heard", {"number": rung.number, "seen": happened.seen}, now())
    store.append(db, [told], store.heads(db, [BELLS]))
    while (FOLDER / "hold").exists():
        time.sleep(0.01)
    if rung.number == 13 and not (FOLDER / "cured").exists():
        raise ValueError("thirteen is too many")


def now() -> datetime:
    return datetime.now(UTC)


REACTIONS = reactions(hear)
QUEUES = EventQueues("hearer", SOURCE, types_from(SOURCE, REACTIONS), delay=0.3, attempts=3)
api = Api(SOURCE)
api.publishes(BellRung, revised=True)


class Hearer:
    """Hears bells."""

    name = "hearer"
    inbox = OnDatabase(DATABASE, lambda pool, _: Inbox(pool, REACTIONS))

    @subscribed(QUEUES)
    def bells(self, events: list[Received]) -> None:
        """Takes them as they come."""
        note("begun", ids=[event.data.get("number") for event in events])
        self.inbox.take(events)
        note("taken")
        while (FOLDER / "linger").exists():
            time.sleep(0.01)


class Teller:
    """Tells of bells."""

    name = "teller"
    relay = Relaying(api, DATABASE)
