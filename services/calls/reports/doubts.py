"""What a doubt is, and which facts are behind it. Each family of doubts finds its own, in a module of its own."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import LiteralString, NamedTuple, get_type_hints
from uuid import UUID

from services.calls.queries import DoubtItem, ExplainedFact
from services.calls.reports.facts import facts_of
from services.kernel.database import Cursor, uuid_array
from services.kernel.store import StoredEvent


class Doubt(NamedTuple):
    """One doubt as it is found: a row of the SQL of each family.

    `thing` is what `about` names. `events` are the facts behind it in `stream`; None where these are all of its facts.
    `key` gives it a place of its own among those of one kind and instant. `count` is how often it came up.
    """

    source: str
    kind: str
    call: UUID | None
    at: datetime
    about: str
    detail: str | None
    thing: str
    stream: UUID | None
    events: Sequence[UUID] | None
    key: str
    count: int


COLUMNS = ", ".join(get_type_hints(Doubt))
OF_SOURCE: LiteralString = "(%(sources)s::text[] IS NULL OR {0} = ANY(%(sources)s))"
FACTS = """SELECT event.stream_id, event.event_id, data ->> 'id', data ->> 'source', type, occurred_at, recorded_at
    FROM unnest(%s::uuid[], %s::uuid[]) AS wanted(stream_id, event_id)
    JOIN store.events AS event USING (stream_id, event_id)"""


def within(instant: LiteralString) -> LiteralString:
    """The condition that an instant lies in the half-open range that is asked about."""
    return f"{instant} >= %(begin)s AND {instant} < %(end)s"


def items(db: Cursor, doubts: Sequence[Doubt]) -> tuple[DoubtItem, ...]:
    """The doubts as they are shown, each with the facts behind it."""
    whole = facts_of(db, {each.stream for each in doubts if each.stream and each.events is None})
    single = _single(db, [(each.stream, event) for each in doubts if each.stream for event in each.events or ()])
    shown = []
    for each in doubts:
        facts: list[ExplainedFact] = []
        if each.stream and each.events is None:
            facts = [_told(event) for event in whole[each.stream]]
        elif each.events:
            behind = [single[event] for event in each.events if event in single]
            facts = sorted(behind, key=lambda fact: (fact.occurred_at, fact.id))
        shown.append(
            DoubtItem(
                source=each.source,
                call_id=each.call,
                at=each.at,
                about=each.about,
                detail=each.detail,
                thing=each.thing,  # type: ignore[arg-type] - as each family has it
                count=each.count,
                facts=tuple(facts),
            )
        )
    return tuple(shown)


def _single(db: Cursor, places: Iterable[tuple[UUID, UUID]]) -> Mapping[UUID, ExplainedFact]:
    wanted = list(places)
    if not wanted:
        return {}
    streams, events = zip(*wanted, strict=True)
    rows = db.execute(FACTS, (uuid_array(streams), uuid_array(events)))
    return {event: ExplainedFact(*told) for _, event, *told in rows}


def _told(event: StoredEvent) -> ExplainedFact:
    return ExplainedFact(event.data["id"], event.data["source"], event.type, event.occurred_at, event.recorded_at)
