"""The files of report schedules: each made once, by whoever wants it first, and the same for all who want it later.

So what a client was sent by e-mail is, byte for byte, what their system fetches, whatever was corrected since.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import orjson
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from gateway.deliveries.channel import Database
from gateway.exports.exporting import Parameters, csv_file, file_name, pages, spreadsheet
from gateway.exports.files import File
from gateway.exports.forms import MEDIA_TYPES
from services.calls.api import api
from services.kernel.decider import SYSTEM
from services.kernel.values import Actor

# What the calls service answers to a question of that name, with those parameters, of that actor: `{"body": …}`.
Query = Callable[[str, Parameters, Actor], Awaitable[Mapping[str, Any]]]
Scheduled = Mapping[str, Any]  # a `ScheduledReport` of the calls service, as JSON

_KEPT = "SELECT name, media_type, content FROM report_files WHERE schedule = %s AND due_at = %s"
_KEEP = """INSERT INTO report_files (schedule, due_at, name, media_type, content) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT DO NOTHING"""
_FORGET = "DELETE FROM report_files WHERE made_at < now() - make_interval(days => %s)"


async def scheduled_report(schedule: UUID, due_at: datetime, query: Query) -> Scheduled:
    """What the file of a due time holds, whose eyes it is for, and to whom it goes; raises what `query` does."""
    asked = {"schedule": str(schedule), "due_at": due_at.isoformat()}
    return dict(orjson.loads((await query("ScheduledReportOf", asked, SYSTEM))["body"]))


class ReportFiles:
    """The files of due times, in the gateway's database."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    async def of(self, schedule: UUID, due_at: datetime, scheduled: Scheduled, query: Query) -> File:
        """The file of a due time; of two that are made at once, the one that is kept.

        Raises:
            TooManyRows: a spreadsheet has no room for them.
        """
        kept = await self._kept(schedule, due_at)
        if kept is not None:
            return kept
        made = await _made(schedule, scheduled, query)
        async with self._pool.connection() as db:
            await db.execute(_KEEP, (schedule, due_at, *made))
        return await self._kept(schedule, due_at) or made

    async def _kept(self, schedule: UUID, due_at: datetime) -> File | None:
        async with self._pool.connection() as db, db.cursor(row_factory=class_row(File)) as rows:
            await rows.execute(_KEPT, (schedule, due_at))
            return await rows.fetchone()


async def forget(db: Database, days: int) -> None:
    """Deletes files that were made more than so many days ago."""
    await db.execute(_FORGET, (days,))


async def _made(schedule: UUID, scheduled: Scheduled, query: Query) -> File:
    """The same file as the report's own path gives to whom the schedule's limits hold."""
    case, form = api.use_cases[scheduled["use_case"]], scheduled["format"]
    queues = scheduled["queues"]
    seeing = Actor(
        f"report schedule {schedule}",
        client=scheduled["client"],
        queues=None if queues is None else frozenset(queues),
    )
    parameters = scheduled["parameters"]
    answers = pages(case, parameters, lambda page: query(case.name, page, seeing))
    name = file_name(case, form)
    if form == "csv":
        content = b"".join([part async for part in csv_file(case, answers)])
    else:
        with TemporaryDirectory(prefix="plateau-report-") as folder:
            path = Path(folder) / name
            await spreadsheet(case, answers, parameters, path)
            content = path.read_bytes()
    return File(name, MEDIA_TYPES[form], content)
