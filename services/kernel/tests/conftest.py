"""What the tests of the kernel share: a pool on a fresh database, and a key of its own."""

import base64
from collections.abc import Iterator

import pytest

from services.kernel.database import Pool, open_pool
from services.kernel.privacy import MasterKey

KEY = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def master_key() -> MasterKey:
    """A key that only tests have."""
    return MasterKey.from_text(KEY)


@pytest.fixture
def pool(calls_url: str) -> Iterator[Pool]:
    """Connections to a fresh database, as a service has them."""
    with open_pool(calls_url, "test") as opened:
        yield opened
