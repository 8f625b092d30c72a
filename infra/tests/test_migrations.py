import uuid

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from infra.databases import provision
from infra.migrations import LOCATIONS, downgrade, upgrade

pytestmark = pytest.mark.servers


@pytest.fixture
def address(postgres_url):
    """Makes addresses of a database of this test, which is dropped afterwards."""
    place = conninfo_to_dict(postgres_url)
    name = f"migrations_{uuid.uuid4().hex[:12]}"
    yield lambda account: f"postgresql://{account}:{account}@{place['host']}:{place['port']}/{name}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def objects_of(dsn: str) -> set[str]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("""
            SELECT nspname || '.' || relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
            WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' AND relname NOT LIKE 'alembic%'""")
        return {name for (name,) in rows}


@pytest.mark.parametrize("name", LOCATIONS)
def test_migrations_go_up_down_and_up_again(postgres_url, address, name):
    owner = address(f"plateau_{name}_owner")
    provision(postgres_url, owner, address(f"plateau_{name}"))
    upgrade(name, owner)
    made = objects_of(owner)
    assert made
    upgrade(name, owner)
    assert objects_of(owner) == made
    downgrade(name, owner)
    assert objects_of(owner) == set()
    upgrade(name, owner)
    assert objects_of(owner) == made


def test_provisioning_is_repeatable_and_the_working_role_makes_no_tables(postgres_url, address):
    owner, role = address("plateau_calls_owner"), address("plateau_calls")
    provision(postgres_url, owner, role)
    provision(postgres_url, owner, role)
    with psycopg.connect(owner) as connection:
        connection.execute("CREATE TABLE own (x int)")
    with psycopg.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("CREATE TABLE foreign_table (x int)")


def test_another_services_role_may_not_connect(postgres_url, address):
    provision(postgres_url, address("plateau_calls_owner"), address("plateau_calls"))
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(address("plateau_gateway"))
