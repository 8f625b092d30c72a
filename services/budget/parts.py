"""The parts of the budget service, without the framework that brings them messages."""

from services.budget.api import api
from services.budget.projections import read_models
from services.kernel.database import Pool
from services.kernel.privacy import Keyring, MasterKey
from services.kernel.service import Dispatcher


def dispatcher(pool: Pool, master: MasterKey) -> Dispatcher:
    """What carries out the commands and answers the questions."""
    return Dispatcher(api, read_models=read_models(), readers=[], pool=pool, keyring=Keyring(master))
