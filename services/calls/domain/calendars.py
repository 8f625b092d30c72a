"""Calendars: when queues are open. Their versions hold by their own dates, as policies do (ADR 0006)."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from services.calls.domain.public_holidays import is_known, public_holidays
from services.calls.domain.spans import Span, instant, joined, within, without
from services.kernel.decider import Context, Decision, Rejected, changed, command, event, of, state, values
from services.kernel.values import Day, Example, Length, Pattern

Opening = Annotated[
    str, Pattern("([01][0-9]|2[0-3]):[0-5][0-9]", "Give a time of day, such as 09:00."), Example("09:00")
]
Closing = Annotated[
    str,
    Pattern("([01][0-9]|2[0-3]):[0-5][0-9]|24:00", "Give a time of day, such as 18:00, or 24:00 for its end."),
    Example("18:00"),
]
Name = Annotated[str, Length(1, 200)]
MOST_DATES = 1000
FURTHEST = timedelta(days=400)  # how far the next opening is looked for
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)  # no visit lies outside


@values
class WeeklySpan:
    """Open from one time of day to another by the clocks of the zone; over midnight where it closes no later."""

    opens: Opening
    closes: Closing


@values
class WeeklyHours:
    """The spans that open on each day of the week; none: closed."""

    monday: Annotated[tuple[WeeklySpan, ...], Length(0, 20)] = ()
    tuesday: Annotated[tuple[WeeklySpan, ...], Length(0, 20)] = ()
    wednesday: Annotated[tuple[WeeklySpan, ...], Length(0, 20)] = ()
    thursday: Annotated[tuple[WeeklySpan, ...], Length(0, 20)] = ()
    friday: Annotated[tuple[WeeklySpan, ...], Length(0, 20)] = ()
    saturday: Annotated[tuple[WeeklySpan, ...], Length(0, 20)] = ()
    sunday: Annotated[tuple[WeeklySpan, ...], Length(0, 20)] = ()

    def of_day(self, day: date) -> tuple[WeeklySpan, ...]:
        """Those that open on a day."""
        week = (self.monday, self.tuesday, self.wednesday, self.thursday, self.friday, self.saturday, self.sunday)
        return week[day.weekday()]


@values
class Holiday:
    """A day on which no weekly span opens; one that opened the evening before runs to its end."""

    date: Day
    name: Name


@values
class PublicHolidays:
    """The public holidays of a country (ISO 3166-1), or of a subdivision of it (ISO 3166-2 without the country)."""

    country: Annotated[str, Pattern("[A-Z]{2}", "Give an ISO 3166 country, such as FR."), Example("FR")]
    subdivision: Annotated[str | None, Length(1, 20)] = None


@values
class ExceptionalSpan:
    """An exceptional closure or opening, half-open."""

    begins_at: datetime
    ends_at: datetime
    name: Name


@values
class CalendarTerms:
    """Weekly hours, less holidays and closures, and whatever they say, the openings."""

    timezone: ZoneInfo = ZoneInfo("UTC")
    weekly: WeeklyHours = WeeklyHours()
    holidays: Annotated[tuple[Holiday, ...], Length(0, MOST_DATES)] = ()
    public_holidays: PublicHolidays | None = None
    closures: Annotated[tuple[ExceptionalSpan, ...], Length(0, MOST_DATES)] = ()
    openings: Annotated[tuple[ExceptionalSpan, ...], Length(0, MOST_DATES)] = ()


@values
class CalendarVersion(CalendarTerms):
    """Terms that hold from an instant on, until those of the next version do."""

    effective_from: datetime | None = None


@command
class AdoptCalendar(CalendarVersion):
    """Say when the queues of a calendar are open, from an instant on.

    Without `effective_from` that is now; an instant in the past judges the past anew.
    """


@event("calendar_adopted")
class CalendarAdopted(CalendarVersion):
    """The queues of the calendar are open so from `effective_from` on. `calendar` is its name."""

    calendar: str = ""


@state
class Calendar:
    """The versions of a calendar in the order of their adoption."""

    versions: tuple[CalendarVersion, ...] = ()


@values
class CalendarView(CalendarVersion):
    """A calendar as it is shown: the version last adopted, and whether there is any."""

    calendar: str = ""
    adopted: bool = False


def decide(calendar: Calendar, order: AdoptCalendar, ctx: Context) -> Decision:
    """Only what changes happens."""
    place = order.public_holidays
    if place is not None and not is_known(place.country, place.subdivision):
        unknown = f"The public holidays of {'-'.join(filter(None, (place.country, place.subdivision)))} are not known."
        return Rejected("calls.calendar.place_unknown", unknown, 422, "/public_holidays")
    for kind, spans in (("closures", order.closures), ("openings", order.openings)):
        for number, span in enumerate(spans):
            if span.ends_at <= span.begins_at:
                refusal = "Give an `ends_at` that is later than `begins_at`."
                return Rejected("calls.calendar.span_empty", refusal, 422, f"/{kind}/{number}/ends_at")
    if _stands(calendar, order, ctx.now):
        return ()
    return of(CalendarAdopted, order, calendar=ctx.key, effective_from=order.effective_from or ctx.now)


def _stands(calendar: Calendar, order: AdoptCalendar, now: datetime) -> bool:
    """Whether the order is what was adopted last; without a date, whether such terms hold already."""
    if not calendar.versions:
        return False
    last = calendar.versions[-1]
    if order.effective_from is not None:
        return last == of(CalendarVersion, order)
    begun = last.effective_from is None or last.effective_from <= now
    return begun and of(CalendarTerms, last) == of(CalendarTerms, order)


def evolve(calendar: Calendar, happened: CalendarAdopted) -> Calendar:
    """Versions add up."""
    return changed(calendar, versions=(*calendar.versions, of(CalendarVersion, happened)))


def view(name: str, calendar: Calendar) -> CalendarView:
    """What is shown of a calendar."""
    last = calendar.versions[-1] if calendar.versions else CalendarVersion()
    return of(CalendarView, last, calendar=name, adopted=bool(calendar.versions))


def opening_spans(versions: Iterable[CalendarVersion], begin: datetime, end: datetime) -> list[Span]:
    """When a calendar is open within a range, in UTC and in order; before its first version it closes nothing.

    Of versions of one date the last adopted holds.
    """
    begin, end = max(begin, EARLIEST), min(end, LATEST)
    by_date = {version.effective_from: version for version in versions}
    dated = sorted((since, version) for since, version in by_date.items() if since is not None)
    if not dated:
        return joined([(begin, end)])
    spans: list[Span] = within([(begin, dated[0][0])], begin, end) if begin < dated[0][0] else []
    ends = [since for since, _ in dated[1:]] + [end]
    for (since, version), until in zip(dated, ends, strict=True):
        since, until = max(since, begin), min(until, end)  # noqa: PLW2901 - as far as it is asked for
        if since < until:
            spans += within(_spans_of(version, since, until), since, until)
    return joined(spans)


def _spans_of(terms: CalendarTerms, begin: datetime, end: datetime) -> Sequence[Span]:
    """The opening spans of one version that may touch a range."""
    closed = {holiday.date for holiday in terms.holidays}
    weekly: list[Span] = []
    day, last = begin.astimezone(terms.timezone).date() - timedelta(days=1), end.astimezone(terms.timezone).date()
    while day <= last:
        if day not in closed and not _is_public_holiday(terms.public_holidays, day):
            weekly += [_span(span, day, terms.timezone) for span in terms.weekly.of_day(day)]
        day += timedelta(days=1)
    closures = within([(closure.begins_at, closure.ends_at) for closure in terms.closures], begin, end)
    return joined([*without(weekly, closures), *((opening.begins_at, opening.ends_at) for opening in terms.openings)])


def _is_public_holiday(place: PublicHolidays | None, day: date) -> bool:
    return place is not None and day in public_holidays(place.country, place.subdivision, day.year)


def _span(span: WeeklySpan, day: date, zone: ZoneInfo) -> Span:
    """One stretch, from the first time that the clocks show its opening to the last time that they show its closing."""
    opens = time.fromisoformat(span.opens)
    closes = time() if span.closes == "24:00" else time.fromisoformat(span.closes)
    closing_day = day if closes > opens else day + timedelta(days=1)
    return instant(day, opens, zone), instant(closing_day, closes, zone, last=True)


def is_open(versions: Iterable[CalendarVersion], at: datetime) -> bool:
    """Whether a calendar is open at an instant."""
    return bool(opening_spans(versions, at, at + timedelta(microseconds=1)))


def next_opening(versions: Iterable[CalendarVersion], at: datetime) -> datetime | None:
    """The instant itself where the calendar is open then, else when it opens next; None: not within 400 days."""
    at = min(at.astimezone(UTC), LATEST)
    spans = opening_spans(versions, at, at + FURTHEST)
    return spans[0][0] if spans else None
