"""PostgreSQL and RabbitMQ of one folder, as programs of its supervisord."""

import os
import secrets
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.local import environment_file
from infra.local.ports import Ports, is_free, require_free
from infra.local.postgres import Postgres
from infra.local.rabbitmq import RabbitMQ
from infra.local.supervisor import Program, Supervisor
from infra.local.waiting import wait_until

# By name, in the order of their start.
SERVERS = ("postgres", "epmd", "rabbitmq")


def _token() -> str:
    return secrets.token_urlsafe(24)


@dataclass(frozen=True)
class Servers:
    """The servers of the stack in `home` (an absolute folder); `durable=False` trades safety for speed in tests."""

    home: Path
    ports: Ports
    durable: bool = True

    @property
    def supervisor(self) -> Supervisor:
        """What keeps them alive."""
        return Supervisor(self.home, self.ports.supervisor, self._secrets()["SUPERVISOR_PASSWORD"])

    @property
    def postgres(self) -> Postgres:
        """The database server."""
        return Postgres(self.home, self.ports.postgres, self._secrets()["POSTGRES_PASSWORD"], self.durable)

    @property
    def rabbitmq(self) -> RabbitMQ:
        """The broker."""
        kept = self._secrets()
        return RabbitMQ(self.home, self.ports, kept["RABBITMQ_PASSWORD"], kept["ERLANG_COOKIE"])

    def programs(self) -> list[Program]:
        """The servers, each started through a wrapper that first ends an orphan of its own."""
        environment = self.rabbitmq.environment()
        # SIGINT is PostgreSQL's fast shutdown: sessions are ended, nothing has to be recovered.
        return [
            Program("postgres", self._wrapper("postgres"), 10, stop_signal="INT", stop_as_group=False),
            Program("epmd", self.rabbitmq.port_mapper_command(), 10, environment),
            Program("rabbitmq", self._wrapper("rabbitmq"), 20, environment),
        ]

    def start(self, setting: str, others: Iterable[Program] = (), also: Mapping[str, int] | None = None) -> None:
        """Start the servers and the `others`, and return once both servers answer; idempotent.

        A busy port, of the servers or of `also` (by the name of what listens there), is an error that names it and the
        `setting` that changes it.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        if not self.supervisor.is_up():
            self.supervisor.end_left_over()
            require_free({**self.ports.servers(), **(also or {})}, setting)
        self.postgres.create()
        self.rabbitmq.create()
        self.supervisor.start([*self.programs(), *others])
        logs = self.supervisor.logs
        wait_until(self.postgres.answers, "PostgreSQL", logs / "postgres.log", 60)
        wait_until(self.rabbitmq.answers, "RabbitMQ", logs / "rabbitmq.log", 60)

    def stop(self) -> None:
        """Stop everything of this stack."""
        if self.home.exists():
            self.supervisor.stop()

    def forget(self) -> None:
        """Stop everything of this stack and delete what it kept."""
        if self.home.exists():
            self.supervisor.stop()
            shutil.rmtree(self.postgres.folder, ignore_errors=True)
            shutil.rmtree(self.home)

    def become(self, program: str) -> None:
        """Turn this process into the server `program`, once an orphan of it is gone."""
        server = {"postgres": self.postgres, "rabbitmq": self.rabbitmq}[program]
        server.end_orphan()
        if program == "rabbitmq":
            # Without our own port mapper the node would start one that nobody supervises.
            wait_until(lambda: not is_free(self.ports.epmd), "epmd", self.supervisor.logs / "epmd.log", 30)
        command = server.command()
        os.execvp(command[0], command)  # noqa: S606

    def _wrapper(self, program: str) -> list[str]:
        base = str(self.ports.base)
        return [sys.executable, "-m", "infra.local", "become", program, "--home", str(self.home), "--port-base", base]

    def _secrets(self) -> dict[str, str]:
        names = ("POSTGRES_PASSWORD", "RABBITMQ_PASSWORD", "ERLANG_COOKIE", "SUPERVISOR_PASSWORD")
        return environment_file.fill(self.home / "secrets", dict.fromkeys(names, _token))
