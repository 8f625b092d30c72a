from collections.abc import Iterator

import pytest

from conftest import fresh_database
from gateway.tests.crm_harness import centre, database, hubspot, salesforce, zendesk
from gateway.tests.webhook_harness import plateau, pool, receiver

__all__ = ["centre", "database", "hubspot", "plateau", "pool", "receiver", "salesforce", "zendesk"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def gateway_url(postgres_url: str) -> Iterator[str]:
    """A fresh database of the gateway, as its own role."""
    yield from fresh_database(postgres_url, "gateway")
