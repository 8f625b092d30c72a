"""The read models of the calls service, one module each."""

from services.calls.projections.agents import AgentMarks
from services.calls.projections.arrangements import Arrangements
from services.calls.projections.calls import CallFigures
from services.calls.projections.corrections import CorrectedFigures
from services.calls.projections.customers import CustomerRegister
from services.calls.projections.queues import QueuePolicies
from services.kernel.projections import Projection


def read_models() -> list[Projection]:
    """Every read model, ready to follow or to answer."""
    return [CallFigures(), QueuePolicies(), AgentMarks(), CorrectedFigures(), CustomerRegister(), Arrangements()]
