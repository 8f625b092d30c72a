"""The staff service on the bus: wiring only."""

from services.kernel.messaging.answering import Answering
from services.kernel.messaging.background import Background
from services.kernel.messaging.database import OnDatabase
from services.staff.api import api
from services.staff.parts import dispatcher
from services.staff.projections import read_models

DATABASE = "PLATEAU_STAFF_DATABASE_URL"


class StaffService(Answering):
    """Commands and questions; its read models and its relay run beside them."""

    name = "staff"
    databases = (DATABASE,)
    dispatch = OnDatabase(DATABASE, dispatcher)
    background = Background(api, DATABASE, read_models())
