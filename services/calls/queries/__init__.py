"""What can be asked of the calls service, and the shape of each answer (durations in decimal seconds, ratios 0..1)."""

from services.calls.queries.calls import (
    CallList,
    CallOf,
    Calls,
    CallView,
    FactList,
    FactsOfCall,
    FactView,
    LegView,
    Name,
    Outcome,
    VisitView,
)
from services.calls.queries.customers import CustomerList, CustomerOf, Customers
from services.calls.queries.live import AgentCounts, AgentState, Live, LiveAgent, LiveQueue, LiveView
from services.calls.queries.privacy import ExportedCall, ExportSubject, SubjectExport
from services.calls.queries.service_level import (
    Explain,
    ExplainedFact,
    ExplainedVisit,
    Explanation,
    Interval,
    Measure,
    PolicyView,
    ServiceLevelOf,
    ServiceLevelReport,
    ServiceLevelRow,
)
from services.calls.queries.settings import QueueOf, SourceOf

__all__ = [
    "AgentCounts",
    "AgentState",
    "CallList",
    "CallOf",
    "CallView",
    "Calls",
    "CustomerList",
    "CustomerOf",
    "Customers",
    "Explain",
    "ExplainedFact",
    "ExplainedVisit",
    "Explanation",
    "ExportSubject",
    "ExportedCall",
    "FactList",
    "FactView",
    "FactsOfCall",
    "Interval",
    "LegView",
    "Live",
    "LiveAgent",
    "LiveQueue",
    "LiveView",
    "Measure",
    "Name",
    "Outcome",
    "PolicyView",
    "QueueOf",
    "ServiceLevelOf",
    "ServiceLevelReport",
    "ServiceLevelRow",
    "SourceOf",
    "SubjectExport",
    "VisitView",
]
