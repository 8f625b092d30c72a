"""The staff service on the bus: wiring only."""

from services.kernel.cloud_events import Received
from services.kernel.event_queues import EventQueues
from services.kernel.inbox import types_from
from services.kernel.messaging.answering import Answering
from services.kernel.messaging.background import Background
from services.kernel.messaging.database import OnDatabase
from services.kernel.messaging.subscriptions import subscribed
from services.staff.api import api
from services.staff.parts import dispatcher, inbox
from services.staff.policies import REACTIONS
from services.staff.projections import read_models

DATABASE = "PLATEAU_STAFF_DATABASE_URL"


class StaffService(Answering):
    """Commands, questions, and what training tells; its read models and its relay run beside them."""

    name = "staff"
    databases = (DATABASE,)
    dispatch = OnDatabase(DATABASE, dispatcher)
    inbox = OnDatabase(DATABASE, inbox)
    background = Background(api, DATABASE, read_models())

    @subscribed(EventQueues("staff", "training", types_from("training", REACTIONS)))
    def hear_training(self, events: list[Received]) -> None:
        """Takes them as they come."""
        self.inbox.take(events)
