"""Report schedules as they stand, and when each was told of last."""

from collections.abc import Sequence

from psycopg.types.json import Jsonb

from services.calls.api import report_schedules as things
from services.calls.domain import report_schedules
from services.calls.domain.report_schedules import ReportSchedule
from services.kernel import schemas
from services.kernel.database import Cursor
from services.kernel.store import StoredEvent


class ReportCalendar:
    """Follows schedules and their due times. `state` is the folded schedule, without its addresses."""

    handles = ("report_schedule_set", "report_schedule_paused", "report_schedule_resumed", "report_due")
    tables = """
        CREATE TABLE report_schedules (
            id uuid PRIMARY KEY, version integer NOT NULL, report text NOT NULL, client text, queues text[],
            paused boolean NOT NULL, state jsonb NOT NULL
        );
        CREATE TABLE report_runs (schedule uuid PRIMARY KEY, due_at timestamptz NOT NULL);"""

    READ = "SELECT version, state FROM report_schedules WHERE id = %s"
    KEEP = """INSERT INTO report_schedules VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE
        SET (version, report, client, queues, paused, state) = (excluded.version, excluded.report, excluded.client,
            excluded.queues, excluded.paused, excluded.state)"""
    RUN = """INSERT INTO report_runs VALUES (%s, %s) ON CONFLICT (schedule) DO UPDATE
        SET due_at = greatest(excluded.due_at, report_runs.due_at)"""

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """The latest terms stand; of the due times the last."""
        for event in events:
            if event.type == "report_due":
                db.execute(self.RUN, (event.data["schedule"], event.data["due_at"]))
            else:
                self._set(event, db)

    def _set(self, event: StoredEvent, db: Cursor) -> None:
        version, state = db.execute(self.READ, (event.stream_id,)).fetchone() or (0, None)
        if event.version <= version:
            return
        before = schemas.revive(ReportSchedule, state) if state else ReportSchedule()
        schedule = report_schedules.evolve(before, schemas.revive(things.events[event.type], event.data))
        terms = schedule.terms
        assert terms is not None  # noqa: S101 - the first event sets it
        queues = None if schedule.queues is None else list(schedule.queues)
        named = (terms.report, terms.client, queues, schedule.paused)
        db.execute(self.KEEP, (event.stream_id, event.version, *named, Jsonb(schemas.dump(schedule))))
