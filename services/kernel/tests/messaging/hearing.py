"""Services that hear each other, which a test runs in a process of their own; see `recording` for the folder.

`Hearer` appends an event for each bell that it hears, to a stream of its own; it cannot bear the number 13 as long as
the file `cured` is not there. `Teller` relays the bells.
"""

import time
from collections.abc import Iterator

from services.kernel.cloud_events import Received
from services.kernel.database import Pool
from services.kernel.declarations import Api
from services.kernel.event_queues import EventQueues
from services.kernel.inbox import Happened, Inbox, reactions, reacts, types_from
from services.kernel.messaging.background import Background
from services.kernel.messaging.database import OnDatabase
from services.kernel.messaging.subscriptions import subscribed
from services.kernel.privacy import Keyring, MasterKey
from services.kernel.tests.bells import BellRung, HearBell, ears
from services.kernel.tests.messaging.recording import FOLDER, QUEUE, note
from services.kernel.things import Order, ThingStore

DATABASE = "TEST_DATABASE"
SOURCE = QUEUE.replace("test.ingest.", "bells")


@reacts(SOURCE, BellRung)
def hear(rung: BellRung, happened: Happened) -> Iterator[Order]:
    """Passes on what was heard where."""
    while (FOLDER / "hold").exists():
        time.sleep(0.01)
    if rung.number == 13 and not (FOLDER / "cured").exists():
        raise ValueError("thirteen is too many")
    yield Order(ears, happened.event.subject, HearBell(rung.number))


def inbox(pool: Pool, master: MasterKey) -> Inbox:
    """What the hearer takes events with."""
    return Inbox(pool, ThingStore(Keyring(master)), REACTIONS)


REACTIONS = reactions(hear)
QUEUES = EventQueues("hearer", SOURCE, types_from(SOURCE, REACTIONS), delay=0.3, attempts=3)
api = Api(SOURCE)
api.publishes(BellRung, revised=True)


class Hearer:
    """Hears bells."""

    name = "hearer"
    inbox = OnDatabase(DATABASE, inbox)

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
    background = Background(api, DATABASE)
