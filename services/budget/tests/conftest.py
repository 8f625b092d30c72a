"""The budget service on a fresh database, without the bus."""

import base64
from collections.abc import Iterator

import pytest

from conftest import fresh_database
from services.budget.parts import dispatcher, inbox
from services.budget.projections import read_models
from services.budget.tests.running import RunningBudget
from services.kernel.database import connect, open_pool
from services.kernel.privacy import MasterKey


@pytest.fixture
def budget_url(postgres_url: str) -> Iterator[str]:
    """Its address, as the service's own role."""
    yield from fresh_database(postgres_url, "budget")


@pytest.fixture
def budget(budget_url: str) -> Iterator[RunningBudget]:
    """Orders are given, events of other services heard, questions asked."""
    master = MasterKey.from_text(base64.b64encode(bytes(range(32))).decode())
    with open_pool(budget_url, "test") as pool, connect(budget_url, "test follower") as connection:
        yield RunningBudget(dispatcher(pool, master), read_models, connection, inbox(pool, master))
