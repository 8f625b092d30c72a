"""A fresh database of the staff service."""

from collections.abc import Iterator

import pytest

from conftest import fresh_database


@pytest.fixture
def staff_url(postgres_url: str) -> Iterator[str]:
    """Its address, as the service's own role."""
    yield from fresh_database(postgres_url, "staff")
