"""`python -m infra.local`: the stack of `make run` and the servers of `make test`."""

from pathlib import Path

import click

from infra.databases import provision
from infra.local import environment_file
from infra.local.ports import LOOPBACK, Ports
from infra.local.servers import Servers

home_option = click.option(
    "--home", required=True, type=click.Path(path_type=Path, resolve_path=True), help="Folder of everything it keeps."
)
base_option = click.option("--port-base", required=True, type=int, help="First of the ports it takes.")


@click.group()
def main() -> None:
    """Private PostgreSQL and RabbitMQ servers, and the Plateau that runs on them."""


@main.command()
@click.argument("program", type=click.Choice(["postgres", "rabbitmq"]))
@home_option
@base_option
def become(program: str, home: Path, port_base: int) -> None:
    """Turn into PROGRAM after ending an orphan of it (for supervisord)."""
    Servers(home, Ports(port_base)).become(program)


@main.group()
def services() -> None:
    """PostgreSQL and RabbitMQ for tests, without Plateau itself."""


@services.command()
@home_option
@base_option
@click.option("--durable/--throwaway", default=True, help="Whether PostgreSQL waits for the disk.")
def start(home: Path, port_base: int, durable: bool) -> None:
    """Start both servers, print the addresses that tests read, and write them to HOME/env."""
    servers = Servers(home, Ports(port_base), durable)
    servers.start([], "--port-base")
    for service in ("calls", "gateway"):
        name = f"plateau_{service}"
        owner, role = (
            f"postgresql://{account}:{account}@{LOOPBACK}:{port_base}/{name}" for account in (f"{name}_owner", name)
        )
        provision(servers.postgres.url, owner, role)
    addresses = {"PLATEAU_TEST_POSTGRES_URL": servers.postgres.url, "PLATEAU_TEST_AMQP_URL": servers.rabbitmq.url}
    environment_file.write(home / "env", addresses)
    click.echo("".join(f"{name}={value}\n" for name, value in addresses.items()), nl=False)


@services.command()
@home_option
@base_option
def stop(home: Path, port_base: int) -> None:
    """Stop both servers; what they keep stays in HOME."""
    Servers(home, Ports(port_base)).stop()


if __name__ == "__main__":
    main()
