"""The inbox: what other services have told, each event once, its effect and the note of it in one transaction.

    @reacts("calls", CallCompleted)
    def book_telephony(completed: CallCompleted, happened: Happened, db: Cursor) -> None: ...

`CallCompleted` is the consumer's own class, with the fields that it reads and no others.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from prometheus_client import Counter

from services.kernel import schemas
from services.kernel.cloud_events import Received, source_of
from services.kernel.database import Cursor, Pool, uuid_array
from services.kernel.decider import event_type
from services.kernel.following import WAKE

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
    """An event as a reaction gets it; `seen` is the last revision of its subject that was applied, 0 where none was."""

    event: Received
    seen: int


Reaction = Callable[[Any, Happened, Cursor], None]
Reactions = Mapping[tuple[str, str], Reaction]


def reacts(source: str, shape: type) -> Callable[[F], F]:
    """Marks a function that changes the consumer's own database: it appends first, and ends no transaction."""

    def marked(function: F) -> F:
        function.reacts = (source, shape)  # type: ignore[attr-defined]
        return function

    return marked


def reactions(*functions: Callable[..., None]) -> Reactions:
    """Marked functions by the service and the type of event that they react to."""
    made: dict[tuple[str, str], Reaction] = {}
    for function in functions:
        source, shape = function.reacts  # type: ignore[attr-defined]
        made[source_of(source), event_type(shape)] = _reading(shape, function)
    return made


def types_from(source: str, among: Reactions) -> tuple[str, ...]:
    """Which of a service's events the reactions want."""
    return tuple(kind for whose, kind in among if whose == source_of(source))


def _reading(shape: type, function: Callable[..., None]) -> Reaction:
    def react(data: dict[str, Any], happened: Happened, db: Cursor) -> None:
        function(schemas.revive(shape, data), happened, db)

    return react


class Inbox:
    """Has each event of other services take effect once, and none that a later revision has overtaken."""

    def __init__(self, pool: Pool, among: Reactions) -> None:
        self._pool, self._reactions = pool, among

    def take(self, events: Sequence[Received]) -> None:
        """Applies events of one source, and notes them, in one transaction; raises what a reaction raises."""
        wanted = [event for event in events if (event.source, event.type) in self._reactions]
        if not wanted:
            return
        source = wanted[0].source
        with self._pool.connection() as connection:
            with connection.transaction(), connection.cursor() as db:
                db.execute(ONE_AT_A_TIME, (source,))
                new = self._new(db, source, wanted)
                overtaken = self._apply(db, source, new)
                # Last: an append must be the first that its transaction writes.
                db.execute(NOTE, (source, *_columns(new)))
            connection.execute(WAKE)
        for result, count in (
            ("applied", len(new) - overtaken),
            ("overtaken", overtaken),
            ("duplicate", len(wanted) - len(new)),
        ):
            EVENTS.labels(source, result).inc(count)

    @staticmethod
    def _new(db: Cursor, source: str, events: Sequence[Received]) -> list[Received]:
        known: set[UUID] = {event for (event,) in db.execute(KNOWN, (source, uuid_array(e.id for e in events)))}
        return list({event.id: event for event in events if event.id not in known}.values())

    def _apply(self, db: Cursor, source: str, events: Sequence[Received]) -> int:
        subjects = list({(event.type, event.subject) for event in events if event.revision is not None})
        asked = ([kind for kind, _ in subjects], [subject for _, subject in subjects], source)
        seen = {(kind, subject): revision for kind, subject, revision in db.execute(SEEN, asked)}
        overtaken = 0
        for event in events:
            before = seen.get((event.type, event.subject), 0)
            if event.revision is not None and event.revision <= before:
                overtaken += 1
                continue
            self._reactions[event.source, event.type](event.data, Happened(event, before), db)
            if event.revision is not None:
                seen[event.type, event.subject] = event.revision
        return overtaken


def _columns(events: Sequence[Received]) -> tuple[Any, ...]:
    return (
        uuid_array(event.id for event in events),
        [event.type for event in events],
        [event.subject for event in events],
        [event.revision for event in events],
    )
