"""The services, the databases that Plateau keeps, and how a command is told where they are."""

from collections.abc import Callable, Sequence
from typing import Any

import click

SERVICES = ("calls", "staff", "training", "budget")
DATABASES = (*SERVICES, "gateway")


def address(name: str, meaning: str, *, required: bool = True) -> Any:
    """An option for one address, which is read from `PLATEAU_<NAME>_URL` where it is not given."""
    return click.option(f"--{name}-url", required=required, envvar=f"PLATEAU_{name}_URL".replace("-", "_").upper(),
                        show_envvar=True, help=meaning)  # fmt: skip


def addresses(kind: str, meaning: str, names: Sequence[str] = DATABASES, *, required: bool = True) -> Any:
    """Options for the address of each database: `--calls-<kind>-url`, `PLATEAU_CALLS_<KIND>_URL` and so on."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for name in reversed(names):
            command = address(f"{name}-{kind}", f"Database of {name}, {meaning}.", required=required)(command)
        return command

    return add
