"""What answers the questions that are put to the budget service."""

from services.budget.reports.actuals import ActualReports
from services.budget.reports.cost_centres import CostCentreReports


def readers() -> list[object]:
    """All of them."""
    return [CostCentreReports(), ActualReports()]
