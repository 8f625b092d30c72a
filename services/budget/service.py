"""The budget service on the bus: wiring only."""

from services.budget.api import api
from services.budget.parts import dispatcher, inbox
from services.budget.policies import REACTIONS
from services.budget.projections import read_models
from services.kernel.cloud_events import Received
from services.kernel.event_queues import EventQueues
from services.kernel.inbox import types_from
from services.kernel.messaging.answering import Answering
from services.kernel.messaging.background import Background
from services.kernel.messaging.database import OnDatabase
from services.kernel.messaging.subscriptions import subscribed

DATABASE = "PLATEAU_BUDGET_DATABASE_URL"


class BudgetService(Answering):
    """Commands and questions; its read models and its relay run beside them."""

    name = "budget"
    databases = (DATABASE,)
    dispatch = OnDatabase(DATABASE, dispatcher)
    inbox = OnDatabase(DATABASE, inbox)
    background = Background(api, DATABASE, read_models())

    @subscribed(EventQueues("budget", "calls", types_from("calls", REACTIONS)))
    def hear_calls(self, events: list[Received]) -> None:
        """Posts the telephony of calls."""
        self.inbox.take(events)

    @subscribed(EventQueues("budget", "training", types_from("training", REACTIONS)))
    def hear_training(self, events: list[Received]) -> None:
        """Posts awards."""
        self.inbox.take(events)
