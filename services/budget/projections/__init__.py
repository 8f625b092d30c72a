"""The read models of the budget service."""

from services.budget.projections.actuals import PostedActuals
from services.budget.projections.cost_centres import OpenedCostCentres
from services.kernel.projections import Projection


def read_models() -> list[Projection]:
    """Every read model, each with a memory of its own."""
    return [OpenedCostCentres(), PostedActuals()]
