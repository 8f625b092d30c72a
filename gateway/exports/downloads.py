"""`GET /v1/report-schedules/{schedule_id}/files/{due_at}`: the file of a schedule, whose address `report_due` tells."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from gateway.endpoints import Entry
from gateway.exchange import Exchange
from gateway.exports.exporting import Parameters
from gateway.exports.files import TooManyRows
from gateway.exports.scheduled import ReportFiles, scheduled_report
from gateway.problems import Problem
from gateway.rpc import RpcClient
from gateway.service_calls import ask
from services.calls.api import api, report_schedules
from services.kernel.actors import as_sent
from services.kernel.values import Actor

PATH = f"{report_schedules.prefix}/{{schedule_id}}/files/{{due_at}}"
SCOPE = "report-schedules:read"


class ReportDownloads:
    """Gives the files of due times to whoever sees all that their schedules show; for `days`, as long as they stay."""

    def __init__(self, pool: AsyncConnectionPool, rpc: RpcClient, days: int) -> None:
        self._files, self._rpc, self._days = ReportFiles(pool), rpc, days

    def entries(self) -> Iterator[Entry]:
        """The path."""
        yield Entry("GET", PATH, self.show)

    async def show(self, exchange: Exchange) -> None:
        """The file, the same at every time."""
        actor = exchange.require(SCOPE).actor
        try:
            schedule, due_at = UUID(exchange.in_path["schedule_id"]), datetime.fromisoformat(exchange.in_path["due_at"])
        except ValueError as error:
            raise Problem("request.not_found") from error
        # What was forgotten is not made again: it would be another file.
        if due_at.tzinfo is None or due_at < datetime.now(UTC) - timedelta(days=self._days):
            raise Problem("request.not_found")
        query = partial(self._query, exchange)
        scheduled = await scheduled_report(schedule, due_at, query)
        if not actor.sees_all_of(scheduled["client"], scheduled["queues"]):
            raise Problem("request.not_found")
        exchange.require(api.use_cases[scheduled["use_case"]].scope)
        try:
            file = await self._files.of(schedule, due_at, scheduled, query)
        except TooManyRows as error:
            raise Problem("export.too_many_rows") from error
        headers = [(b"content-disposition", f'attachment; filename="{file.name}"'.encode())]
        await exchange.answer(200, file.content, file.media_type.encode(), headers)

    async def _query(self, exchange: Exchange, name: str, parameters: Parameters, actor: Actor) -> Mapping[str, Any]:
        message = {"use_case": name, "parameters": parameters, "actor": as_sent(actor)}
        return await ask(self._rpc, exchange, "calls", "query", message, deadline=api.use_cases[name].patience)
