"""What the calls service does of itself for report schedules: tells when one is due."""

from datetime import datetime
from uuid import UUID, uuid4

from services.calls.api import report_runs, report_schedules
from services.calls.domain.report_schedules import ReportSchedule, RunReport, last_due, run_id
from services.kernel import schemas
from services.kernel.database import Connection
from services.kernel.decider import SYSTEM, Context
from services.kernel.following import WAKE
from services.kernel.projections import READ_VIEWS
from services.kernel.store import Conflict
from services.kernel.things import Order, ThingStore
from services.kernel.wire import rfc3339

READY = "SELECT to_regclass('read.report_schedules') IS NOT NULL"
SCHEDULES = """SELECT id, state, due_at FROM report_schedules LEFT JOIN report_runs ON schedule = id
    WHERE NOT paused ORDER BY id"""

THINGS = ThingStore(None)


def tell_of_due_reports(connection: Connection, now: datetime) -> int:
    """Tells of each schedule that is due, once; after a stop of the last due time alone. Returns how many."""
    if connection.execute(READY).fetchone() != (True,):
        return 0
    with connection.transaction(), connection.cursor() as db:
        db.execute(READ_VIEWS)
        found = db.execute(SCHEDULES).fetchall()
    told = 0
    for id_, state, told_at in found:
        schedule: ReportSchedule = schemas.revive(ReportSchedule, state)
        assert schedule.terms is not None  # noqa: S101 - a row is of a schedule that was set
        assert schedule.since is not None  # noqa: S101
        due = last_due(schedule.terms.cadence, now)
        if due.at <= max(schedule.since, told_at or schedule.since):
            continue
        terms = schedule.terms
        order = RunReport(id_, terms.report, terms.format, due.at, due.begin, due.end, file_of(id_, due.at))
        told += _tell(connection, Order(report_runs, run_id(id_, due.at), order), now)
    if told:
        connection.execute(WAKE)
    return told


def file_of(schedule: UUID, due_at: datetime) -> str:
    """The path at which the gateway has the file of a due time."""
    return f"{report_schedules.prefix}/{schedule}/files/{rfc3339(due_at)}"


def _tell(connection: Connection, order: Order, now: datetime) -> int:
    try:
        with connection.transaction(), connection.cursor() as db:
            return THINGS.carry_out(db, [(order, Context(now, SYSTEM, uuid4(), order.key))])
    except Conflict:
        return 0  # another process tells of it
