"""When queues are open, by their calendars: for the reports that tell hours apart, and as it is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.types.multirange import TimestamptzMultirange
from psycopg.types.range import Range

from services.calls.domain.calendars import CalendarVersion, next_opening, opening_spans
from services.calls.domain.spans import Span
from services.calls.queries import HoursOf, OpeningHours, OpenSpan
from services.calls.reports.ranges import too_long
from services.calls.reports.visibility import calendar_is_seen
from services.kernel import schemas
from services.kernel.database import Cursor
from services.kernel.decider import Rejected
from services.kernel.projections import answers
from services.kernel.values import Actor

CALENDARS_OF = "SELECT queue, calendar FROM queues WHERE queue = ANY(%s) AND calendar IS NOT NULL"
VERSIONS = "SELECT calendar, terms FROM calendars WHERE calendar = ANY(%s) ORDER BY calendar, version"


@dataclass(frozen=True, slots=True)
class OpenTimes:
    """The opening spans of each calendar within a range, and which calendar each queue has."""

    calendars: dict[str, str]
    spans: dict[str, Sequence[Span]]

    def place(self, queue: str) -> int | None:
        """Where the spans of the queue's calendar stand among `multiranges`, from 1; None: it is always open."""
        calendar = self.calendars.get(queue)
        return None if calendar is None else 1 + list(self.spans).index(calendar)

    def multiranges(self) -> list[TimestamptzMultirange]:
        """The spans of each calendar, as PostgreSQL takes them."""
        return [TimestamptzMultirange(Range(*span) for span in spans) for spans in self.spans.values()]


def open_times(db: Cursor, queues: Sequence[str], begin: datetime, end: datetime) -> OpenTimes:
    """When the queues are open within a range, by the versions of their calendars in force then."""
    calendars: dict[str, str] = dict(db.execute(CALENDARS_OF, (list(queues),)).fetchall())
    versions = versions_of(db, sorted(set(calendars.values())))
    return OpenTimes(calendars, {name: opening_spans(adopted, begin, end) for name, adopted in versions.items()})


def versions_of(db: Cursor, calendars: Sequence[str]) -> dict[str, list[CalendarVersion]]:
    """The versions of each calendar in the order of their adoption."""
    versions: dict[str, list[CalendarVersion]] = {name: [] for name in calendars}
    if calendars:
        for name, terms in db.execute(VERSIONS, (list(calendars),)):
            versions[name].append(schemas.revive(CalendarVersion, terms))
    return versions


class OpeningHoursReader:
    """Answers with the opening spans of a calendar."""

    @answers(HoursOf)
    def hours(self, asked: HoursOf, db: Cursor, actor: Actor) -> OpeningHours | Rejected | None:
        """None where there is no such calendar, or none that the actor may know of."""
        if refused := too_long(asked.from_, asked.to):
            return refused
        versions = versions_of(db, [asked.calendar])[asked.calendar]
        if not versions or not calendar_is_seen(db, actor, asked.calendar):
            return None
        spans = opening_spans(versions, asked.from_, asked.to)
        return OpeningHours(asked.calendar, tuple(OpenSpan(*span) for span in spans), next_opening(versions, asked.to))
