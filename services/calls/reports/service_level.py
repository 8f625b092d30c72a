"""The service level report: per queue and interval, every count with every ratio (MEASURES sections 1 to 3)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
from services.calls.reports.judged_visits import Judged, judged, judged_visits, queues_seen
from services.calls.reports.ranges import too_long
from services.calls.reports.visibility import clients_of
from services.kernel.database import Cursor
from services.kernel.decider import Rejected
from services.kernel.projections import answers
from services.kernel.values import Actor, mean_seconds, ratio, seconds

COUNTS = """
    SELECT {group}, interval_start, span, reason,
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
        sum(handled)::int, sum(pending)::int, sum(talk_ms)::bigint, sum(hold_ms)::bigint, sum(wrapup_ms)::bigint,
        count(*) FILTER (WHERE out_of_hours)
    FROM ({visits}) AS judged GROUP BY 1, interval_start, span, reason"""
QUEUE = sql.SQL("queue")
CAMPAIGN = sql.SQL("(SELECT campaign FROM calls WHERE calls.id = judged.call)")

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
    out_of_hours: int = 0

    def add(self, policy: ServiceLevelPolicy, reason: str | None, figures: Sequence[Any]) -> None:
        """More visits, judged by one policy: fractions add up, they are never averaged."""
        counts = Counts(*figures[:NUMBERS])
        waited, max_wait, handled, pending, talk, hold, wrapup, out_of_hours = figures[NUMBERS:]
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
        self.out_of_hours += out_of_hours

    def row(self, start: datetime, **group: str | None) -> ServiceLevelRow:
        """The figures as they are shown; `group` says of which queue, client or campaign."""
        counts = self.counts
        return ServiceLevelRow(
            **{"queue": None, **group},
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
            out_of_hours=self.out_of_hours,
            excluded=counts["excluded"],
            counted_as_abandoned=counts["exits"],
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


def rows(db: Cursor, asked: Judged, filled: Iterable[str], group_by: str = "queue") -> Iterator[ServiceLevelRow]:
    """The report's rows by queue (or client, or campaign) and interval.

    The queues of `filled` show their empty intervals too.
    """
    sums: dict[tuple[str | None, datetime], Sums] = {}
    zones = asked.zones()
    clients = clients_of(db, list(zones)) if group_by == "client" else {}
    for queue in filled:
        for start in starts(asked.begin, asked.end, asked.interval, zones[queue]):
            sums[queue, start] = Sums()
    if asked.spans:
        visits, parameters = judged_visits(asked)
        counts = sql.SQL(COUNTS).format(visits=visits, group=CAMPAIGN if group_by == "campaign" else QUEUE)
        for name, start, span, reason, *figures in db.execute(counts, parameters):
            group = clients.get(name) if group_by == "client" else name
            sums.setdefault((group, start), Sums()).add(asked.spans[span].policy, reason, figures)
    for name, start in sorted(sums, key=lambda each: (each[0] is None, each[0] or "", each[1])):
        yield sums[name, start].row(start, **{group_by: name})


class ServiceLevelReports:
    """Answers with the service level report."""

    @answers(ServiceLevelOf)
    def report(self, asked: ServiceLevelOf, db: Cursor, actor: Actor) -> ServiceLevelReport | Rejected | None:
        """Rows by queue and interval; None where the actor may not see the queue."""
        if refused := too_long(asked.from_, asked.to):
            return refused
        if known_at := asked.as_known_at:
            past = Past(asked.queue, asked.from_, asked.to, known_at, of_campaigns=asked.group_by == "campaign")
            if refused := recall(db, actor, past):
                return refused
        queues = queues_seen(db, actor, asked.queue)
        if asked.queue is not None and not queues:
            return None
        judgement = judged(db, asked, asked.from_, asked.to, queues)
        if isinstance(judgement, Rejected):
            return judgement
        filled = queues if asked.queue is not None and asked.group_by == "queue" else ()
        return ServiceLevelReport(
            items=tuple(rows(db, judgement, filled, asked.group_by)),
            policies=judgement.policies(),
            interval=asked.interval,
            timezone=None if asked.timezone is None else asked.timezone.key,
            as_of=known_at or datetime.now(UTC),
        )
