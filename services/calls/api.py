"""What the calls service publishes: one line a use case, and the shape of a fact."""

from services.calls.domain import alert_rules as alert_rule_rules
from services.calls.domain import alerts as alert_domain
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
from services.calls.domain.completion import CallCompleted
from services.calls.domain.facts import canonical
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
from services.calls.domain.sources import ConfigureSource, SourceView
from services.calls.domain.subjects import EraseSubject
from services.calls.domain.vocabulary import fact_schema
from services.calls.queries import (
    AlertList,
    AlertOf,
    AlertRecipientsOf,
    AlertRuleList,
    AlertRuleOf,
    AlertRules,
    Alerts,
    CallList,
    CallOf,
    Calls,
    CallView,
    Explain,
    Explanation,
    ExportSubject,
    FactList,
    FactsOfCall,
    Live,
    LiveView,
    QueueOf,
    QuotaList,
    QuotaOf,
    QuotaProgress,
    QuotaProgressOf,
    Quotas,
    Recipients,
    ReportScheduleList,
    ReportScheduleOf,
    ReportSchedules,
    ScheduledReport,
    ScheduledReportOf,
    ServiceLevelOf,
    ServiceLevelReport,
    SourceOf,
    SubjectExport,
)
from services.kernel.declarations import Api

__all__ = ["api", "canonical", "fact_schema"]

api = Api("calls")

queues = api.things(
    "/v1/queues",
    queue_rules.decide,
    queue_rules.evolve,
    queue_rules.Queue(),
    id="queue",
    named=True,
    limited_by="queues",
)
queues.command("PUT", "/{queue:path}", ConfigureQueue, scope="queues:write", guarded=True)
queues.shown("/{queue:path}", QueueOf, queue_rules.view, returns=QueueView, scope="queues:read")

sources = api.things(
    "/v1/telephony/sources",
    source_rules.decide,
    source_rules.evolve,
    source_rules.Source(),
    id="source",
    named=True,
    limited_by="sources",
)
sources.command("PUT", "/{source:path}", ConfigureSource, scope="sources:write", guarded=True)
sources.shown("/{source:path}", SourceOf, source_rules.view, returns=SourceView, scope="sources:read")

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

api.query("GET", "/v1/calls", Calls, returns=CallList, scope="calls:read")
api.query("GET", "/v1/calls/{id}", CallOf, returns=CallView, scope="calls:read")
api.query("GET", "/v1/calls/{id}/facts", FactsOfCall, returns=FactList, scope="calls:read")
api.query("GET", "/v1/reports/service-level", ServiceLevelOf, returns=ServiceLevelReport, scope="reports:read")
api.query("GET", "/v1/reports/explain", Explain, returns=Explanation, scope="reports:read")
api.query("GET", "/v1/live", Live, returns=LiveView, scope="live:read")

quotas = api.things(
    "/v1/quotas", quota_rules.decide, quota_rules.evolve, Quota(), id="quota_id", allows=quota_rules.allowed
)
quotas.command("POST", "", SetQuota, scope="quotas:write")
quotas.command("POST", "/{quota_id}/revise", ReviseQuota, scope="quotas:write")
quotas.command("POST", "/{quota_id}/agree", AgreeQuota, scope="quotas:agree", guarded=True)
quotas.shown("/{quota_id}", QuotaOf, quota_rules.view, returns=QuotaView, scope="quotas:read")
quotas.query("GET", "", Quotas, returns=QuotaList, scope="quotas:read")
quotas.query("GET", "/{quota_id}/progress", QuotaProgressOf, returns=QuotaProgress, scope="reports:read")
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
report_schedules.command("POST", "", SetReportSchedule, scope="report-schedules:write")
report_schedules.command("PUT", "/{schedule_id}", ReviseReportSchedule, scope="report-schedules:write", guarded=True)
report_schedules.command("POST", "/{schedule_id}/pause", PauseReportSchedule, scope="report-schedules:write")
report_schedules.command("POST", "/{schedule_id}/resume", ResumeReportSchedule, scope="report-schedules:write")
report_schedules.shown(
    "/{schedule_id}", ReportScheduleOf, schedule_rules.view, returns=ScheduleView, scope="report-schedules:read"
)
report_schedules.query("GET", "", ReportSchedules, returns=ReportScheduleList, scope="report-schedules:read")
api.inside(ScheduledReportOf, returns=ScheduledReport)
report_runs = api.things(
    "/v1/report-runs", schedule_rules.decide_run, schedule_rules.evolve_run, ReportRun(), id="run_id"
)
api.publishes(ReportDue, subject="schedule")

api.publishes(CallCompleted, subject="call", revised=True)
