"""The training service on the bus: wiring only."""

from services.kernel.messaging.answering import Answering
from services.kernel.messaging.background import Background
from services.kernel.messaging.database import OnDatabase
from services.training.api import api
from services.training.parts import dispatcher
from services.training.projections import read_models

DATABASE = "PLATEAU_TRAINING_DATABASE_URL"


class TrainingService(Answering):
    """Commands and questions; its read models and its relay run beside them."""

    name = "training"
    databases = (DATABASE,)
    dispatch = OnDatabase(DATABASE, dispatcher)
    background = Background(api, DATABASE, read_models())
