"""What a process of Plateau does with a place, until it has dealt with the last that there is for it."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from services.calls.closing import SETTLED, tell_of_intervals
from services.calls.ingest import Ingest
from services.calls.parts import dispatcher
from services.calls.policies import tell_of_completed
from services.calls.projections.calls import CallFigures
from services.kernel import schemas
from services.kernel.cloud_events import Received
from services.kernel.database import connect, open_pool
from services.kernel.decider import SYSTEM
from services.kernel.following import Follower
from services.kernel.inbox import Inbox
from services.kernel.messaging.batches import Batch, Limits
from services.kernel.messaging.consumer import Consumer
from services.kernel.messaging.patience import Done
from services.kernel.messaging.subscriptions import Subscriber
from services.kernel.privacy import Keyring
from services.kernel.projections import lags
from services.kernel.relay import Relay
from services.kernel.things import ThingStore
from tests.crash_points.bells import REACTIONS, ringing
from tests.crash_points.lives import MASTER, Place
from tests.crash_points.steps import Steps, Unwatched

QUEUE_SET = UUID(int=7)

RELAYED = """SELECT EXISTS (SELECT FROM store.relays JOIN store.events
    ON (relays.transaction_id, relays.position) >= (events.transaction_id, events.position)
    WHERE events.event_id = %s)"""
LEFT_TO_CLOSE = "SELECT EXISTS (SELECT FROM read.interval_marks)"
LEFT_TO_TELL = "SELECT EXISTS (SELECT FROM read.completions)"


def store_facts(place: Place, _steps: Steps) -> None:
    """As `calls-ingest`: facts from the queue into the store."""
    with open_pool(place.dsn, "crash points", size=1) as pool:
        ingest, queues = Ingest(pool, MASTER), place.ingest_queues

        def store(batch: Batch, done: Done) -> None:
            done(_failure_of(ingest.store, batch))
            if any(fact["id"] == place.last_of_all for fact in batch.facts):
                _soon(consumer.stop)

        consumer = Consumer(place.amqp_url, queues, queues.names[0], Limits(), store)
        consumer.run()


def relay(place: Place, steps: Steps) -> None:
    """As the relay: events from the store to the exchange."""
    stop = threading.Event()
    _stop_at_rest(steps, stop, lambda: _asked(place, RELAYED, UUID(place.last_of_all)))
    Relay(ringing(place.name), place.dsn, place.amqp_url, stop).run()


def hear_bells(place: Place, _steps: Steps) -> None:
    """As a small service: events of another into its inbox and its things."""
    with open_pool(place.dsn, "crash points", size=1) as pool:
        inbox = Inbox(pool, ThingStore(Keyring(MASTER)), REACTIONS)

        def take(events: Sequence[Received], done: Done) -> None:
            done(_failure_of(inbox.take, events))
            if any(str(event.id) == place.last_of_all for event in events):
                _soon(subscriber.stop)

        subscriber = Subscriber(place.amqp_url, place.event_queues, take)
        subscriber.run()


def follow(place: Place, steps: Steps) -> None:
    """As a follower: builds the read model of calls, and has it follow."""
    stop, read_model = threading.Event(), CallFigures()

    def is_level() -> bool:
        with Unwatched.connect(place.dsn) as connection, connection.cursor() as db:
            return lags(db, [read_model]) == {read_model.name: 0}

    _stop_at_rest(steps, stop, is_level)
    Follower(read_model, place.dsn, stop).run()


def tell(place: Place, _steps: Steps) -> None:
    """As the policy: tells of the calls that are over, as often as it takes."""
    with connect(place.dsn, "crash points") as connection:
        while _asked(place, LEFT_TO_TELL):
            tell_of_completed(connection, datetime.now(UTC))
            time.sleep(0.01)


def tell_of_hours(place: Place, _steps: Steps) -> None:
    """As the policy: tells of the hours that are over, as often as it takes."""
    with connect(place.dsn, "crash points") as connection:
        while _asked(place, LEFT_TO_CLOSE):
            tell_of_intervals(connection, datetime.now(UTC) + SETTLED)
            time.sleep(0.01)


def configure(place: Place, _steps: Steps) -> None:
    """As the calls service: carries a command out, which is repeated under its id until it is answered."""
    message = {
        "use_case": "ConfigureQueue",
        "key": "sales",
        "body": {"timezone": "Europe/Paris"},
        "command_id": str(QUEUE_SET),
        "actor": schemas.dump(SYSTEM),
        "expected_version": None,
    }
    with open_pool(place.dsn, "crash points", size=1) as pool:
        answer = dispatcher(pool, MASTER).execute(message)
    assert (answer["id"], answer["version"], answer["created"]) == ("sales", 1, True), answer


def _failure_of(doing: Callable[[Any], None], content: Any) -> BaseException | None:
    try:
        doing(content)
    except Exception as failure:  # noqa: BLE001 - as a worker hands it to whoever has the messages
        return failure
    return None


def _soon(stop: Callable[[], None]) -> None:
    threading.Timer(0.05, stop).start()  # so that the acknowledgement is sent by itself, as it usually is


def _stop_at_rest(steps: Steps, stop: threading.Event, finished: Callable[[], bool]) -> None:
    def rest() -> None:
        if finished():
            stop.set()

    steps.at_rest = rest


def _asked(place: Place, question: str, *about: Any) -> bool:
    with Unwatched.connect(place.dsn) as connection:
        return connection.execute(question, about).fetchone() == (True,)
