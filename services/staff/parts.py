"""The parts of the staff service, without the framework that brings them messages."""

from services.kernel.database import Pool
from services.kernel.privacy import Keyring, MasterKey
from services.kernel.service import Dispatcher
from services.staff.api import api
from services.staff.projections import read_models


def dispatcher(pool: Pool, master: MasterKey) -> Dispatcher:
    """What carries out the commands and answers the questions."""
    return Dispatcher(api, read_models=read_models(), readers=[], pool=pool, keyring=Keyring(master))
