"""Report schedules, and what the gateway needs to make and send a file."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from services.calls.domain.report_schedules import ScheduleSummary
from services.calls.queries.calls import Name
from services.kernel.decider import values
from services.kernel.lists import Paged


@values
class ReportScheduleOf:
    """Show a report schedule, with the addresses to which it goes."""

    schedule_id: UUID


@values
class ReportSchedules(Paged):
    """List report schedules in the order in which they were set."""

    report: Name | None = None
    client: Name | None = None
    paused: bool | None = None


@values
class ReportScheduleList:
    """A page of report schedules; `next` is the cursor of the following page."""

    items: tuple[ScheduleSummary, ...]
    next: str | None


@values
class ScheduledReportOf:
    """Say what the file of a due time of a schedule holds, whose eyes it is for, and to whom it goes."""

    schedule: UUID
    due_at: datetime


@values
class ScheduledReport:
    """The query that the file answers, by the name of its use case, and the limits of who sees it (None: no limit).

    It is what the schedule said when it was due. Whom it goes to is as it stands now: nobody while it is paused.
    """

    name: str
    use_case: str
    format: Literal["csv", "xlsx"]
    parameters: dict[str, str]
    client: str | None
    queues: tuple[str, ...] | None
    emails: tuple[str, ...]
