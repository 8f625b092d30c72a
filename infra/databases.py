"""The databases of the services and their roles: an owner that migrates, and a role that only works."""

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict


def provision(superuser_url: str, owner_url: str, role_url: str) -> None:
    """Make the database that `owner_url` names, its owner, and the least-privilege role of `role_url`; idempotent.

    The passwords are those in the addresses; running it again with others changes them.
    """
    owner, role = conninfo_to_dict(owner_url), conninfo_to_dict(role_url)
    name = sql.Identifier(str(owner["dbname"]))
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        for account in (owner, role):
            _role(connection, str(account["user"]), str(account["password"]))
        role_name, owner_name = sql.Identifier(str(role["user"])), sql.Identifier(str(owner["user"]))
        # A hung statement would hold every reader of events back; migrations, run by the owner, may take long.
        connection.execute(sql.SQL("ALTER ROLE {} SET statement_timeout = '60s'").format(role_name))
        # To name the process whose open transaction holds the readers of events back, whoever runs it.
        connection.execute(sql.SQL("GRANT pg_read_all_stats TO {}").format(role_name))
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [owner["dbname"]]).fetchone()
        if known is None:
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, owner_name))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
        connection.execute(sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(name, role_name))


def _role(connection: psycopg.Connection, name: str, password: str) -> None:
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    verb = sql.SQL("CREATE" if known is None else "ALTER")
    statement = sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, sql.Identifier(name), sql.Literal(password))
    connection.execute(statement)
