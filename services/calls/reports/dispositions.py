"""What came of calls: the final disposition of one and all that was said of it, and the counts of many."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import sql

from services.calls.domain.dispositions import TOLD, decided_terms
from services.calls.projections.stories import DECIDED
from services.calls.queries import (
    DispositionOf,
    DispositionReport,
    DispositionRow,
    DispositionsOf,
    DispositionView,
    ToldDisposition,
    TopicCounts,
)
from services.calls.reports.call_listing import LISTED
from services.calls.reports.calls_as_known import recall_calls
from services.calls.reports.ranges import too_long
from services.calls.reports.visibility import Sight, call_filters, queue_is_seen
from services.kernel.boxes import Boxes
from services.kernel.database import Cursor, uuid_array
from services.kernel.decider import Rejected
from services.kernel.privacy import Keyring, MasterKey
from services.kernel.projections import answers
from services.kernel.store import COLUMNS, StoredEvent
from services.kernel.values import Actor

SAID = f"""SELECT {COLUMNS} FROM store.events WHERE stream_id = ANY(%s::uuid[]) AND type = ANY(%s)
    ORDER BY occurred_at, version"""  # noqa: S608 - a constant
# Dispositions repeat: grouped by the whole of each, a year of calls comes back as a few hundred rows.
COUNTS = """SELECT {group}, disposition,
        disposition IS NULL AND EXISTS (SELECT FROM legs WHERE legs.call = calls.id) AS handled, count(*)
    FROM calls {groups} WHERE NOT excluded AND {conditions} GROUP BY 1, 2, 3"""
OWN: LiteralString = """visits.call = calls.id
    AND (%(of_queues)s::text[] IS NULL OR visits.queue = ANY(%(of_queues)s::text[]))"""
QUEUES: LiteralString = f"SELECT DISTINCT queue FROM visits WHERE {OWN}"  # noqa: S608 - a constant
CLIENTS: LiteralString = f"SELECT DISTINCT client FROM visits LEFT JOIN queues USING (queue) WHERE {OWN}"  # noqa: S608 - a constant
GROUPS: dict[str | None, tuple[LiteralString, LiteralString]] = {
    None: ("NULL::text", ""),
    "campaign": ("campaign", ""),
    "queue": ("visited.queue", f"LEFT JOIN LATERAL ({QUEUES}) AS visited ON true"),
    "client": ("visited.client", f"LEFT JOIN LATERAL ({CLIENTS}) AS visited ON true"),
}
HOW: Mapping[str, Any] = {TOLD: "fact", DECIDED[0]: "set", DECIDED[1]: "corrected"}


@dataclass(slots=True)
class Tally:
    """What the dispositions of a group come to."""

    without: int = 0
    handled_without: int = 0
    disposed: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    topics: dict[str, Counter[str]] = field(default_factory=dict)
    sentiments: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    resolved: Counter[str] = field(default_factory=Counter)

    def add(self, disposition: Mapping[str, Any] | None, handled: bool, calls: int) -> None:
        """That many calls with this disposition; `handled` where they have none and an agent took them."""
        if disposition is None:
            self.without += calls
            self.handled_without += calls if handled else 0
            return
        self.disposed += calls
        self.codes[disposition["code"]] += calls
        for name, counts in (("kind", self.kinds), ("sentiment", self.sentiments), ("resolved", self.resolved)):
            if name in disposition:
                counts[disposition[name]] += calls
        for flag in set(disposition.get("flags", ())):
            self.flags[flag] += calls
        for topic in set(disposition.get("topics", ())):
            counts = self.topics.setdefault(topic, Counter())
            counts["calls"] += calls
            counts[disposition.get("sentiment", "unstated")] += calls

    def row(self, **group: str | None) -> DispositionRow:
        """The counts as they are shown, each kind of them in the order of names."""
        names = TopicCounts.__dataclass_fields__
        return DispositionRow(
            **{"queue": None, "client": None, "campaign": None, **group},
            calls=self.disposed + self.without,
            disposed=self.disposed,
            without=self.without,
            handled_without=self.handled_without,
            topics={
                topic: TopicCounts(*(found[name] for name in names)) for topic, found in sorted(self.topics.items())
            },
            **{name: dict(sorted(getattr(self, name).items())) for name in COUNTED},
        )


COUNTED = ("codes", "kinds", "sentiments", "flags", "resolved")


class DispositionReader:
    """Answers about what came of calls."""

    def __init__(self, master: MasterKey) -> None:
        self._boxes = Boxes(Keyring(master))

    @answers(DispositionOf)
    def disposition(self, asked: DispositionOf, db: Cursor, actor: Actor) -> DispositionView | None:
        """Of one call, if the actor may see it; who decided and why is the centre's own affair."""
        found = LISTED.rows(db, {"id": asked.id, **call_filters(db, actor)}, 1)
        if not found:
            return None
        said = told_of(db, self._boxes, [asked.id], Sight.of(db, actor))
        return DispositionView(asked.id, found[0]["disposition"], tuple(said[asked.id]))

    @answers(DispositionsOf)
    def report(self, asked: DispositionsOf, db: Cursor, actor: Actor) -> DispositionReport | Rejected | None:
        """Rows by group, without one a single row; None where the actor may not see the queue."""
        if refused := too_long(asked.from_, asked.to):
            return refused
        if asked.queue is not None and not queue_is_seen(db, actor, asked.queue):
            return None
        if (known_at := asked.as_known_at) and (refused := recall_calls(db, known_at, asked.from_, asked.to)):
            return refused
        wanted = {**LISTED.wanted(asked), **call_filters(db, actor)}
        of_queues = [asked.queue] if asked.queue is not None else wanted.get("seen_queues")
        group, groups = GROUPS[asked.group_by]
        counts = sql.SQL(COUNTS).format(
            group=sql.SQL(group), groups=sql.SQL(groups), conditions=LISTED.conditions(wanted)
        )
        tallies: dict[str | None, Tally] = {} if asked.group_by else {None: Tally()}
        for name, *figures in db.execute(counts, {**wanted, "of_queues": of_queues, "own": wanted.get("seen_queues")}):
            tallies.setdefault(name, Tally()).add(*figures)
        by = asked.group_by or "queue"
        ordered = sorted(tallies.items(), key=lambda each: (each[0] is None, each[0] or ""))
        return DispositionReport(
            tuple(tally.row(**{by: name}) for name, tally in ordered), known_at or datetime.now(UTC)
        )


def told_of(
    db: Cursor, boxes: Boxes, calls: Iterable[UUID], sight: Sight, only: UUID | None = None
) -> dict[UUID, list[ToldDisposition]]:
    """All that was said of each call's outcome, by the clock of who said it; `only` as of `Boxes.opened`."""
    said: dict[UUID, list[ToldDisposition]] = {call: [] for call in calls}
    events = [StoredEvent(*row) for row in db.execute(SAID, (uuid_array(said), [*HOW]))]
    decided = [(event.stream_id, event.event_id) for event in events if event.type in DECIDED and sight.agents]
    reasons = boxes.opened(db, decided, only)
    for event in events:
        if event.type == TOLD and not sight.tells(event.data):
            continue
        actor = event.metadata.get("actor") if sight.agents else None
        terms = decided_terms(event.data["data"] if event.type == TOLD else event.data)
        reason = reasons.get(event.event_id, {}).get("reason")
        told = ToldDisposition(HOW[event.type], event.occurred_at, event.recorded_at, terms, actor, reason)
        said[event.stream_id].append(told)
    return said
