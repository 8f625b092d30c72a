"""The parts of the staff service, without the framework that brings them messages."""

from services.kernel.database import Pool
from services.kernel.inbox import Inbox
from services.kernel.privacy import Keyring, MasterKey
from services.kernel.service import Dispatcher
from services.kernel.things import ThingStore
from services.staff.api import api, employees
from services.staff.policies import REACTIONS
from services.staff.projections import read_models
from services.staff.reports import EmployeeReader, admitted


def dispatcher(pool: Pool, master: MasterKey) -> Dispatcher:
    """What carries out the commands and answers the questions."""
    keyring = Keyring(master)
    return Dispatcher(
        api,
        read_models=read_models(),
        readers=[EmployeeReader(keyring)],
        pool=pool,
        keyring=keyring,
        admissions={employees.prefix: admitted},
    )


def inbox(pool: Pool, master: MasterKey) -> Inbox:
    """What takes the events of other services."""
    return Inbox(pool, ThingStore(Keyring(master)), REACTIONS)
