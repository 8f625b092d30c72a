"""The parts of the training service, without the framework that brings them messages."""

from services.kernel.database import Pool
from services.kernel.inbox import Inbox
from services.kernel.privacy import Keyring, MasterKey
from services.kernel.service import Dispatcher
from services.kernel.things import ThingStore
from services.training.api import api
from services.training.policies import REACTIONS
from services.training.projections import read_models
from services.training.reports import AwardReader, LearningPlanReader


def dispatcher(pool: Pool, master: MasterKey) -> Dispatcher:
    """What carries out the commands and answers the questions."""
    keyring = Keyring(master)
    readers = [LearningPlanReader(), AwardReader(keyring)]
    return Dispatcher(api, read_models=read_models(), readers=readers, pool=pool, keyring=keyring)


def inbox(pool: Pool, master: MasterKey) -> Inbox:
    """What takes the events of other services."""
    return Inbox(pool, ThingStore(Keyring(master)), REACTIONS)
