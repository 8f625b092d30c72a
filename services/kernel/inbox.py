"""The inbox: what other services have told, each event once, what it leads to and the note of it in one transaction.

    @reacts("training", LearningPlanFinished)
    def note_induction(finished: LearningPlanFinished, happened: Happened) -> Iterable[Order]:
        yield Order(employees, str(finished.employee), NoteInduction(finished.plan))

A reaction gives orders to things of its own service. `LearningPlanFinished` is the consumer's own class, with the
fields that it reads and no others.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID, uuid5

from prometheus_client import Counter

from services.kernel import schemas
from services.kernel.cloud_events import Received, source_of
from services.kernel.database import Cursor, Pool, uuid_array
from services.kernel.decider import SYSTEM, Context, event_type
from services.kernel.declarations import Things
from services.kernel.following import WAKE
from services.kernel.things import Order, ThingStore

F = TypeVar("F", bound=Callable[..., Any])

EVENTS = Counter("plateau_inbox_events", "Events of other services, by what became of them.", ["source", "result"])

# Of two that have the same events in hand (one of them with a lost connection), the second sees what the first did.
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('inbox'), hashtext(%s))"
KNOWN = "SELECT event_id FROM store.inbox WHERE source = %s AND event_id = ANY(%s::uuid[])"
SEEN = """
    SELECT wanted.type, wanted.subject, last.revision
    FROM unnest(%s::text[], %s::text[]) AS wanted(type, subject)
    CROSS JOIN LATERAL (
        SELECT revision FROM store.inbox
        WHERE source = %s AND inbox.type = wanted.type AND inbox.subject = wanted.subject AND revision IS NOT NULL
        ORDER BY revision DESC LIMIT 1
    ) AS last"""
NOTE = """INSERT INTO store.inbox (source, event_id, type, subject, revision)
    SELECT %s, * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::int[])"""


class Happened(NamedTuple):
    """An event as a reaction gets it; `look(things, key)` is the state of a thing of the reacting service."""

    event: Received
    look: Callable[[Things, str], Any]


Reaction = Callable[[dict[str, Any], Happened], Iterable[Order]]
Reactions = Mapping[tuple[str, str], Reaction]


def reacts(source: str, shape: type) -> Callable[[F], F]:
    """Marks a function `(told, happened) -> orders` that says what an event of another service leads to."""

    def marked(function: F) -> F:
        function.reacts = (source, shape)  # type: ignore[attr-defined]
        return function

    return marked


def reactions(*functions: Callable[..., Iterable[Order]]) -> Reactions:
    """Marked functions by the service and the type of event that they react to."""
    made: dict[tuple[str, str], Reaction] = {}
    for function in functions:
        source, shape = function.reacts  # type: ignore[attr-defined]
        made[source_of(source), event_type(shape)] = _reading(shape, function)
    return made


def types_from(source: str, among: Reactions) -> tuple[str, ...]:
    """Which of a service's events the reactions want."""
    return tuple(kind for whose, kind in among if whose == source_of(source))


def _reading(shape: type, function: Callable[..., Iterable[Order]]) -> Reaction:
    return lambda data, happened: function(schemas.revive(shape, data), happened)


class Inbox:
    """Has each event of other services take effect once, and none that a later revision has overtaken."""

    def __init__(self, pool: Pool, things: ThingStore, among: Reactions) -> None:
        self._pool, self._things, self._reactions = pool, things, among

    def take(self, events: Sequence[Received]) -> None:
        """Carries out what events of one source lead to, and notes them, in one transaction.

        Raises what a reaction raises, Refused where a rule refuses its order, Conflict where it must be repeated.
        """
        wanted = [event for event in events if (event.source, event.type) in self._reactions]
        if not wanted:
            return
        source = wanted[0].source
        with self._pool.connection() as connection:
            with connection.transaction(), connection.cursor() as db:
                db.execute(ONE_AT_A_TIME, (source,))
                new = self._new(db, source, wanted)
                timely = self._timely(db, source, new)
                self._react(db, timely)
                # Last: an append must be the first that its transaction writes.
                db.execute(NOTE, (source, *_columns(new)))
            connection.execute(WAKE)
        for result, count in (
            ("applied", len(timely)),
            ("overtaken", len(new) - len(timely)),
            ("duplicate", len(wanted) - len(new)),
        ):
            EVENTS.labels(source, result).inc(count)

    @staticmethod
    def _new(db: Cursor, source: str, events: Sequence[Received]) -> list[Received]:
        known: set[UUID] = {event for (event,) in db.execute(KNOWN, (source, uuid_array(e.id for e in events)))}
        return list({event.id: event for event in events if event.id not in known}.values())

    @staticmethod
    def _timely(db: Cursor, source: str, events: Sequence[Received]) -> list[Received]:
        """Those that no later revision of the same subject came before."""
        subjects = list({(event.type, event.subject) for event in events if event.revision is not None})
        asked = ([kind for kind, _ in subjects], [subject for _, subject in subjects], source)
        seen = {(kind, subject): revision for kind, subject, revision in db.execute(SEEN, asked)} if subjects else {}
        timely = []
        for event in events:
            if event.revision is not None:
                if event.revision <= seen.get((event.type, event.subject), 0):
                    continue
                seen[event.type, event.subject] = event.revision
            timely.append(event)
        return timely

    def _react(self, db: Cursor, events: Sequence[Received]) -> None:
        given: list[tuple[Order, Context]] = []

        def look(things: Things, key: str) -> Any:
            self._carry_out(db, given)  # first, so that whoever looks sees what the events before have come to
            return self._things.load(db, things, key).state

        now = datetime.now(UTC)
        for event in events:
            orders = self._reactions[event.source, event.type](event.data, Happened(event, look))
            given += [
                (order, Context(now, SYSTEM, uuid5(event.id, str(n)), order.key, event.id, event.traceparent))
                for n, order in enumerate(orders)
            ]
        self._carry_out(db, given)

    def _carry_out(self, db: Cursor, given: list[tuple[Order, Context]]) -> None:
        if given:
            self._things.carry_out(db, given)
            given.clear()


def _columns(events: Sequence[Received]) -> tuple[Any, ...]:
    return (
        uuid_array(event.id for event in events),
        [event.type for event in events],
        [event.subject for event in events],
        [event.revision for event in events],
    )
