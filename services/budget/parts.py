"""The parts of the budget service, without the framework that brings them messages."""

from services.budget.api import api
from services.budget.policies import REACTIONS
from services.budget.projections import read_models
from services.budget.reports import readers
from services.kernel.database import Pool
from services.kernel.inbox import Inbox
from services.kernel.privacy import Keyring, MasterKey
from services.kernel.service import Dispatcher
from services.kernel.things import ThingStore


def dispatcher(pool: Pool, master: MasterKey) -> Dispatcher:
    """What carries out the commands and answers the questions."""
    return Dispatcher(api, read_models=read_models(), readers=readers(), pool=pool, keyring=Keyring(master))


def inbox(pool: Pool, master: MasterKey) -> Inbox:
    """What takes the events of other services."""
    return Inbox(pool, ThingStore(Keyring(master)), REACTIONS)
