"""Visits as the policies in force judge them: what every service level figure, and its explanation, is counted from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import sql

from services.calls.domain.service_level import DEFAULT, Formula, ServiceLevelPolicy, timeline
from services.calls.queries import Explain, Interval, PolicyView, ServiceLevelOf
from services.calls.queries.service_level import Hours
from services.calls.reports.intervals import SQL_START
from services.calls.reports.opening_hours import OpenTimes, open_times
from services.calls.reports.visibility import UTC, queues_open_to
from services.kernel import schemas
from services.kernel.database import Cursor
from services.kernel.decider import Rejected, changed, of
from services.kernel.values import Actor

# The queues that have visits, each found by one step in the index, however many visits there are.
QUEUES = """WITH RECURSIVE seen AS (
        SELECT min(queue) AS queue FROM visits WHERE NOT excluded
        UNION ALL
        SELECT (SELECT min(queue) FROM visits WHERE queue > seen.queue AND NOT excluded) FROM seen
        WHERE seen.queue IS NOT NULL)
    SELECT queue FROM seen WHERE queue IS NOT NULL"""
ZONES = "SELECT queue, timezone FROM queues WHERE queue = ANY(%s)"
POLICIES = "SELECT queue, terms FROM policies WHERE queue = ANY(%s) ORDER BY queue, version"


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which a queue was judged by one policy, half-open."""

    queue: str
    zone: ZoneInfo
    begin: datetime
    end: datetime
    policy: ServiceLevelPolicy
    calendar: int | None  # its place in the open times, from 1


@dataclass(frozen=True, slots=True)
class Judged:
    """What is asked about: the spans, the interval by which visits are counted, and when their queues were open."""

    spans: tuple[Span, ...]
    interval: Interval
    begin: datetime
    end: datetime
    open: OpenTimes
    hours: Hours

    def policies(self) -> tuple[PolicyView, ...]:
        """The policies that judge, each once, with their queues."""
        return tuple(dict.fromkeys(of(PolicyView, span.policy, queue=span.queue) for span in self.spans))

    def zones(self) -> dict[str, ZoneInfo]:
        """The zone in which each queue's intervals are cut."""
        return {span.queue: span.zone for span in self.spans}


def queues_seen(db: Cursor, actor: Actor, queue: str | None) -> list[str]:
    """The queues asked about, as far as the actor may see them."""
    names = [queue] if queue is not None else [name for (name,) in db.execute(QUEUES)]
    seen = queues_open_to(db, actor)
    return names if seen is None else [name for name in names if name in seen]


def queue_zones(db: Cursor, queues: Sequence[str]) -> dict[str, ZoneInfo]:
    """The zone in which each queue's days begin; UTC where none is set."""
    zones = {queue: ZoneInfo(zone) for queue, zone in db.execute(ZONES, (list(queues),))}
    return {queue: zones.get(queue, UTC) for queue in queues}


def judged(
    db: Cursor, asked: ServiceLevelOf | Explain, begin: datetime, end: datetime, queues: Sequence[str]
) -> Judged | Rejected:
    """Which policy judges which time of each queue; `threshold_seconds` and `formula` of the question override it.

    Refused where the question names a policy that none of the queues has ever had.
    """
    zones = queue_zones(db, queues)
    adopted: dict[str, list[ServiceLevelPolicy]] = {}
    for queue, terms in db.execute(POLICIES, (list(queues),)):
        policy = schemas.revive(ServiceLevelPolicy, terms)
        if asked.policy is None or asked.policy == policy.name:
            adopted.setdefault(queue, []).append(policy)
    if asked.policy not in (None, DEFAULT.name) and not adopted:
        return Rejected(
            "calls.report.policy_unknown", "No queue asked about has a policy of that name.", 422, "/policy"
        )
    times = open_times(db, queues, begin, end)
    spans = [
        Span(queue, asked.timezone or zones[queue], since, until, overridden(policy, asked), times.place(queue))
        for queue in queues
        for since, until, policy in timeline(adopted.get(queue, []), begin, end)
    ]
    return Judged(tuple(spans), asked.interval, begin, end, times, asked.hours)


def overridden(policy: ServiceLevelPolicy, asked: ServiceLevelOf | Explain) -> ServiceLevelPolicy:
    """The policy with what the question wants otherwise."""
    threshold: Decimal | None = asked.threshold_seconds
    formula: Formula | None = asked.formula
    return changed(
        policy,
        threshold_seconds=policy.threshold_seconds if threshold is None else threshold,
        formula=formula or policy.formula,
    )


JUDGED_VISITS = """
    SELECT visits.*, span.number AS span, span.formula, {start} AS interval_start,
        CASE WHEN span.strictly THEN wait_ms < span.threshold_ms ELSE wait_ms <= span.threshold_ms END AS within,
        wait_ms <= least(span.short_ms, span.threshold_ms) AS short,
        reason = ANY(string_to_array(span.counted, ' ')) AS counted,
        reason = ANY(string_to_array(span.left_out, ' ')) AS left_out,
        {out_of_hours} AS out_of_hours
    FROM unnest(%(numbers)s::int[], %(queues)s::text[], %(zones)s::text[], %(begins)s::timestamptz[],
        %(ends)s::timestamptz[], %(thresholds)s::numeric[], %(strict)s::boolean[], %(shorts)s::numeric[],
        %(counted)s::text[], %(left_out)s::text[], %(calendars)s::int[], %(formulas)s::text[])
        AS span(number, queue, zone, begins, ends, threshold_ms, strictly, short_ms, counted, left_out, calendar,
            formula)
    JOIN visits ON visits.queue = span.queue AND entered_at >= span.begins AND entered_at < span.ends
        AND NOT visits.excluded AND {hours}"""
# Looked up in a sorted multirange for each visit, so that a year of opening hours costs no more than a day of them.
OUT_OF_HOURS = sql.SQL("coalesce(NOT entered_at <@ (%(open)s::tstzmultirange[])[span.calendar], false)")
NEVER = sql.SQL("false")


def judged_visits(asked: Judged) -> tuple[sql.Composed, dict[str, Any]]:
    """SQL of the visits asked about, one row each with how it is judged, and the parameters of that SQL."""
    start = sql.SQL(SQL_START[asked.interval])  # type: ignore[arg-type]
    spans = asked.spans
    out_of_hours = OUT_OF_HOURS if asked.open.spans else NEVER
    hours = {"all": sql.SQL("true"), "open": sql.SQL("NOT ") + out_of_hours, "closed": out_of_hours}[asked.hours]
    parameters = {
        "from": asked.begin,
        "numbers": list(range(len(spans))),
        "queues": [span.queue for span in spans],
        "zones": [span.zone.key for span in spans],
        "begins": [span.begin for span in spans],
        "ends": [span.end for span in spans],
        "thresholds": [span.policy.threshold_seconds * 1000 for span in spans],
        "strict": [span.policy.comparison == "lt" for span in spans],
        "shorts": [span.policy.short_abandon_seconds * 1000 for span in spans],
        "counted": [" ".join(span.policy.count_as_abandoned) for span in spans],
        "left_out": [" ".join(span.policy.exclude) for span in spans],
        "calendars": [span.calendar for span in spans],
        "formulas": [span.policy.formula for span in spans],
    }
    if asked.open.spans:
        parameters["open"] = asked.open.multiranges()
    return sql.SQL(JUDGED_VISITS).format(start=start, out_of_hours=out_of_hours, hours=hours), parameters
