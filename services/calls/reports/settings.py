"""Queues, calendars and clients as they are listed."""

from typing import Any, LiteralString
from zoneinfo import ZoneInfo

from services.calls.domain.calendars import CalendarVersion, CalendarView
from services.calls.domain.clients import ClientView
from services.calls.domain.queues import QueueView
from services.calls.domain.service_level import ServiceLevelPolicy
from services.calls.queries import CalendarList, Calendars, ClientList, Clients, QueueList, Queues
from services.calls.reports.floor import QUEUES as KNOWN
from services.calls.reports.visibility import calendars_open_to, clients_open_to, queues_open_to
from services.kernel import schemas
from services.kernel.database import Cursor
from services.kernel.decider import of
from services.kernel.lists import Listing, equal, viewed
from services.kernel.projections import answers
from services.kernel.values import Actor

LATEST = "(SELECT DISTINCT ON (calendar) calendar, terms FROM calendars ORDER BY calendar, version DESC) AS latest"
CALENDARS = Listing(LATEST, {"seen": "calendar = ANY(%(seen)s)"}, order={"calendar": str})
SETTLED: LiteralString = f"""(SELECT queue, coalesce(timezone, 'UTC') AS timezone, calendar, client,
        version IS NOT NULL AS configured,
        (SELECT terms FROM policies WHERE policies.queue = known.queue ORDER BY version DESC LIMIT 1) AS terms
    FROM ({KNOWN}) AS known LEFT JOIN queues USING (queue)) AS settled"""  # noqa: S608 - constants
QUEUES = Listing(
    SETTLED,
    {**equal("client", "calendar", "configured"), "seen": "queue = ANY(%(seen)s)"},
    order={"queue": str},
)
CLIENTS = Listing("clients", {"seen": "client = ANY(%(seen)s)"}, order={"client": str})


class SettingsReader:
    """Answers with lists of what was configured."""

    @answers(Queues)
    def queues(self, asked: Queues, db: Cursor, actor: Actor) -> QueueList:
        """A page of the queues that the actor may know of, by name."""
        open_to = queues_open_to(db, actor)
        seen = _seen(None if open_to is None else sorted(open_to))
        rows, following = QUEUES.page(db, asked, {**QUEUES.wanted(asked), **seen})
        return QueueList(
            tuple(
                viewed(
                    QueueView,
                    row,
                    timezone=ZoneInfo(row["timezone"]),
                    service_level=schemas.revive(ServiceLevelPolicy, row["terms"] or {}),
                )
                for row in rows
            ),
            following,
        )

    @answers(Calendars)
    def calendars(self, asked: Calendars, db: Cursor, actor: Actor) -> CalendarList:
        """A page of the calendars that the actor may know of, by name."""
        rows, following = CALENDARS.page(db, asked, _seen(calendars_open_to(db, actor)))
        shown = [(row["calendar"], schemas.revive(CalendarVersion, row["terms"])) for row in rows]
        return CalendarList(
            tuple(of(CalendarView, last, calendar=name, adopted=True) for name, last in shown), following
        )

    @answers(Clients)
    def clients(self, asked: Clients, db: Cursor, actor: Actor) -> ClientList:
        """A page of the clients that the actor may know of, by their short names."""
        rows, following = CLIENTS.page(db, asked, _seen(clients_open_to(db, actor)))
        return ClientList(tuple(viewed(ClientView, row) for row in rows), following)


def _seen(names: list[str] | None) -> dict[str, Any]:
    return {} if names is None else {"seen": names}
