"""What alert rules look at: the figure of each, now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from uuid import UUID

from services.calls.domain.alert_rules import AlertTerms, Watched
from services.calls.domain.pace import AT_MOST
from services.calls.domain.presence import EVERY_QUEUE
from services.calls.domain.quotas import Quota
from services.calls.reports.live import Working, working
from services.calls.reports.quota_figures import summed
from services.calls.reports.quotas import aim, progress
from services.calls.reports.visibility import QUEUES_OF_CLIENT
from services.kernel import schemas
from services.kernel.database import Cursor

WAITING = """SELECT count(*), extract(epoch FROM %(now)s - min(entered_at))::numeric(12, 3) FROM visits
    WHERE outcome = 'in_progress' AND NOT excluded AND queue = ANY(%(queues)s)"""
STATE = "SELECT state FROM quotas WHERE id::text = %s"


@dataclass
class Observations:
    """The figures at an instant; what several rules need is looked up once. `heard` is when each source was heard."""

    db: Cursor
    now: datetime
    heard: Mapping[str, datetime]

    def of(self, terms: AlertTerms) -> Decimal | None:
        """The figure that a rule looks at; None where there is none."""
        figures: dict[str, Callable[[AlertTerms], Decimal | None]] = {
            "service_level": self._share,
            "abandon_rate": self._share,
            "waiting": self._waiting,
            "longest_wait_seconds": self._waiting,
            "agents_available": self._available,
            "quota_projection": self._projection,
            "silence_seconds": self._silence,
        }
        return figures[terms.measure](terms)

    def _queues(self, scope: Watched) -> list[str]:
        if scope.kind == "queue":
            return [scope.name]
        return [queue for (queue,) in self.db.execute(QUEUES_OF_CLIENT, (scope.name,))]

    def _share(self, terms: AlertTerms) -> Decimal | None:
        begin = self.now - timedelta(seconds=terms.window_seconds)
        sums = summed(self.db, self._queues(terms.scope), begin, self.now)
        numerator, denominator = sums.level if terms.measure == "service_level" else sums.abandoned
        return Decimal(numerator) / denominator if denominator else None

    def _waiting(self, terms: AlertTerms) -> Decimal | None:
        asked = {"queues": self._queues(terms.scope), "now": self.now}
        waiting, longest = self.db.execute(WAITING, asked).fetchone() or (0, None)
        return Decimal(waiting) if terms.measure == "waiting" else max(longest or Decimal(0), Decimal(0))

    @cached_property
    def _working(self) -> list[Working]:
        return working(self.db, self.now)

    def _available(self, terms: AlertTerms) -> Decimal:
        queues = {*self._queues(terms.scope), EVERY_QUEUE}
        states = [{agent.queues[queue] for queue in queues & agent.queues.keys()} for agent in self._working]
        return Decimal(sum("available" in each for each in states))

    def _projection(self, terms: AlertTerms) -> Decimal | None:
        row = self.db.execute(STATE, (terms.scope.name,)).fetchone()
        if row is None:
            return None
        quota: Quota = schemas.revive(Quota, row[0])
        seen = progress(self.db, aim(UUID(terms.scope.name), quota, None, self.now), self.now)
        if seen.projection is None or not quota.targets or not seen.begin <= self.now < seen.end:
            return None
        if seen.metric in AT_MOST:
            return seen.target / seen.projection if seen.projection else None
        return seen.projection / seen.target

    def _silence(self, terms: AlertTerms) -> Decimal:
        return Decimal((self.now - self.heard[terms.scope.name]) / timedelta(seconds=1))
