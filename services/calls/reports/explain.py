"""From a figure of a report to the visits behind it, and to the facts behind them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args
from uuid import UUID

from psycopg import sql

from services.calls.queries import AgentMeasure, Explain, ExplainedVisit, Explanation, Measure
from services.calls.reports.agents_explained import agents_explained, shown
from services.calls.reports.as_known import Past, recall
from services.calls.reports.facts import facts_of
from services.calls.reports.judged_visits import judged, judged_visits, queue_zones, queues_seen
from services.calls.reports.ranges import explained
from services.calls.reports.visibility import Sight, clients_of
from services.kernel.cursors import decode, encode
from services.kernel.database import Cursor
from services.kernel.decider import Rejected
from services.kernel.projections import answers
from services.kernel.values import Actor, mean_seconds, ratio, seconds

# The formulas of `domain/service_level.py`, said of one visit.
LOST = "(outcome = 'abandoned' OR outcome = 'overflowed' AND counted)"
CREDITED = "(formula = 'sl1' AND within OR formula = 'sl5' AND short)"
DROPPED = "(formula = 'sl4' AND within OR formula = 'sl6' AND short)"
DENOMINATOR = f"""CASE formula WHEN 'sl2' THEN outcome = 'answered'
    WHEN 'sl7' THEN outcome <> 'in_progress' AND NOT (outcome = 'overflowed' AND left_out)
    ELSE outcome = 'answered' OR {LOST} AND NOT {DROPPED} END"""
NUMERATOR = f"outcome = 'answered' AND within OR {LOST} AND {CREDITED}"
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
    "excluded": "outcome = 'overflowed' AND left_out",
    "counted_as_abandoned": "outcome = 'overflowed' AND counted",
    "service_level_numerator": NUMERATOR,
    "service_level_denominator": DENOMINATOR,
    "talk_seconds": "handled > 0",
    "hold_seconds": "handled > 0",
    "wrapup_seconds": "handled > 0",
    "service_level": DENOMINATOR,
    "answer_rate": "outcome <> 'in_progress' AND NOT (outcome = 'overflowed' AND left_out)",
    "abandon_rate": f"outcome = 'answered' OR {LOST}",
    "asa_seconds": "outcome = 'answered'",
    "aht_seconds": "handled > 0",
    "max_wait_seconds": "wait_ms IS NOT NULL",
}
# These count legs, sum up milliseconds or count only some of what they divide by; the others count visits.
EACH: dict[Measure, str] = {
    "handled": "handled",
    "pending": "pending",
    "talk_seconds": "talk_ms",
    "hold_seconds": "hold_ms",
    "wrapup_seconds": "wrapup_ms",
    "service_level": f"({NUMERATOR})::int",
    "answer_rate": "(outcome = 'answered')::int",
    "abandon_rate": f"{LOST}::int",
    "asa_seconds": "wait_ms",
    "aht_seconds": "talk_ms + hold_ms + wrapup_ms",
    "max_wait_seconds": "wait_ms",
}
SHARES = frozenset({"service_level", "answer_rate", "abandon_rate"})
MEANS: dict[Measure, str] = {"asa_seconds": "1", "aht_seconds": "handled"}  # with what each visit is divided by

FOR_REASON = " AND outcome = 'overflowed' AND reason = %(reason)s"
LONGEST = " AND wait_ms = %(longest)s"
IN_CAMPAIGN = " AND (SELECT campaign FROM calls WHERE calls.id = judged.call) = %(campaign)s"

VALUE = """SELECT coalesce(sum({each}), 0)::bigint, coalesce(sum({divisor}), 0)::bigint, max({each})
    FROM ({visits}) AS judged WHERE ({behind}){among}"""
PAGE = """SELECT call, id, entered_at, {each} FROM ({visits}) AS judged
    WHERE ({behind}){among}{longest} AND (entered_at, id) > (%(after_instant)s, %(after_id)s)
    ORDER BY entered_at, id LIMIT %(limit)s"""
OF_REPORT = {"service-level": get_args(Measure), "agents": get_args(AgentMeasure)}
BEGINNING = (datetime.min.replace(tzinfo=UTC).isoformat(), str(UUID(int=0)))


class Explanations:
    """Answers with what stands behind a figure."""

    @answers(Explain)
    def explain(self, asked: Explain, db: Cursor, actor: Actor) -> Explanation | Rejected | None:
        """The figure, its policies, and a page of its visits in the order in which they entered."""
        if asked.measure not in OF_REPORT[asked.report]:
            return Rejected("request.invalid", f"The report {asked.report} has no such measure.", 422, "/measure")
        if refused := _misnamed(asked):
            return refused
        if asked.report == "agents":
            return agents_explained(db, actor, asked)
        if asked.queue is asked.client is asked.campaign is None:
            return Rejected("calls.report.nothing_named", "Name a queue, a client or a campaign.", 422, "/queue")
        queues = queues_seen(db, actor, asked.queue)
        if asked.client is not None:
            clients = clients_of(db, queues)
            queues = [queue for queue in queues if clients.get(queue) == asked.client]
        if not queues:
            return None
        time = explained(asked, set(queue_zones(db, queues).values()))
        if isinstance(time, Rejected):
            return time
        begin, end = time
        if known_at := asked.as_known_at:
            past = Past(asked.queue, begin, end, known_at, of_campaigns=asked.campaign is not None)
            if refused := recall(db, actor, past):
                return refused
        now = datetime.now(UTC)
        judgement = judged(db, asked, begin, end, queues)
        if isinstance(judgement, Rejected):
            return judgement
        visits, parameters = judged_visits(judgement)
        parameters |= {"campaign": asked.campaign, "reason": asked.reason}
        among = (FOR_REASON if asked.reason else "") + (IN_CAMPAIGN if asked.campaign is not None else "")
        parts = {
            "visits": visits,
            "behind": sql.SQL(BEHIND[asked.measure]),  # type: ignore[index] - as was checked
            "among": sql.SQL(among),
            "each": sql.SQL(EACH.get(asked.measure, "1")),  # type: ignore[call-overload]
            "divisor": sql.SQL(MEANS.get(asked.measure, "1")),  # type: ignore[call-overload]
            "longest": sql.SQL(LONGEST if asked.measure == "max_wait_seconds" else ""),
        }
        summed, divisor, longest = db.execute(sql.SQL(VALUE).format(**parts), parameters).fetchone() or (0, 0, None)
        after = decode(asked.cursor, now, datetime.fromisoformat, UUID) if asked.cursor else BEGINNING
        page = db.execute(
            sql.SQL(PAGE).format(**parts),
            {
                **parameters,
                "longest": longest,
                "after_instant": after[0],
                "after_id": after[1],
                "limit": asked.limit + 1,
            },
        ).fetchall()
        first = page[: asked.limit]
        return Explanation(
            value=_figure(asked, summed, divisor, longest),
            policy=judgement.policies(),
            items=_explained(db, asked, first, Sight.of(db, actor)),
            next=encode(now, first[-1][2].isoformat(), str(first[-1][1])) if len(page) > asked.limit else None,
        )


def _misnamed(asked: Explain) -> Rejected | None:
    for part, named in (("state", asked.state), ("activity", asked.activity)):
        of_parts = asked.measure == f"{part}_seconds"
        if of_parts and named is None:
            return Rejected("request.invalid", f"Name the {part} whose seconds are to be explained.", 422, f"/{part}")
        if named is not None and not of_parts:
            return Rejected("request.invalid", f"This is asked of {part}_seconds only.", 422, f"/{part}")
    return None


def _explained(db: Cursor, asked: Explain, visits: list[tuple[Any, ...]], sight: Sight) -> tuple[ExplainedVisit, ...]:
    facts = facts_of(db, [call for call, *_ in visits], asked.as_known_at)
    return tuple(
        ExplainedVisit(
            call_id=call,
            visit_id=visit,
            facts=tuple(shown(fact) for fact in facts[call] if sight.tells(fact.data)),
            value=_shown(asked, value),
        )
        for call, visit, _, value in visits
    )


def _figure(asked: Explain, summed: int, divisor: int, longest: int | None) -> Decimal | None:
    if asked.measure in SHARES:
        return ratio(summed, divisor)
    if asked.measure in MEANS:
        return mean_seconds(summed, divisor)
    if asked.measure == "max_wait_seconds":
        return None if longest is None else seconds(longest)
    return _shown(asked, summed)


def _shown(asked: Explain, value: int) -> Decimal:
    return seconds(value) if asked.measure.endswith("_seconds") else Decimal(value)
