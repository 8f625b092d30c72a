"""The whole of Plateau as `make run` starts it, on servers and ports of its own, for tests that look from outside."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from infra.command_line import ROLES
from infra.local import processes
from infra.local.ports import Ports, is_free
from infra.local.stack import Stack

PORTS_OF_A_STACK = 30
HTTP = 20  # its place among them
SETTINGS = {"PLATEAU_RATE_LIMIT": "1000000", "PLATEAU_LOG_LEVEL": "debug"}


@contextmanager
def running(*, durable: bool = False, **settings: str) -> Iterator[Stack]:
    """A stack that is ready, and nothing of it afterwards; `settings` are environment variables of its processes.

    Only a `durable` one keeps what it acknowledged when its database is killed.
    """
    with TemporaryDirectory(prefix="plateau-system-", dir="/tmp") as folder, pytest.MonkeyPatch.context() as patch:
        home = Path(folder) / "home"
        home.mkdir()
        Path(folder).chmod(0o755)  # PostgreSQL has an account of its own, which must get through
        for name, value in (SETTINGS | settings).items():
            patch.setenv(name, value)
        base = _free_ports()
        stack = Stack(home, Ports(base), base + HTTP, durable)
        try:
            stack.start()
            yield stack
        finally:
            stack.servers.stop()
            left, ends = processes.left_over(home), _ends(stack)
            stack.servers.forget()
    assert not left, processes.described(left)
    assert ends.keys() == ROLES.keys()
    assert "terminated by SIGKILL" not in ends.values(), ends


def logs(stack: Stack, lines: int = 15) -> str:
    """The last lines that each process wrote, those for finding a single request apart."""
    parts = []
    for program in (*ROLES, "supervisord"):
        path = stack.servers.supervisor.logs / f"{program}.log"
        told = [line for line in path.read_text(errors="replace").splitlines() if '"level": "debug"' not in line]
        parts.append("\n".join([f"--- {path.name}", *told[-lines:]]))
    return "\n".join(parts)


def _free_ports() -> int:
    # Far from those of other tests; neither the same for two runs at once nor for two workers of one.
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 31000 + (os.getppid() % 20 + 40 * worker) * PORTS_OF_A_STACK
    for base in range(first, first + 20 * PORTS_OF_A_STACK, PORTS_OF_A_STACK):
        if all(is_free(base + place) for place in range(PORTS_OF_A_STACK)):
            return base
    raise AssertionError("no free ports")


def _ends(stack: Stack) -> dict[str, str]:
    """How each process of Plateau ended last, in supervisord's words."""
    told = (stack.servers.supervisor.logs / "supervisord.log").read_text()
    return {name: how for name, how in re.findall(r"stopped: ([\w-]+) \((.+)\)", told) if name in ROLES}
