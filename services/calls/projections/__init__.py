"""The read models of the calls service, one module each."""

from services.calls.projections.agents import AgentMarks
from services.calls.projections.alerts import AlertRegister
from services.calls.projections.calls import CallFigures
from services.calls.projections.queues import QueuePolicies
from services.calls.projections.quotas import QuotaRegister
from services.calls.projections.report_schedules import ReportCalendar
from services.kernel.projections import Projection


def read_models() -> list[Projection]:
    """Every read model, ready to follow or to answer."""
    return [CallFigures(), QueuePolicies(), AgentMarks(), QuotaRegister(), AlertRegister(), ReportCalendar()]
