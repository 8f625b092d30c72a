"""The quotas that are in force now, for a screen that asks every few seconds."""

import time
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from services.calls.domain.quotas import Quota, target_of
from services.calls.queries import LiveQuota, QuotaProgress
from services.calls.reports.quotas import LISTED, aim, progress, quota_filters
from services.kernel import schemas
from services.kernel.database import Cursor
from services.kernel.decider import of
from services.kernel.lists import Row
from services.kernel.values import Actor

# A figure is counted anew after so many times as long as counting it took, so that a screen costs little whatever it
# shows: that of a day at once, that of a month of a large campaign after some seconds.
REST = 20.0
MOST = 500  # more quotas in force than anybody can look at


@dataclass(slots=True)
class LiveQuotas:
    """Counts them, and remembers for a while what was counted: by quota, its version and its period."""

    _counted: dict[tuple[UUID, int, date], tuple[float, LiveQuota]] = field(default_factory=dict)

    def seen(self, db: Cursor, actor: Actor, now: datetime) -> tuple[LiveQuota, ...]:
        """Those in whose period the instant lies, as far as the actor may see them, in the order of their setting."""
        fresh = time.monotonic()
        self._counted = {key: (until, kept) for key, (until, kept) in self._counted.items() if until > fresh}
        rows = LISTED.rows(db, {"status": "in_force", **quota_filters(db, actor)}, MOST)
        found = [self._now(db, row, now) for row in rows]
        return tuple([each for each in found if each is not None])

    def _now(self, db: Cursor, row: Row, now: datetime) -> LiveQuota | None:
        quota: Quota = schemas.revive(Quota, row["state"])
        aimed = aim(row["id"], quota, None, now)
        period = aimed.period
        if not period.begin <= now < period.end or target_of(quota, period.first_day) is None:
            return None
        key = (aimed.id, row["version"], period.first_day)
        if key not in self._counted:
            began = time.monotonic()
            # What is expected moves with each second; a screen is told of it once a minute, and of calls at once.
            minute = max(period.begin, now.replace(second=0, microsecond=0))
            shown = _shown(progress(db, aimed, minute))
            ended = time.monotonic()
            self._counted[key] = (ended + REST * (ended - began), shown)
        return self._counted[key][1]


def _shown(counted: QuotaProgress) -> LiveQuota:
    return of(LiveQuota, counted, on_track=None if counted.expected is None else counted.expected == "reached")
