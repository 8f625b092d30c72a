"""The parts of the calls service, without the framework that brings them messages."""

from services.calls.api import alert_rules, alerts, api, quotas, report_schedules
from services.calls.erasure import effects
from services.calls.projections import read_models
from services.calls.reports import alerts as alert_reports
from services.calls.reports import quotas as quota_reports
from services.calls.reports import readers
from services.calls.reports import report_schedules as schedule_reports
from services.calls.reports.call_listing import call_is_seen
from services.calls.reports.visibility import calendar_is_seen, client_is_seen, queue_is_seen
from services.calls.team_policies import REACTIONS
from services.kernel.database import Pool
from services.kernel.inbox import Inbox
from services.kernel.privacy import Keyring, MasterKey
from services.kernel.service import Dispatcher
from services.kernel.things import ThingStore

SEES = {
    "/v1/calendars": calendar_is_seen,
    "/v1/calls": call_is_seen,
    "/v1/clients": client_is_seen,
    "/v1/queues": queue_is_seen,
    # Whose these are stands in their states: see their admissions.
    "/v1/quotas": lambda *_: True,
    "/v1/report-schedules": lambda *_: True,
}


def dispatcher(pool: Pool, master: MasterKey) -> Dispatcher:
    """What carries out the commands and answers the questions."""
    keyring = Keyring(master)
    return Dispatcher(
        api,
        read_models=read_models(),
        readers=readers(master),
        pool=pool,
        keyring=keyring,
        effects=effects(keyring),
        sees=SEES,
        admissions={
            quotas.prefix: quota_reports.admitted,
            alert_rules.prefix: alert_reports.admitted,
            alerts.prefix: alert_reports.alert_admitted,
            report_schedules.prefix: schedule_reports.admitted,
        },
    )


def inbox(pool: Pool, master: MasterKey) -> Inbox:
    """What takes the events of other services."""
    return Inbox(pool, ThingStore(Keyring(master)), REACTIONS)
