"""What the calls service publishes: one line a use case, and the shape of a fact."""

from services.calls.domain import alert_rules as alert_rule_rules
from services.calls.domain import alerts as alert_domain
from services.calls.domain import calendars as calendar_rules
from services.calls.domain import clients as client_rules
from services.calls.domain import customers as customer_rules
from services.calls.domain import dispositions as disposition_rules
from services.calls.domain import identities as identity_rules
from services.calls.domain import memberships as membership_rules
from services.calls.domain import queues as queue_rules
from services.calls.domain import quotas as quota_rules
from services.calls.domain import report_schedules as schedule_rules
from services.calls.domain import sources as source_rules
from services.calls.domain import subjects as subject_rules
from services.calls.domain.alert_rules import (
    AlertRule,
    AlertRuleView,
    PauseAlertRule,
    ResumeAlertRule,
    ReviseAlertRule,
    SetAlertRule,
)
from services.calls.domain.alerts import AcknowledgeAlert, Alert, AlertCleared, AlertRaised, AlertView
from services.calls.domain.calendars import AdoptCalendar, CalendarView
from services.calls.domain.clients import ClientView, ConfigureClient
from services.calls.domain.completion import CallCompleted
from services.calls.domain.customers import CustomerView, EraseCustomer, SaveCustomer, UnlinkCustomer
from services.calls.domain.dispositions import CorrectDisposition, Disposed, SetDisposition
from services.calls.domain.facts import canonical
from services.calls.domain.identities import CorrectIdentity, EndIdentity, IdentityView, MapIdentities, MapIdentity
from services.calls.domain.intervals import FigureCorrected, IntervalClosed
from services.calls.domain.memberships import Placements
from services.calls.domain.queues import ConfigureQueue, QueueView
from services.calls.domain.quota_assessments import QuotaMissed, QuotaReached, QuotaUnmeasured
from services.calls.domain.quotas import AgreeQuota, Quota, QuotaView, ReviseQuota, SetQuota
from services.calls.domain.report_schedules import (
    PauseReportSchedule,
    ReportDue,
    ReportRun,
    ReportSchedule,
    ResumeReportSchedule,
    ReviseReportSchedule,
    ScheduleView,
    SetReportSchedule,
)
from services.calls.domain.screen_pops import CallConnected, CallOffered, ScreenPops
from services.calls.domain.sources import ConfigureSource, SourceView
from services.calls.domain.subjects import EraseSubject
from services.calls.domain.vocabulary import fact_schema
from services.calls.queries import (
    AgentReport,
    AgentsOf,
    AlertList,
    AlertOf,
    AlertRecipientsOf,
    AlertRuleList,
    AlertRuleOf,
    AlertRules,
    Alerts,
    CalendarList,
    CalendarOf,
    Calendars,
    CallList,
    CallOf,
    Calls,
    CallView,
    ClientList,
    ClientOf,
    Clients,
    CorrectionList,
    Corrections,
    CustomerList,
    CustomerOf,
    Customers,
    DataQualityOf,
    DataQualityReport,
    DispositionOf,
    DispositionReport,
    DispositionsOf,
    DispositionView,
    DoubtList,
    DoubtsOf,
    Explain,
    Explanation,
    ExportSubject,
    FactList,
    FactsOfCall,
    HoursOf,
    Identities,
    IdentityList,
    IdentityOf,
    Live,
    LiveView,
    OpeningHours,
    QueueList,
    QueueOf,
    Queues,
    QuotaList,
    QuotaOf,
    QuotaProgress,
    QuotaProgressOf,
    Quotas,
    Recipients,
    RepeatedContacts,
    RepeatList,
    ReportScheduleList,
    ReportScheduleOf,
    ReportSchedules,
    ResolutionOf,
    ResolutionReport,
    ScheduledReport,
    ScheduledReportOf,
    ServiceLevelOf,
    ServiceLevelReport,
    SourceList,
    SourceOf,
    Sources,
    SourcesWithProof,
    SourcesWithProofOf,
    SourceToRead,
    SourceToReadOf,
    SubjectExport,
)
from services.kernel.declarations import Api

__all__ = ["api", "canonical", "fact_schema"]

api = Api("calls")

calendars = api.things(
    "/v1/calendars",
    calendar_rules.decide,
    calendar_rules.evolve,
    calendar_rules.Calendar(),
    id="calendar",
    named=True,
)
calendars.query("GET", "", Calendars, returns=CalendarList, scope="calendars:read", clients=True)
calendars.command("PUT", "/{calendar}", AdoptCalendar, scope="calendars:write", guarded=True)
calendars.query("GET", "/{calendar}/hours", HoursOf, returns=OpeningHours, scope="calendars:read", clients=True)
calendars.shown(
    "/{calendar}", CalendarOf, calendar_rules.view, returns=CalendarView, scope="calendars:read", clients=True
)

