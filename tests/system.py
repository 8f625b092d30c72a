"""The whole of Plateau as `make run` starts it, on servers and ports of its own, for tests that look from outside."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import psycopg
import pytest
from psycopg import sql

from infra.command_line import ROLES
from infra.local import processes
from infra.local.ports import Ports, is_free
from infra.local.stack import PLATEAU, Stack
from infra.local.supervisor import ROOT

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


def plateau(stack: Stack, *arguments: str) -> str:
    """What a `plateau` command prints, run with the settings of the stack."""
    command = [*PLATEAU, *arguments]
    done = subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=os.environ | stack.settings(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def administrators_key(stack: Stack) -> str:
    """A new key with every scope, which no rate limit binds."""
    return plateau(stack, "keys", "create", "--name", "tests", "--all-scopes", "--unlimited", "--only-key")


def pid_of(stack: Stack, program: str) -> int:
    """The process that a program of the stack has now; 0 while it has none."""
    return next(state.pid for state in stack.servers.supervisor.states() if state.name == program)


def kill(stack: Stack, program: str) -> None:
    """End a program as a power cut would; supervisord starts it again."""
    process = psutil.Process(pid_of(stack, program))
    process.kill()
    process.wait()


def freeze(stack: Stack, program: str) -> None:
    """Stop a program where it is: it takes what is sent to it, and does nothing."""
    psutil.Process(pid_of(stack, program)).suspend()


def read_models(stack: Stack) -> dict[str, list[str]]:
    """Every row of every read model in use, as text, by table; what a policy has still to look at is none of them."""
    views = "SELECT viewname FROM pg_views WHERE schemaname = 'read' AND viewname <> 'completions'"
    rows = {}
    with psycopg.connect(stack.settings()["PLATEAU_CALLS_DATABASE_URL"]) as connection:
        for (view,) in connection.execute(views).fetchall():
            texts = sql.SQL("SELECT row::text FROM read.{} AS row").format(sql.Identifier(view))
            rows[view] = sorted(text for (text,) in connection.execute(texts))
    return rows


def logs(stack: Stack, lines: int = 15) -> str:
    """The last lines that each process wrote, those for finding a single request apart."""
    parts = []
    for program in (*ROLES, "supervisord"):
        path = stack.servers.supervisor.logs / f"{program}.log"
        told = [line for line in path.read_text(errors="replace").splitlines() if '"level": "debug"' not in line]
        parts.append("\n".join([f"--- {path.name}", *told[-lines:]]))
    return "\n".join(parts)


def _free_ports() -> int:
    # Far from those of other tests, and not the same for two runs at once.
    first = 31000 + os.getpid() % 40 * PORTS_OF_A_STACK
    for base in range(first, first + 1500, PORTS_OF_A_STACK):
        if all(is_free(base + place) for place in range(PORTS_OF_A_STACK)):
            return base
    raise AssertionError("no free ports")


def _ends(stack: Stack) -> dict[str, str]:
    """How each process of Plateau ended last, in supervisord's words."""
    told = (stack.servers.supervisor.logs / "supervisord.log").read_text()
    return {name: how for name, how in re.findall(r"stopped: ([\w-]+) \((.+)\)", told) if name in ROLES}
