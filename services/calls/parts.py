"""The parts of the calls service, without the framework that brings them messages."""

from services.calls.api import api, quotas
from services.calls.erasure import effects
from services.calls.projections import read_models
from services.calls.reports import quotas as quota_reports
from services.calls.reports import readers
from services.kernel.database import Pool
from services.kernel.privacy import Keyring, MasterKey
from services.kernel.service import Dispatcher


def dispatcher(pool: Pool, master: MasterKey) -> Dispatcher:
    """What carries out the commands and answers the questions."""
    keyring = Keyring(master)
    return Dispatcher(
        api,
        read_models=read_models(),
        readers=readers(master),
        pool=pool,
        keyring=keyring,
        effects=effects(keyring),
        admissions={quotas.prefix: quota_reports.admitted},
    )
