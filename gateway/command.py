"""`plateau keys`: API keys from the command line, without the server."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID

import click
import psycopg

from gateway.keys import KeyTerms, create_key, list_keys, revoke_key
from gateway.roles import SCOPES

T = TypeVar("T")
PAGE = 500

database = click.option(
    "--gateway-database-url",
    "url",
    required=True,
    envvar="PLATEAU_GATEWAY_DATABASE_URL",
    show_envvar=True,
    help="The gateway's database.",
)


def _with_connection(url: str, work: Callable[[psycopg.AsyncConnection[Any]], Awaitable[T]]) -> T:
    async def run() -> T:
        async with await psycopg.AsyncConnection.connect(url) as connection:
            return await work(connection)

    try:
        return asyncio.run(run())
    except psycopg.OperationalError as error:
        raise click.ClickException(f"The gateway's database cannot be used: {error}") from error


@click.group()
def keys() -> None:
    """Make, list and revoke API keys."""


@keys.command()
@database
@click.option("--name", required=True, help="Whose key it is: a PBX, a connector, a person's tool.")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(list(SCOPES)), help="What it may do; repeatable.")
@click.option("--all-scopes", is_flag=True, help="Everything that an administrator may do.")
@click.option("--source", "sources", multiple=True, help="A source that it may send as; repeatable. Default: any.")
@click.option("--queue", "queues", multiple=True, help="A queue that it may see; repeatable. Default: all.")
@click.option("--client", help="The client of the centre whose key it is: it sees their queues alone.")
@click.option("--expires-at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z"]), help="When it ends. Default: never.")
@click.option("--unlimited", is_flag=True, help="Not bound by rate limits.")
@click.option("--only-key", is_flag=True, help="Print nothing but the key.")
def create(url: str, *, only_key: bool, **terms: Any) -> None:
    """Make a key and print it: it cannot be shown again."""
    all_scopes, scopes = terms.pop("all_scopes"), terms.pop("scopes")
    if all_scopes == bool(scopes):
        raise click.UsageError("Give --all-scopes, or one --scope for each thing that the key may do.")
    limits = {name: frozenset(terms.pop(name)) or None for name in ("sources", "queues")}
    ordered = KeyTerms(scopes=frozenset(SCOPES if all_scopes else scopes), **limits, **terms)
    key_id, key = _with_connection(url, lambda connection: create_key(connection, ordered, "command line"))
    click.echo(key if only_key else f"{key_id}\n{key}")


@keys.command("list")
@database
def list_all(url: str) -> None:
    """List all keys, revoked ones too, without their secrets."""

    async def all_keys(connection: psycopg.AsyncConnection[Any]) -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = []
        while page := await list_keys(connection, PAGE, shown[-1]["id"] if shown else None):
            shown += page
        return shown

    for key in _with_connection(url, all_keys):
        end = f"revoked {key['revoked_at']:%Y-%m-%d}" if key["revoked_at"] else key["expires_at"] or "no end"
        click.echo(f"{key['id']}  {key['name']}  {' '.join(key['scopes'])}  {end}")


@keys.command()
@database
@click.argument("key_id", type=click.UUID)
def revoke(url: str, key_id: UUID) -> None:
    """End a key, within 5 seconds; ending it again changes nothing."""
    if _with_connection(url, lambda connection: revoke_key(connection, key_id)) is None:
        raise click.ClickException(f"There is no key {key_id}; `plateau keys list` shows all.")
    click.echo(f"{key_id} is revoked")
