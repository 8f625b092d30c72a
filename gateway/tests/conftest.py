from collections.abc import Iterator

import pytest

from conftest import fresh_database
from gateway.tests.webhook_harness import plateau, pool, receiver

__all__ = ["plateau", "pool", "receiver"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def gateway_url(postgres_url: str) -> Iterator[str]:
    """A fresh database of the gateway, as its own role."""
    yield from fresh_database(postgres_url, "gateway")
