"""Fixtures on the real PostgreSQL and RabbitMQ that `make test` starts; tests that use them are marked `servers`."""

import os
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from infra import migrations
from services.kernel.database import Connection, connect

POSTGRES, AMQP = "PLATEAU_TEST_POSTGRES_URL", "PLATEAU_TEST_AMQP_URL"
SERVER_FIXTURES = {"postgres_url", "amqp_url"}


def pytest_configure() -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    for name in (POSTGRES, AMQP):
        if own := os.environ.get(f"{name}_{worker}"):
            os.environ[name] = own


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if SERVER_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("servers")


def _needed(name: str) -> str:
    if name not in os.environ:
        pytest.fail(f"{name} is not set: run `make test`, or start `python -m infra.local services start`")
    return os.environ[name]


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """The superuser's address of the test server."""
    return _needed(POSTGRES)


@pytest.fixture(scope="session")
def amqp_url() -> str:
    """The address of the test broker."""
    return _needed(AMQP)


def address(url: str, database: str, role: str | None = None) -> str:
    """The same server, another database, and a role whose password is its name."""
    parts = urlsplit(url)
    host = parts.netloc if role is None else f"{role}:{role}@{parts.netloc.rpartition('@')[2]}"
    return urlunsplit(parts._replace(netloc=host, path=f"/{database}"))


def fresh_database(url: str, service: str) -> Iterator[str]:
    """A new, migrated database of a service; gives the address of its least-privilege role, then drops it."""
    name = f"test_{service}_{uuid.uuid4().hex[:12]}"
    owner, role = f"plateau_{service}_owner", f"plateau_{service}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner)))
        migrations.upgrade(service, address(url, name, owner))
        yield address(url, name, role)
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def calls_url(postgres_url: str) -> Iterator[str]:
    """A fresh database of the calls service, as its own role."""
    yield from fresh_database(postgres_url, "calls")


@pytest.fixture
def calls_connection(calls_url: str) -> Iterator[Connection]:
    """A connection of the calls service to a fresh database."""
    with connect(calls_url, "test") as connection:
        yield connection
