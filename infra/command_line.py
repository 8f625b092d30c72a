"""The `plateau` command.

Each command imports what it needs when it runs: the gateway must never load nameko or eventlet, and a Nameko service
must be monkey-patched before anything else is imported.
"""

import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click

from infra.addresses import DATABASES, address, addresses


class Role(NamedTuple):
    """What a process does: the function (`module:name`) that runs it until it is told to stop, and its arguments.

    `nice` is what it adds to its niceness: where the machine cannot do everything at once, it comes after the others.
    `part` is whose database and secrets it works with; as a rule the role's name says it.
    """

    run: str
    arguments: tuple[str, ...] = ()
    nice: int = 0
    part: str = ""


def part_of(role: str) -> str:
    """The service, or the gateway, that a process is a part of: `calls` of `calls-ingest`."""
    return ROLES[role].part or role.partition("-")[0]


NAMEKO = "services.kernel.messaging.runner:run"
ROLES = {
    "gateway": Role("gateway.server:run"),
    "calls": Role(NAMEKO, ("services.calls.service:CallsService",)),
    "calls-ingest": Role(NAMEKO, ("services.calls.service:CallsIngest",)),
    "calls-projections": Role("services.calls.background:run"),
    "staff": Role(NAMEKO, ("services.staff.service:StaffService",)),
    "training": Role(NAMEKO, ("services.training.service:TrainingService",)),
    # It hears of every call; a call that is taken in must not wait for one that is being booked.
    "budget": Role(NAMEKO, ("services.budget.service:BudgetService",), nice=10),
    "deliveries": Role("gateway.deliveries.server:run", part="gateway"),
}
# Commands of other parts, as `module:name`.
COMMANDS = {
    "rebuild": "infra.rebuild:rebuild",
    "dead": "infra.dead_letters:letters",
    "events": "infra.events:events",
    "lag": "infra.lag:lag",
    "keys": "gateway.command:keys",
    "simulate": "loadtests.simulator.command:simulate",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def __init__(self, *arguments: Any, lazy: Mapping[str, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, in alphabetical order."""
        return sorted([*super().list_commands(ctx), *self.lazy])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        if cmd_name in self.lazy:
            return _imported(self.lazy[cmd_name])
        return super().get_command(ctx, cmd_name)


def _imported(address: str) -> Any:
    module, name = address.split(":")
    return getattr(import_module(module), name)


@click.group(cls=LazyGroup, lazy=COMMANDS)
def main() -> None:
    """Plateau: the backend on which the manager of a call centre runs the floor."""


@main.command()
@click.argument("role", type=click.Choice(list(ROLES)))
def serve(role: str) -> None:
    """Run one process of Plateau in the foreground, until SIGTERM or SIGINT."""
    os.nice(ROLES[role].nice)
    _imported(ROLES[role].run)(*ROLES[role].arguments)


@main.command()
@addresses("migration", "as its owner")
def migrate(**urls: str) -> None:
    """Bring all databases up to date; running it again changes nothing."""
    from infra.migrations import upgrade  # noqa: PLC0415

    for name in DATABASES:
        upgrade(name, urls[f"{name}_migration_url"])


@main.command()
@address("postgres-admin", "Any database of the server, as a superuser.")
@addresses("migration", "as its owner")
@addresses("database", "as the role that only works")
def provision(postgres_admin_url: str, **urls: str) -> None:
    """Make the databases and roles that the addresses name; running it again changes nothing but passwords."""
    from infra.databases import provision as make  # noqa: PLC0415

    for name in DATABASES:
        make(postgres_admin_url, urls[f"{name}_migration_url"], urls[f"{name}_database_url"])


if __name__ == "__main__":
    main()
