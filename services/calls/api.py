"""What the calls service publishes: one line a use case, and the shape of a fact."""

from services.calls.domain import queues as queue_rules
from services.calls.domain import quotas as quota_rules
from services.calls.domain import sources as source_rules
from services.calls.domain import subjects as subject_rules
from services.calls.domain.completion import CallCompleted
from services.calls.domain.facts import canonical
from services.calls.domain.queues import ConfigureQueue, QueueView
from services.calls.domain.quotas import (
    AgreeQuota,
    Quota,
    QuotaMissed,
    QuotaReached,
    QuotaUnmeasured,
    QuotaView,
    ReviseQuota,
    SetQuota,
)
from services.calls.domain.sources import ConfigureSource, SourceView
from services.calls.domain.subjects import EraseSubject
from services.calls.domain.vocabulary import fact_schema
from services.calls.queries import (
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

api.publishes(CallCompleted, subject="call", revised=True)
