"""PostgreSQL connections as every process of a service opens them."""

from collections.abc import Iterable
from uuid import UUID

import orjson
import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import ConnectionPool

set_json_loads(orjson.loads)
set_json_dumps(orjson.dumps)

Connection = psycopg.Connection[TupleRow]
Cursor = psycopg.Cursor[TupleRow]
Pool = ConnectionPool[Connection]

# A write transaction left open anywhere in the cluster holds every reader back (DESIGN section 3, edge b).
SESSION = "-c idle_in_transaction_session_timeout=10s -c statement_timeout={statement_timeout} -c timezone=UTC"


def _options(statement_timeout: str) -> str:
    return SESSION.format(statement_timeout=statement_timeout)


def connect(dsn: str, name: str, *, statement_timeout: str = "30s") -> Connection:
    """One connection in autocommit mode; `name` is shown in pg_stat_activity."""
    return psycopg.connect(dsn, autocommit=True, application_name=name, options=_options(statement_timeout))


def twin(connection: Connection) -> Connection:
    """Another connection to the same database as the same role, with the same settings."""
    return psycopg.connect(connection.info.dsn, password=connection.info.password, autocommit=True)


def open_pool(dsn: str, name: str, *, size: int = 4) -> Pool:
    """A pool of such connections, for a service that answers several requests at once."""
    return ConnectionPool(
        dsn,
        min_size=1,
        max_size=size,
        open=True,
        timeout=5,
        check=_still_open,
        kwargs={"autocommit": True, "application_name": name, "options": _options("30s")},
    )


def _still_open(connection: Connection) -> None:
    """Raises OperationalError where the server has ended an idle connection; unlike psycopg's own check, asks nothing.

    What a server says as it goes is read first, and the end of the connection behind that.
    """
    for _ in range(2):
        connection.pgconn.consume_input()


def uuid_array(ids: Iterable[UUID]) -> str:
    """The ids as the text of a PostgreSQL array, which is much cheaper than to adapt them one by one."""
    return "{" + ",".join([each.hex for each in ids]) + "}"