clients = api.things(
    "/v1/clients", client_rules.decide, client_rules.evolve, client_rules.Client(), id="client", named=True
)
clients.query("GET", "", Clients, returns=ClientList, scope="clients:read", clients=True)
clients.command("PUT", "/{client}", ConfigureClient, scope="clients:write", guarded=True)
clients.shown("/{client}", ClientOf, client_rules.view, returns=ClientView, scope="clients:read", clients=True)

queues = api.things(
    "/v1/queues",
    queue_rules.decide,
    queue_rules.evolve,
    queue_rules.Queue(),
    id="queue",
    named=True,
    limited_by="queues",
)
queues.query("GET", "", Queues, returns=QueueList, scope="queues:read", clients=True)
queues.command(
    "PUT",
    "/{queue:path}",
    ConfigureQueue,
    scope="queues:write",
    guarded=True,
    names={"calendar": (calendars, "calls.queue.calendar_unknown")},
)
queues.shown("/{queue:path}", QueueOf, queue_rules.view, returns=QueueView, scope="queues:read", clients=True)

sources = api.things(
    "/v1/telephony/sources",
    source_rules.decide,
    source_rules.evolve,
    source_rules.Source(),
    id="source",
    named=True,
    limited_by="sources",
)
sources.query("GET", "", Sources, returns=SourceList, scope="sources:read")
sources.command("PUT", "/{source:path}", ConfigureSource, scope="sources:write", guarded=True)
sources.shown("/{source:path}", SourceOf, source_rules.view, returns=SourceView, scope="sources:read")
api.inside(SourceToReadOf, returns=SourceToRead)
api.inside(SourcesWithProofOf, returns=SourcesWithProof)

identities = api.things(
    "/v1/identities",
    identity_rules.decide,
    identity_rules.evolve,
    identity_rules.Identity(),
    id="id",
    identified_by=identity_rules.identity_id,
)
identities.command("POST", "", MapIdentity, scope="identities:write")
identities.bulk("POST", "/bulk", MapIdentities, each=MapIdentity, scope="identities:write")
identities.command("POST", "/{id}/end", EndIdentity, scope="identities:write")
identities.command("POST", "/{id}/correct", CorrectIdentity, scope="identities:write")
identities.shown("/{id}", IdentityOf, identity_rules.view, returns=IdentityView, scope="identities:read")
identities.query("GET", "", Identities, returns=IdentityList, scope="identities:read")

subjects = api.things(
    "/v1/privacy/subjects",
    subject_rules.decide,
    subject_rules.evolve,
    subject_rules.Subject(),
    id="id",
    people=True,
)
subjects.command("POST", "/{id}/erasure", EraseSubject, scope="privacy:erase")
subjects.query("GET", "/{id}/export", ExportSubject, returns=SubjectExport, scope="privacy:export")

customers = api.things(
    "/v1/crm/customers",
    customer_rules.decide,
    customer_rules.evolve,
    customer_rules.Customer(),
    id="customer",
    named=True,
    limited_by="queues",  # whoever sees some queues only sees no customers: those are of the whole centre
)
customers.command("PUT", "/{customer:path}", SaveCustomer, scope="customers:write")
customers.command("DELETE", "/{customer:path}", UnlinkCustomer, scope="customers:write")
customers.command("POST", "/{customer:path}/erase", EraseCustomer, scope="privacy:erase")
customers.shown("/{customer:path}", CustomerOf, customer_rules.view, returns=CustomerView, scope="customers:read")
customers.query("GET", "", Customers, returns=CustomerList, scope="customers:read")

calls = api.things(
    "/v1/calls",
    disposition_rules.decide,
    disposition_rules.evolve,
    Disposed(),
    id="id",
    learn=disposition_rules.learn,
)
calls.command("POST", "/{id}/disposition", SetDisposition, scope="dispositions:write")
calls.command("POST", "/{id}/disposition/correct", CorrectDisposition, scope="dispositions:write")
calls.query("GET", "/{id}/disposition", DispositionOf, returns=DispositionView, scope="calls:read", clients=True)

api.query("GET", "/v1/calls", Calls, returns=CallList, scope="calls:read", clients=True)
api.query("GET", "/v1/calls/{id}", CallOf, returns=CallView, scope="calls:read", clients=True)
api.query("GET", "/v1/calls/{id}/facts", FactsOfCall, returns=FactList, scope="calls:read", clients=True)
api.query(
    "GET", "/v1/reports/service-level", ServiceLevelOf, returns=ServiceLevelReport, scope="reports:read", clients=True
)
# A month of a large centre is folded when it is asked for, while others are answered (ADR 0034).
api.query("GET", "/v1/reports/explain", Explain, returns=Explanation, scope="reports:read", clients=True, patience=20)
api.query("GET", "/v1/reports/agents", AgentsOf, returns=AgentReport, scope="agents:read", clients=True, patience=20)
api.query("GET", "/v1/reports/data-quality", DataQualityOf, returns=DataQualityReport, scope="reports:read")
api.query("GET", "/v1/reports/data-quality/items", DoubtsOf, returns=DoubtList, scope="reports:read")
api.query("GET", "/v1/reports/corrections", Corrections, returns=CorrectionList, scope="reports:read")
api.query(
    "GET", "/v1/reports/dispositions", DispositionsOf, returns=DispositionReport, scope="reports:read", clients=True
)
api.query(
    "GET",
    "/v1/reports/first-contact-resolution",
    ResolutionOf,
    returns=ResolutionReport,
    scope="reports:read",
    clients=True,
)
api.query(
    "GET",
    "/v1/reports/first-contact-resolution/repeats",
    RepeatedContacts,
    returns=RepeatList,
    scope="reports:read",
    clients=True,
)
api.query("GET", "/v1/live", Live, returns=LiveView, scope="live:read", clients=True)

