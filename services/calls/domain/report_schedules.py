"""Report schedules: which report, as a file, goes to whom, and when it is due."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from services.calls.domain import periods
from services.calls.domain.alert_rules import WEEKDAYS, Clock, Email, Name, Weekday
from services.calls.domain.periods import Recurrence, midnight
from services.kernel.decider import Context, Decision, Rejected, changed, command, event, of, state, values
from services.kernel.values import Actor, Length, Personal, Range


@values
class Cadence:
    """Each day, on a day of each week, or on a day of each month, at a time of the clock of a zone.

    The report is then of the last whole day, week (from Monday) or month. Where the clock skips the time, it is due
    at once after; where it has it twice, at the first.
    """

    every: Literal["day", "week", "month"]
    at: Clock = "07:00"
    weekday: Weekday = "mon"
    day_of_month: Annotated[int, Range(1, 28)] = 1
    timezone: ZoneInfo = ZoneInfo("UTC")


@values
class ScheduleTerms:
    """A report by the last part of its path (`service-level`), what is asked of it, and the form of its file.

    `parameters` are those of the report, as its query string has them, but for `from` and `to`, which are the period.
    `client`: only what that client of the centre may see is in it.
    """

    _: KW_ONLY
    name: Name
    report: Name
    cadence: Cadence
    format: Literal["csv", "xlsx"] = "csv"
    parameters: Annotated[Mapping[str, str], Length(0, 20)] = field(default_factory=dict)
    client: Name | None = None


@values
class ScheduleOrder(ScheduleTerms):
    """Terms, and the e-mail addresses to which the file goes.

    Webhooks that take `report_due` are told in any case, with the address of the same file.
    """

    _: KW_ONLY
    emails: Annotated[tuple[Email, ...], Length(0, 20), Personal()] = ()


@command
class SetReportSchedule(ScheduleOrder):
    """Have a report sent regularly, with no more in it than you may see yourself."""


@command
class ReviseReportSchedule(ScheduleOrder):
    """Replace all that a schedule says; from then on it is sent with what you may see."""


@command
class PauseReportSchedule:
    """Send nothing until it is resumed; what falls due meanwhile is left out."""


@command
class ResumeReportSchedule:
    """Send again, from the next time on."""


@event("report_schedule_set")
class ReportScheduleSet(ScheduleTerms):
    """From `since` on it is due at its times; it shows what `client` and the `queues` (None: all) let it show."""

    _: KW_ONLY
    since: datetime
    queues: tuple[str, ...] | None = None
    emails: Annotated[tuple[str, ...] | None, Personal()] = None


@event("report_schedule_paused")
class ReportSchedulePaused:
    """Nothing is sent."""


@event("report_schedule_resumed")
class ReportScheduleResumed:
    """It is sent again at its times after this."""

    since: datetime


@state
class ReportSchedule:
    """A schedule; `terms` is None until it is set. `queues` are those that whoever set it may see (None: all)."""

    terms: ScheduleTerms | None = None
    since: datetime | None = None
    queues: tuple[str, ...] | None = None
    emails: tuple[str, ...] = ()
    paused: bool = False


@values
class ScheduleSummary(ScheduleTerms):
    """A schedule as it is listed: without the addresses, which only the schedule itself shows."""

    _: KW_ONLY
    id: UUID
    paused: bool


@values
class ScheduleView(ScheduleSummary):
    """A schedule as it is shown."""

    _: KW_ONLY
    emails: tuple[str, ...]


def decide(
    schedule: ReportSchedule,
    order: SetReportSchedule | ReviseReportSchedule | PauseReportSchedule | ResumeReportSchedule,
    ctx: Context,
) -> Decision:
    """A schedule never shows more than who set it last may see."""
    match order:
        case SetReportSchedule() if schedule.terms:
            return Rejected("calls.report_schedule.exists", "This schedule is set already; replace it instead.")
        case SetReportSchedule():
            return _set(order, ctx)
        case _ if schedule.terms is None:
            return Rejected("calls.report_schedule.unknown", "There is no such schedule: set it first.", 404)
        case ReviseReportSchedule():
            return _set(order, ctx)
        case PauseReportSchedule():
            return () if schedule.paused else ReportSchedulePaused()
        case ResumeReportSchedule():
            return ReportScheduleResumed(ctx.now) if schedule.paused else ()


def _set(order: SetReportSchedule | ReviseReportSchedule, ctx: Context) -> Decision:
    actor = ctx.actor
    if actor.client is not None and order.client not in (None, actor.client):
        return Rejected("calls.report_schedule.client_not_yours", "Leave `client` out: it is yours.", 422, "/client")
    queues = None if actor.queues is None else tuple(sorted(actor.queues))
    return of(ReportScheduleSet, order, client=order.client or actor.client, since=ctx.now, queues=queues)


def evolve(
    schedule: ReportSchedule, happened: ReportScheduleSet | ReportSchedulePaused | ReportScheduleResumed
) -> ReportSchedule:
    """The latest terms stand."""
    match happened:
        case ReportScheduleSet(since=since, queues=queues, emails=emails):
            terms = of(ScheduleTerms, happened)
            return changed(schedule, terms=terms, since=since, queues=queues, emails=emails or ())
        case ReportSchedulePaused():
            return changed(schedule, paused=True)
        case ReportScheduleResumed():
            return changed(schedule, paused=False, since=happened.since)


def allowed(schedule: ReportSchedule, _actor: Actor) -> set[type]:
    """What would change something."""
    if schedule.terms is None:
        return set()
    return {ReviseReportSchedule, ResumeReportSchedule if schedule.paused else PauseReportSchedule}


def view(key: str, schedule: ReportSchedule) -> ScheduleView:
    """What is shown of a schedule that was set."""
    return of(ScheduleView, schedule.terms, id=UUID(key), paused=schedule.paused, emails=schedule.emails)


@command
class RunReport:
    """Say that a schedule is due, for the period that is over then."""

    schedule: UUID
    report: str
    format: Literal["csv", "xlsx"]
    due_at: datetime
    from_: datetime
    to: datetime
    file: str


@event("report_due")
class ReportDue:
    """A report is to be sent: of which schedule, and for which half-open period. `file` is the path that has it."""

    schedule: UUID
    report: str
    format: Literal["csv", "xlsx"]
    due_at: datetime
    from_: datetime
    to: datetime
    file: str | None = None  # of runs before files had an address


@state
class ReportRun:
    """One due time of a schedule; None where it was never due then."""

    due: ReportDue | None = None


def run_id(schedule: UUID, due_at: datetime) -> str:
    """The id of a due time of a schedule."""
    return str(uuid5(schedule, due_at.astimezone(UTC).isoformat()))


def decide_run(run: ReportRun, order: RunReport, _ctx: Context) -> Decision:
    """Each due time is told of once."""
    return () if run.due else of(ReportDue, order)


def evolve_run(_run: ReportRun, happened: ReportDue) -> ReportRun:
    """Told."""
    return ReportRun(happened)


@values
class Due:
    """The day of a due time, its instant, and the period that the report is of."""

    day: date
    at: datetime
    begin: datetime
    end: datetime


def last_due(cadence: Cadence, now: datetime) -> Due:
    """The latest time at or before an instant at which a cadence is due."""
    zone, day = cadence.timezone, periods.today(now, cadence.timezone)
    while not (_falls_on(cadence, day) and (at := midnight(day, zone, time.fromisoformat(cadence.at))) <= now):
        day -= timedelta(days=1)
    recurrence = Recurrence(cadence.every, timezone=zone)
    before = periods.holding(recurrence, periods.floor(recurrence, day) - timedelta(days=1))
    return Due(day, at, before.begin, before.end)


def _falls_on(cadence: Cadence, day: date) -> bool:
    match cadence.every:
        case "day":
            return True
        case "week":
            return WEEKDAYS[day.weekday()] == cadence.weekday
        case "month":
            return day.day == cadence.day_of_month
