"""The budget service on the bus: wiring only."""

from services.budget.api import api
from services.budget.parts import dispatcher
from services.budget.projections import read_models
from services.kernel.messaging.answering import Answering
from services.kernel.messaging.background import Background
from services.kernel.messaging.database import OnDatabase

DATABASE = "PLATEAU_BUDGET_DATABASE_URL"


class BudgetService(Answering):
    """Commands and questions; its read models and its relay run beside them."""

    name = "budget"
    databases = (DATABASE,)
    dispatch = OnDatabase(DATABASE, dispatcher)
    background = Background(api, DATABASE, read_models())
