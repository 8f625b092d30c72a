"""A fresh database of the budget service."""

from collections.abc import Iterator

import pytest

from conftest import fresh_database


@pytest.fixture
def budget_url(postgres_url: str) -> Iterator[str]:
    """Its address, as the service's own role."""
    yield from fresh_database(postgres_url, "budget")
