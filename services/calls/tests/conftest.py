"""The calls service on a fresh database, without the bus."""

from collections.abc import Iterator

import pytest

from services.calls.tests.running import RunningCalls
from services.kernel.database import connect, open_pool
from services.kernel.tests.running import MASTER


@pytest.fixture
def calls(calls_url: str) -> Iterator[RunningCalls]:
    """Facts can be stored, read models followed, questions asked."""
    with open_pool(calls_url, "test", size=8) as pool, connect(calls_url, "test follower") as connection:
        yield RunningCalls(pool, MASTER, connection)
