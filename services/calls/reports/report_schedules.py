"""Report schedules: which reports there are, who sees which schedule, and what is sent to whom."""

from functools import cache
from typing import Any, get_type_hints
from uuid import UUID

from services.calls.api import alert_rules, api, report_runs, report_schedules
from services.calls.domain.alert_rules import AlertRule
from services.calls.domain.report_schedules import ReportDue, ReportSchedule, ScheduleOrder, ScheduleSummary, run_id
from services.calls.queries import (
    AlertRecipientsOf,
    Recipients,
    ReportScheduleList,
    ReportSchedules,
    ScheduledReport,
    ScheduledReportOf,
)
from services.kernel import schemas
from services.kernel.database import Cursor
from services.kernel.decider import Rejected, of
from services.kernel.declarations import UseCase
from services.kernel.lists import Listing, Row, equal
from services.kernel.privacy import Keyring
from services.kernel.projections import answers
from services.kernel.refusals import HIDDEN
from services.kernel.things import ThingStore
from services.kernel.values import Actor
from services.kernel.wire import rfc3339

RANGE = {
    "from": "2026-01-01T00:00:00Z",
    "to": "2026-01-02T00:00:00Z",
}  # any: only the rest of the question is looked at
LISTED = Listing(
    "report_schedules",
    {
        **equal("report", "client", "paused"),
        "seen_client": "client = %(seen_client)s",
        "seen_queues": "queues <@ %(seen_queues)s",
    },
    order={"id": UUID},
)


@cache
def reports() -> dict[str, UseCase]:
    """The reports that can be scheduled, by the last part of their path: those of a range that have rows."""
    return {
        case.path.rpartition("/")[2]: case
        for case in api.public_use_cases
        if case.path.startswith("/v1/reports/")
        and case.returns
        and {"from_", "to"} <= get_type_hints(case.shape).keys()
        if "items" in get_type_hints(case.returns)
    }


def admitted(_db: Cursor, actor: Actor, schedule: ReportSchedule, order: Any) -> Rejected | None:
    """Hides schedules that show more than the actor may see, and refuses reports that could never be made."""
    terms = schedule.terms
    if terms and not actor.sees_all_of(terms.client, schedule.queues):
        return HIDDEN
    return _unfit(actor, order) if isinstance(order, ScheduleOrder) else None


def _unfit(actor: Actor, order: ScheduleOrder) -> Rejected | None:
    case = reports().get(order.report)
    if case is None or not actor.may(case.scope):
        known = ", ".join(sorted(name for name, each in reports().items() if actor.may(each.scope)))
        return Rejected("calls.report_schedule.report_unknown", f"Name one of: {known}.", 422, "/report")
    if given := RANGE.keys() & order.parameters.keys():
        name = min(given)
        detail = "Leave it out: each file has the period that is over when it is due."
        return Rejected("calls.report_schedule.parameter_unfit", detail, 422, f"/parameters/{name}")
    asked = schemas.load(case.shape, {**order.parameters, **RANGE}, lenient=True)
    if isinstance(asked, list):
        fault = asked[0]
        return Rejected("calls.report_schedule.parameter_unfit", fault.detail, 422, f"/parameters{fault.pointer}")
    return None


class ScheduleReader:
    """Answers about report schedules, and tells the gateway to whom alerts and reports go."""

    def __init__(self, keyring: Keyring) -> None:
        self._things = ThingStore(keyring)

    @answers(ReportSchedules)
    def schedules(self, asked: ReportSchedules, db: Cursor, actor: Actor) -> ReportScheduleList:
        """A page of the schedules that the filters and the actor's rights leave, by id: those were made in order."""
        wanted = LISTED.wanted(asked)
        if actor.client is not None:
            wanted["seen_client"] = actor.client
        if actor.queues is not None:
            wanted["seen_queues"] = sorted(actor.queues)
        rows, following = LISTED.page(db, asked, wanted)
        return ReportScheduleList(tuple(_summary(row) for row in rows), following)

    @answers(ScheduledReportOf)
    def scheduled(self, asked: ScheduledReportOf, db: Cursor, _actor: Actor) -> ScheduledReport | None:
        """What is to be made and sent; None where there is no such schedule, or it was not due then."""
        run = self._things.load(db, report_runs, run_id(asked.schedule, asked.due_at))
        if not run.events:
            return None
        due: ReportDue = run.state.due
        key, told_at = str(asked.schedule), run.events[0].recorded_at
        then: ReportSchedule = self._things.load(db, report_schedules, key, told_at).state
        now: ReportSchedule = self._things.load(db, report_schedules, key).state
        assert then.terms is not None  # noqa: S101 - only what was set falls due
        return of(
            ScheduledReport,
            then.terms,
            use_case=reports()[due.report].name,
            parameters={**then.terms.parameters, "from": rfc3339(due.from_), "to": rfc3339(due.to)},
            queues=then.queues,
            emails=() if now.paused else now.emails,
        )

    @answers(AlertRecipientsOf)
    def recipients(self, asked: AlertRecipientsOf, db: Cursor, _actor: Actor) -> Recipients:
        """Whom a rule names."""
        rule: AlertRule = self._things.load(db, alert_rules, str(asked.rule)).state
        return Recipients(rule.emails)


def _summary(row: Row) -> ScheduleSummary:
    schedule: ReportSchedule = schemas.revive(ReportSchedule, row["state"])
    return of(ScheduleSummary, schedule.terms, id=row["id"], paused=schedule.paused)
