"""The service level report: per queue and interval, every count with every ratio (MEASURES sections 1 to 3)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import sql

from services.calls.domain.service_level import (
    Counts,
    ServiceLevelPolicy,
    abandon_rate,
    answer_rate,
    service_level,
)
from services.calls.queries import ServiceLevelOf, ServiceLevelReport, ServiceLevelRow
from services.calls.reports.as_known import Past, recall
from services.calls.reports.intervals import starts
from services.calls.reports.judged_visits import MOST_DAYS, Judged, judged, judged_visits, queues_seen
from services.kernel.database import Cursor
from services.kernel.decider import Rejected
from services.kernel.projections import answers
from services.kernel.values import Actor, mean_seconds, ratio, seconds

COUNTS = """
    SELECT queue, interval_start, span, reason,
        count(*) FILTER (WHERE outcome = 'answered'),
        count(*) FILTER (WHERE outcome = 'answered' AND within),
        count(*) FILTER (WHERE outcome = 'abandoned'),
        count(*) FILTER (WHERE outcome = 'abandoned' AND within),
        count(*) FILTER (WHERE outcome = 'abandoned' AND short),
        count(*) FILTER (WHERE outcome = 'overflowed' AND counted),
        count(*) FILTER (WHERE outcome = 'overflowed' AND counted AND within),
        count(*) FILTER (WHERE outcome = 'overflowed' AND counted AND short),
        count(*) FILTER (WHERE outcome = 'overflowed'),
        count(*) FILTER (WHERE outcome = 'overflowed' AND left_out),
        count(*) FILTER (WHERE outcome = 'in_progress'),
        coalesce(sum(wait_ms) FILTER (WHERE outcome = 'answered'), 0)::bigint, max(wait_ms),
        sum(handled)::int, sum(pending)::int, sum(talk_ms)::bigint, sum(hold_ms)::bigint, sum(wrapup_ms)::bigint
    FROM ({visits}) AS judged GROUP BY queue, interval_start, span, reason"""

NUMBERS = len(Counts.__dataclass_fields__)


@dataclass(slots=True)
class Sums:
    """What the visits of one queue and interval come to; durations in milliseconds."""

    counts: Counter[str] = field(default_factory=Counter)
    level: tuple[int, int] = (0, 0)
    answered: tuple[int, int] = (0, 0)
    abandoned: tuple[int, int] = (0, 0)
    left_by_reason: Counter[str] = field(default_factory=Counter)
    max_wait: int | None = None
    waited: int = 0
    handled: int = 0
    pending: int = 0
    talk: int = 0
    hold: int = 0
    wrapup: int = 0

    def add(self, policy: ServiceLevelPolicy, reason: str | None, figures: Sequence[Any]) -> None:
        """More visits, judged by one policy: fractions add up, they are never averaged."""
        counts = Counts(*figures[:NUMBERS])
        waited, max_wait, handled, pending, talk, hold, wrapup = figures[NUMBERS:]
        for name in Counts.__dataclass_fields__:
            self.counts[name] += getattr(counts, name)
        self.counts["offered"] += counts.offered
        self.level = _sum(self.level, service_level(policy.formula, counts))
        self.answered = _sum(self.answered, answer_rate(counts))
        self.abandoned = _sum(self.abandoned, abandon_rate(counts))
        if reason is not None and counts.overflowed:
            self.left_by_reason[reason] += counts.overflowed
        if max_wait is not None:
            self.max_wait = max(max_wait, self.max_wait or 0)
        self.waited += waited
        self.handled += handled
        self.pending += pending
        self.talk += talk
        self.hold += hold
        self.wrapup += wrapup

    def row(self, queue: str, start: datetime) -> ServiceLevelRow:
        """The figures as they are shown."""
        counts = self.counts
        return ServiceLevelRow(
            queue=queue,
            interval_start=start,
            offered=counts["offered"],
            answered=counts["answered"],
            answered_within=counts["answered_within"],
            abandoned=counts["abandoned"],
            abandoned_within=counts["abandoned_within"],
            short_abandoned=counts["abandoned_short"],
            overflowed=counts["overflowed"],
            left_by_reason=dict(sorted(self.left_by_reason.items())),
            in_progress=counts["in_progress"],
            service_level=ratio(*self.level),
            service_level_numerator=self.level[0],
            service_level_denominator=self.level[1],
            answer_rate=ratio(*self.answered),
            abandon_rate=ratio(*self.abandoned),
            asa_seconds=mean_seconds(self.waited, counts["answered"]),
            max_wait_seconds=None if self.max_wait is None else seconds(self.max_wait),
            handled=self.handled,
            pending=self.pending,
            talk_seconds=seconds(self.talk),
            hold_seconds=seconds(self.hold),
            wrapup_seconds=seconds(self.wrapup),
            aht_seconds=mean_seconds(self.talk + self.hold + self.wrapup, self.handled),
        )


def _sum(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] + other[0], one[1] + other[1]


def rows(db: Cursor, asked: Judged, begin: datetime, end: datetime, filled: Iterable[str]) -> Iterator[ServiceLevelRow]:
    """The report's rows by queue and interval; the queues of `filled` show their empty intervals too."""
    sums: dict[tuple[str, datetime], Sums] = {}
    zones = asked.zones()
    for queue in filled:
        for start in starts(begin, end, asked.interval, zones[queue]):
            sums[queue, start] = Sums()
    if asked.spans:
        visits, parameters = judged_visits(asked)
        for queue, start, span, reason, *figures in db.execute(sql.SQL(COUNTS).format(visits=visits), parameters):
            sums.setdefault((queue, start), Sums()).add(asked.spans[span].policy, reason, figures)
    for (queue, start), summed in sorted(sums.items()):
        yield summed.row(queue, start)


def too_long(begin: datetime, end: datetime) -> Rejected | None:
    """Why a range cannot be reported on, if so."""
    if end <= begin:
        return Rejected("calls.report.range_empty", "Give a `to` that is later than `from`.", 422, "/to")
    if end - begin > timedelta(days=MOST_DAYS):
        return Rejected("calls.report.range_too_long", f"Ask for at most {MOST_DAYS} days.", 422, "/to")
    return None


class ServiceLevelReports:
    """Answers with the service level report."""

    @answers(ServiceLevelOf)
    def report(self, asked: ServiceLevelOf, db: Cursor, actor: Actor) -> ServiceLevelReport | Rejected | None:
        """Rows by queue and interval; None where the actor may not see the queue."""
        if refused := too_long(asked.from_, asked.to):
            return refused
        if (known_at := asked.as_known_at) and (
            refused := recall(db, actor, Past(asked.queue, asked.from_, asked.to, known_at))
        ):
            return refused
        queues = queues_seen(db, actor, asked.queue)
        if asked.queue is not None and not queues:
            return None
        judgement = judged(db, asked, asked.from_, asked.to, queues)
        if isinstance(judgement, Rejected):
            return judgement
        filled = queues if asked.queue is not None else ()
        return ServiceLevelReport(
            items=tuple(rows(db, judgement, asked.from_, asked.to, filled)),
            policies=judgement.policies(),
            interval=asked.interval,
            timezone=None if asked.timezone is None else asked.timezone.key,
            as_of=known_at or datetime.now(UTC),
        )
