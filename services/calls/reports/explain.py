"""From a figure of a report to the visits behind it, and to the facts behind them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import sql

from services.calls.queries import Explain, ExplainedFact, ExplainedVisit, Explanation, Measure
from services.calls.reports.as_known import Past, recall
from services.calls.reports.facts import facts_of
from services.calls.reports.intervals import STEPS, following
from services.calls.reports.judged_visits import UTC as UTC_ZONE
from services.calls.reports.judged_visits import judged, judged_visits, queue_zones, queues_seen
from services.calls.reports.ranges import too_long
from services.calls.reports.service_level import CAMPAIGN_NOW
from services.calls.reports.visibility import Sight, clients_of
from services.kernel.cursors import decode, encode
from services.kernel.database import Cursor
from services.kernel.decider import Rejected
from services.kernel.projections import answers
from services.kernel.values import Actor

BEHIND: dict[Measure, str] = {
    "offered": "true",
    "answered": "outcome = 'answered'",
    "answered_within": "outcome = 'answered' AND within",
    "abandoned": "outcome = 'abandoned'",
    "abandoned_within": "outcome = 'abandoned' AND within",
    "short_abandoned": "outcome = 'abandoned' AND short",
    "overflowed": "outcome = 'overflowed'",
    "in_progress": "outcome = 'in_progress'",
    "out_of_hours": "out_of_hours",
    "handled": "handled > 0",
    "pending": "pending > 0",
}
EACH: dict[Measure, str] = {"handled": "handled", "pending": "pending"}  # these count legs, the others visits

IN_CAMPAIGN = " AND (SELECT campaign FROM calls WHERE calls.id = judged.call) = %(campaign)s"

VALUE = "SELECT coalesce(sum({each}), 0)::int FROM ({visits}) AS judged WHERE {behind}"
PAGE = """SELECT call, id, entered_at FROM ({visits}) AS judged
    WHERE {behind} AND (entered_at, id) > (%(after_instant)s, %(after_id)s) ORDER BY entered_at, id LIMIT %(limit)s"""
BEGINNING = (datetime.min.replace(tzinfo=UTC).isoformat(), str(UUID(int=0)))


class Explanations:
    """Answers with what stands behind a figure."""

    @answers(Explain)
    def explain(self, asked: Explain, db: Cursor, actor: Actor) -> Explanation | Rejected | None:
        """The figure, its policies, and a page of its visits in the order in which they entered."""
        if asked.queue is asked.client is asked.campaign is None:
            return Rejected("calls.report.nothing_named", "Name a queue, a client or a campaign.", 422, "/queue")
        if asked.campaign is not None and asked.as_known_at is not None:
            return Rejected("calls.report.campaign_as_known", CAMPAIGN_NOW, 422, "/campaign")
        queues = queues_seen(db, actor, asked.queue)
        if asked.client is not None:
            clients = clients_of(db, queues)
            queues = [queue for queue in queues if clients.get(queue) == asked.client]
        if not queues:
            return None
        end = _end(asked, set(queue_zones(db, queues).values()))
        if isinstance(end, Rejected):
            return end
        if refused := too_long(asked.interval_start, end):
            return refused
        if (known_at := asked.as_known_at) and (
            refused := recall(db, actor, Past(asked.queue, asked.interval_start, end, known_at))
        ):
            return refused
        now = datetime.now(UTC)
        judgement = judged(db, asked, asked.interval_start, end, queues)
        if isinstance(judgement, Rejected):
            return judgement
        visits, parameters = judged_visits(judgement)
        parameters["campaign"] = asked.campaign
        parts = {
            "visits": visits,
            "behind": sql.SQL(BEHIND[asked.measure] if asked.campaign is None else BEHIND[asked.measure] + IN_CAMPAIGN),
            "each": sql.SQL(EACH.get(asked.measure, "1")),
        }
        (value,) = db.execute(sql.SQL(VALUE).format(**parts), parameters).fetchone() or (0,)
        after = decode(asked.cursor, now, datetime.fromisoformat, UUID) if asked.cursor else BEGINNING
        page = db.execute(
            sql.SQL(PAGE).format(**parts),
            {**parameters, "after_instant": after[0], "after_id": after[1], "limit": asked.limit + 1},
        ).fetchall()
        shown = page[: asked.limit]
        return Explanation(
            value=value,
            policy=judgement.policies(),
            items=_explained(db, shown, known_at, Sight.of(db, actor)),
            next=encode(now, shown[-1][2].isoformat(), str(shown[-1][1])) if len(page) > asked.limit else None,
        )


def _end(asked: Explain, zones: set[ZoneInfo]) -> datetime | Rejected:
    """Where the interval ends that is explained."""
    if asked.interval == "total":
        missing = Rejected("calls.report.end_missing", "A total needs `to`, as the report had it.", 422, "/to")
        return asked.to or missing
    zone = asked.timezone or (zones.pop() if len(zones) == 1 else None)
    if zone is None and asked.interval not in STEPS:
        differ = "The days of its queues begin in different zones: ask report and explanation with a `timezone`."
        return Rejected("calls.report.zones_differ", differ, 422, "/timezone")
    return following(asked.interval_start, asked.interval, zone or UTC_ZONE)


def _explained(
    db: Cursor, visits: list[tuple[Any, ...]], known_at: datetime | None, sight: Sight
) -> tuple[ExplainedVisit, ...]:
    facts = facts_of(db, [call for call, _, _ in visits], known_at)
    return tuple(
        ExplainedVisit(
            call_id=call,
            visit_id=visit,
            facts=tuple(
                ExplainedFact(fact.data["id"], fact.data["source"], fact.type, fact.occurred_at, fact.recorded_at)
                for fact in facts[call]
                if sight.tells(fact.data)
            ),
        )
        for call, visit, _ in visits
    )
