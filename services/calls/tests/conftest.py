"""The calls service on a fresh database, without the bus."""

import base64
from collections.abc import Iterator

import pytest

from services.calls.tests.running import RunningCalls
from services.kernel.database import connect, open_pool
from services.kernel.privacy import MasterKey


@pytest.fixture
def calls(calls_url: str) -> Iterator[RunningCalls]:
    """Facts can be stored, read models followed, questions asked."""
    master = MasterKey.from_text(base64.b64encode(bytes(range(32))).decode())
    with open_pool(calls_url, "test", size=8) as pool, connect(calls_url, "test follower") as connection:
        yield RunningCalls(pool, master, connection)
