"""`plateau keys`: API keys made where no key exists yet, by whoever may use the gateway's database."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import click
import psycopg

from gateway.keys import KeyTerms, create_key, list_keys, revoke_key
from gateway.roles import SCOPES

LISTED = 500
database_option = click.option(
    "--database-url",
    required=True,
    envvar="PLATEAU_GATEWAY_DATABASE_URL",
    show_envvar=True,
    help="Database of the gateway.",
)


@click.group()
def keys() -> None:
    """Make, list and revoke API keys."""


@keys.command()
@click.option("--name", required=True, help="What the key is for.")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(sorted(SCOPES)), help="Repeat it for several.")
@click.option("--all-scopes", is_flag=True, help="Every scope there is.")
@click.option("--source", "sources", multiple=True, help="A source it may send as; without any: all.")
@click.option("--queue", "queues", multiple=True, help="A queue it may see; without any: all.")
@click.option("--expires-at", type=click.DateTime(), help="UTC; without: never.")
@click.option("--unlimited", is_flag=True, help="Not bound by rate limits.")
@database_option
def create(
    *,
    name: str,
    scopes: tuple[str, ...],
    all_scopes: bool,
    sources: tuple[str, ...],
    queues: tuple[str, ...],
    expires_at: datetime | None,
    unlimited: bool,
    database_url: str,
) -> None:
    """Make a key and print it; it cannot be shown again."""
    if not scopes and not all_scopes:
        raise click.UsageError("Say what the key may do: --scope, as often as needed, or --all-scopes.")
    terms = KeyTerms(
        name,
        frozenset(SCOPES if all_scopes else scopes),
        frozenset(sources) or None,
        frozenset(queues) or None,
        expires_at.replace(tzinfo=UTC) if expires_at else None,
        unlimited,
    )

    async def made() -> str:
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            _, key = await create_key(connection, terms, "command line")
        return key

    click.echo(asyncio.run(made()))


@keys.command("list")
@database_option
def list_(database_url: str) -> None:
    """Print each key's id, name and state, one a line, newest last."""

    async def found() -> list[dict[str, object]]:
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            return await list_keys(connection, LISTED)

    for key in asyncio.run(found()):
        state = f"revoked {key['revoked_at']}" if key["revoked_at"] else f"expires {key['expires_at'] or 'never'}"
        click.echo(f"{key['id']} {key['name']} ({state})")


@keys.command()
@click.argument("key_id", type=click.UUID)
@database_option
def revoke(key_id: UUID, database_url: str) -> None:
    """End the key with this id."""

    async def ended() -> datetime | None:
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            return await revoke_key(connection, key_id)

    if asyncio.run(ended()) is None:
        raise click.ClickException("There is no key with this id: `plateau keys list` shows those there are.")