# Orders come from reactions alone: one of them for each employee, by the id that staff gave them.
memberships = api.things(
    "/v1/memberships", membership_rules.decide, membership_rules.evolve, Placements(), id="employee"
)  # fmt: skip

quotas = api.things(
    "/v1/quotas", quota_rules.decide, quota_rules.evolve, Quota(), id="quota_id", allows=quota_rules.allowed
)
quotas.command("POST", "", SetQuota, scope="quotas:write", clients=True)
quotas.command("POST", "/{quota_id}/revise", ReviseQuota, scope="quotas:write", clients=True)
quotas.command("POST", "/{quota_id}/agree", AgreeQuota, scope="quotas:agree", guarded=True, clients=True)
quotas.shown("/{quota_id}", QuotaOf, quota_rules.view, returns=QuotaView, scope="quotas:read", clients=True)
quotas.query("GET", "", Quotas, returns=QuotaList, scope="quotas:read", clients=True)
quotas.query("GET", "/{quota_id}/progress", QuotaProgressOf, returns=QuotaProgress, scope="reports:read", clients=True)
api.publishes(QuotaReached, QuotaMissed, QuotaUnmeasured, subject="quota")

alert_rules = api.things(
    "/v1/alert-rules",
    alert_rule_rules.decide,
    alert_rule_rules.evolve,
    AlertRule(),
    id="rule_id",
    allows=alert_rule_rules.allowed,
)
alert_rules.command("POST", "", SetAlertRule, scope="alert-rules:write")
alert_rules.command("PUT", "/{rule_id}", ReviseAlertRule, scope="alert-rules:write", guarded=True)
alert_rules.command("POST", "/{rule_id}/pause", PauseAlertRule, scope="alert-rules:write")
alert_rules.command("POST", "/{rule_id}/resume", ResumeAlertRule, scope="alert-rules:write")
alert_rules.shown(
    "/{rule_id}", AlertRuleOf, alert_rule_rules.view, returns=AlertRuleView, scope="alert-rules:read"
)  # fmt: skip
alert_rules.query("GET", "", AlertRules, returns=AlertRuleList, scope="alert-rules:read")
api.inside(AlertRecipientsOf, returns=Recipients)

alerts = api.things(
    "/v1/alerts", alert_domain.decide, alert_domain.evolve, Alert(), id="alert_id", allows=alert_domain.allowed
)
alerts.command("POST", "/{alert_id}/acknowledge", AcknowledgeAlert, scope="alerts:acknowledge")
alerts.shown("/{alert_id}", AlertOf, alert_domain.view, returns=AlertView, scope="alerts:read")
alerts.query("GET", "", Alerts, returns=AlertList, scope="alerts:read")
api.publishes(AlertRaised, AlertCleared, subject="alert")

report_schedules = api.things(
    "/v1/report-schedules",
    schedule_rules.decide,
    schedule_rules.evolve,
    ReportSchedule(),
    id="schedule_id",
    allows=schedule_rules.allowed,
)
report_schedules.command("POST", "", SetReportSchedule, scope="report-schedules:write", clients=True)
report_schedules.command(
    "PUT", "/{schedule_id}", ReviseReportSchedule, scope="report-schedules:write", guarded=True, clients=True
)
report_schedules.command(
    "POST", "/{schedule_id}/pause", PauseReportSchedule, scope="report-schedules:write", clients=True
)
report_schedules.command(
    "POST", "/{schedule_id}/resume", ResumeReportSchedule, scope="report-schedules:write", clients=True
)
report_schedules.shown(
    "/{schedule_id}",
    ReportScheduleOf,
    schedule_rules.view,
    returns=ScheduleView,
    scope="report-schedules:read",
    clients=True,
)
report_schedules.query(
    "GET", "", ReportSchedules, returns=ReportScheduleList, scope="report-schedules:read", clients=True
)
api.inside(ScheduledReportOf, returns=ScheduledReport)
report_runs = api.things(
    "/v1/report-runs", schedule_rules.decide_run, schedule_rules.evolve_run, ReportRun(), id="run_id"
)
api.publishes(ReportDue, subject="schedule")

api.publishes(CallCompleted, subject="call", revised=True)
api.publishes(IntervalClosed, FigureCorrected, revised=True)
pops = ScreenPops()
api.announces(CallOffered, fact="call.queued", by=pops.offered, subject="call")
api.announces(CallConnected, fact="call.answered", by=pops.connected, subject="call")
