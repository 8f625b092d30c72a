"""What the budget service publishes: one line a use case."""

from services.budget.domain import actuals as actual_rules
from services.budget.domain import cost_centres as cost_centre_rules
from services.budget.domain.cost_centres import CarryQueues, CloseCostCentre, CostCentreView, OpenCostCentre
from services.budget.queries import (
    ActualList,
    Actuals,
    ActualTotals,
    CostCentreList,
    CostCentreOf,
    CostCentres,
    TotalsOfActuals,
)
from services.kernel.declarations import Api

api = Api("budget")

cost_centres = api.things(
    "/v1/budget/cost-centres",
    cost_centre_rules.decide,
    cost_centre_rules.evolve,
    cost_centre_rules.CostCentre(),
    id="cost_centre",
    named=True,
)
cost_centres.command("POST", "/{cost_centre}/open", OpenCostCentre, scope="cost-centres:write")
cost_centres.command("POST", "/{cost_centre}/carry-queues", CarryQueues, scope="cost-centres:write")
cost_centres.command("POST", "/{cost_centre}/close", CloseCostCentre, scope="cost-centres:write")
cost_centres.shown("/{cost_centre}", CostCentreOf, cost_centre_rules.view, returns=CostCentreView, scope="budget:read")
cost_centres.query("GET", "", CostCentres, returns=CostCentreList, scope="budget:read")

# Orders come from reactions alone. One of them for each call and each award: `call:<id>`, `award:<id>`.
actuals = api.things(
    "/v1/budget/actuals", actual_rules.decide, actual_rules.evolve, actual_rules.Actual(), id="actual", named=True
)
actuals.query("GET", "", Actuals, returns=ActualList, scope="budget:read")

api.query("GET", "/v1/budget/reports/actuals", TotalsOfActuals, returns=ActualTotals, scope="budget:read")
