"""`python -m infra.local`: what the Makefile's targets call."""

import os
import subprocess
import sys
from pathlib import Path

import click

from infra.local import checks, environment_file, showing
from infra.local.ports import Ports
from infra.local.servers import Servers
from infra.local.stack import PLATEAU, Stack
from infra.local.supervisor import ROOT

home_option = click.option(
    "--home", required=True, type=click.Path(path_type=Path, resolve_path=True), help="Folder of everything it keeps."
)
base_option = click.option("--port-base", required=True, type=int, help="First of the ports it takes.")


def _kept_stack() -> Stack:
    """The stack on the ports of the last `make run`."""
    kept = environment_file.read(ROOT / ".run/ports")
    if not kept:
        raise click.ClickException("Nothing was started here yet: `make run` first.")
    return Stack(ROOT / ".run", Ports(int(kept["PORT_BASE"])), int(kept["HTTP_PORT"]))


@click.group()
def main() -> None:
    """Plateau on this machine, with private PostgreSQL and RabbitMQ servers."""


@main.command()
@click.option("--port-base", envvar="PORT_BASE", default=25300, show_default=True, help="First of the servers' ports.")
@click.option("--http-port", envvar="HTTP_PORT", default=8080, show_default=True, help="Where the gateway answers.")
def run(port_base: int, http_port: int) -> None:
    """Start everything, play a simulated morning, show its service level, and leave it running."""
    stack = Stack(ROOT / ".run", Ports(port_base), http_port)
    ports = {"PORT_BASE": str(port_base), "HTTP_PORT": str(http_port)}
    kept = environment_file.read(stack.home / "ports")
    if kept and kept != ports:
        click.echo("Other ports than last time: stopping what runs on those.")
        _kept_stack().servers.stop()
    click.echo(f"Starting PostgreSQL, RabbitMQ and Plateau in {stack.home}")
    stack.home.mkdir(exist_ok=True)
    environment_file.write(stack.home / "ports", ports)
    stack.start()
    showing.show(stack)


@main.command()
def ps() -> None:
    """Print name, pid and state of each process, one a line; pid 0 is one that does not run."""
    supervisor = _kept_stack().servers.supervisor
    if not supervisor.is_up():
        raise click.ClickException("Nothing runs: `make run` starts it.")
    for name, pid, state in supervisor.states():
        click.echo(f"{name:<18} {pid:>7} {state}")


@main.command()
def logs() -> None:
    """Follow the logs of all processes until interrupted."""
    folder = _kept_stack().servers.supervisor.logs
    subprocess.run(["tail", "-n", "20", "-F", *sorted(map(str, folder.glob("*.log")))], check=False)  # noqa: S603, S607


@main.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def plateau(arguments: tuple[str, ...]) -> None:
    """Run a `plateau` command with the settings and the key of what `make run` started."""
    stack = _kept_stack()
    settings = os.environ | stack.settings() | environment_file.read(stack.home / "env")
    sys.exit(subprocess.run([*PLATEAU, *arguments], env=settings, cwd=ROOT, check=False).returncode)  # noqa: S603


@main.command()
def down() -> None:
    """Stop everything; what it kept stays."""
    if (ROOT / ".run/ports").exists():
        _kept_stack().servers.stop()
    click.echo("Nothing of Plateau runs.")


@main.command()
def reset() -> None:
    """Stop everything and delete all that it kept."""
    if (ROOT / ".run/ports").exists():
        _kept_stack().servers.forget()
    click.echo("Nothing of Plateau runs, and nothing is kept.")


@main.command()
def lint() -> None:
    """Run ruff, mypy and the import contracts."""
    sys.exit(not checks.lint())


@main.command()
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED)
def check(pytest_arguments: tuple[str, ...]) -> None:
    """Run lint and the tests that need no server."""
    passed = [checks.lint(), checks.without_servers(pytest_arguments)]
    sys.exit(not all(passed))


@main.command()
@click.option("--port-base", envvar="TEST_PORT_BASE", default=25600, show_default=True, help="First of their ports.")
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED)
def test(port_base: int, pytest_arguments: tuple[str, ...]) -> None:
    """Run lint and all tests, on servers of their own that are gone afterwards."""
    passed = [checks.lint(), checks.with_servers(ROOT / ".test", port_base, pytest_arguments)]
    sys.exit(not all(passed))


@main.command()
@click.argument("program", type=click.Choice(["postgres", "rabbitmq"]))
@home_option
@base_option
def become(program: str, home: Path, port_base: int) -> None:
    """Turn into PROGRAM after ending an orphan of it (for supervisord)."""
    Servers(home, Ports(port_base)).become(program)


@main.group()
def services() -> None:
    """PostgreSQL and RabbitMQ for single tests, without Plateau itself."""


@services.command()
@home_option
@base_option
@click.option("--durable/--throwaway", default=True, help="Whether PostgreSQL waits for the disk.")
def start(home: Path, port_base: int, durable: bool) -> None:
    """Start both servers, print the addresses that tests read, and write them to HOME/env."""
    addresses = checks.start_for_tests(Servers(home, Ports(port_base), durable), "--port-base")
    click.echo("".join(f"{name}={value}\n" for name, value in addresses.items()), nl=False)


@services.command()
@home_option
@base_option
def stop(home: Path, port_base: int) -> None:
    """Stop both servers; what they keep stays in HOME."""
    Servers(home, Ports(port_base)).stop()


if __name__ == "__main__":
    main()
