"""Lint, types, import contracts and tests: what `make lint`, `make check` and `make test` run."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

import click

from infra.addresses import DATABASES
from infra.databases import provision
from infra.local import environment_file, processes
from infra.local.ports import LOOPBACK, Ports
from infra.local.servers import Servers
from infra.local.supervisor import ROOT

# What the tests start inherits this, so that it can be found if they leave it.
MARK = "PLATEAU_TEST_RUN"
PYTHON = (sys.executable, "-m")
# As many at once as the smallest machine has cores; the tests of a file follow each other.
WORKERS = 2
IN_WORKERS = ("--numprocesses", str(WORKERS), "--dist", "loadfile")
PORTS_OF_SERVERS = 10
LINT = {
    "ruff check": [*PYTHON, "ruff", "check", "--quiet"],
    "ruff format": [*PYTHON, "ruff", "format", "--check", "--quiet"],
    "mypy": [*PYTHON, "mypy", "--no-error-summary"],
    "import contracts": [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
}


def lint() -> bool:
    """Run every check that reads the code only; say which failed, and whether none did."""
    failed = [name for name, command in LINT.items() if _run(command, os.environ)]
    click.echo(f"FAILED: {', '.join(failed)}" if failed else f"No complaint from {', '.join(LINT)}.")
    return not failed


def without_servers(arguments: Sequence[str]) -> bool:
    """Run the tests that need no server; whether they passed."""
    return _run([*PYTHON, "pytest", *IN_WORKERS, "-m", "not servers", *arguments], os.environ) == 0


def with_servers(home: Path, port_base: int, arguments: Sequence[str]) -> bool:
    """Run all tests on servers in `home`, new and gone afterwards; whether they passed and left no process.

    After a failure the logs stay in the servers' folders until the next run.
    """
    # So that `finally` also runs when a CI system gives up on us.
    signal.signal(signal.SIGTERM, _leave)
    # Servers for each worker: a transaction that a test holds open would keep the readers of all others waiting.
    servers = {
        f"gw{number}": Servers(home / str(number), Ports(port_base + number * PORTS_OF_SERVERS), durable=False)
        for number in range(WORKERS)
    }
    passed = False
    try:
        environment = os.environ | {MARK: str(home)}
        for worker, own in servers.items():
            own.forget()
            addresses = start_for_tests(own, "TEST_PORT_BASE")
            environment = addresses | environment | {f"{name}_{worker}": url for name, url in addresses.items()}
        passed = _run([*PYTHON, "pytest", *IN_WORKERS, *arguments], environment) == 0
    finally:
        passed = _nothing_stays(home) and passed
        for own in servers.values():
            own.stop()
            if passed:
                own.forget()
    return passed


def _nothing_stays(home: Path) -> bool:
    """Whether the tests ended all that they started; what they did not is named and ended."""
    if staying := processes.left_over(home, mark=MARK):
        click.echo(f"FAILED: the tests left these processes:\n{processes.described(staying)}")
        processes.end(home, mark=MARK)
    return not staying


def start_for_tests(servers: Servers, setting: str) -> dict[str, str]:
    """Start `servers` with roles whose password is their name; the variables by which tests find them, also in a file.

    A busy port is reported with the `setting` that changes it.
    """
    servers.start(setting)
    for name in DATABASES:
        database = f"plateau_{name}"
        owner, role = (
            f"postgresql://{account}:{account}@{LOOPBACK}:{servers.ports.postgres}/{database}"
            for account in (f"{database}_owner", database)
        )
        provision(servers.postgres.url, owner, role)
    addresses = {"PLATEAU_TEST_POSTGRES_URL": servers.postgres.url, "PLATEAU_TEST_AMQP_URL": servers.rabbitmq.url}
    environment_file.write(servers.home / "env", addresses)
    return addresses


def _leave(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode  # noqa: S603
