"""The training service on the bus: wiring only."""

from services.kernel.cloud_events import Received
from services.kernel.event_queues import EventQueues
from services.kernel.inbox import types_from
from services.kernel.messaging.answering import Answering
from services.kernel.messaging.background import Background
from services.kernel.messaging.database import OnDatabase
from services.kernel.messaging.subscriptions import subscribed
from services.training.api import api
from services.training.parts import dispatcher, inbox
from services.training.policies import REACTIONS
from services.training.projections import read_models

DATABASE = "PLATEAU_TRAINING_DATABASE_URL"


class TrainingService(Answering):
    """Commands, questions, and what staff tells; its read models and its relay run beside them."""

    name = "training"
    databases = (DATABASE,)
    dispatch = OnDatabase(DATABASE, dispatcher)
    inbox = OnDatabase(DATABASE, inbox)
    background = Background(api, DATABASE, read_models())

    @subscribed(EventQueues("training", "staff", types_from("staff", REACTIONS)))
    def hear_staff(self, events: list[Received]) -> None:
        """Takes them as they come."""
        self.inbox.take(events)
