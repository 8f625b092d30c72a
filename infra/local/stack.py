"""The whole of Plateau on this machine: what `make run` starts."""

import base64
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import httpx

from infra import health
from infra.addresses import DATABASES
from infra.command_line import ROLES, part_of
from infra.databases import provision
from infra.local import environment_file
from infra.local.ports import LOOPBACK, Ports
from infra.local.servers import Servers
from infra.local.supervisor import ROOT, Program
from infra.local.waiting import wait_until
from infra.migrations import upgrade

# Passed on to the processes where whoever calls `make run` sets them.
OPTIONAL = (
    "PLATEAU_INGEST_QUEUES",
    "PLATEAU_INGEST_QUEUE_BYTES",
    "PLATEAU_RATE_LIMIT",
    "PLATEAU_RATE_WINDOW_SECONDS",
    "PLATEAU_JWKS_URL",
    "PLATEAU_JWT_ISSUER",
    "PLATEAU_JWT_AUDIENCE",
    "PLATEAU_LOG_LEVEL",
    "PLATEAU_ALLOWED_NETWORKS",
    "PLATEAU_DELIVERY_DAYS",
    "PLATEAU_DELIVERY_TIMEOUT_SECONDS",
    "PLATEAU_SMTP_URL",
    "PLATEAU_SMTP_SENDER",
)
# The key to personal data, and the key to what others entrust to the gateway.
KEYS = ("PLATEAU_MASTER_KEY", "PLATEAU_GATEWAY_KEY")
# What runs the `plateau` command.
PLATEAU = (sys.executable, "-m", "infra.command_line")
NEW_KEY = ("keys", "create", "--name", "development", "--all-scopes", "--unlimited", "--only-key")
SETTING = "PORT_BASE, as in `make run PORT_BASE=26300`, or HTTP_PORT, as in `make run HTTP_PORT=8081`"


@dataclass(frozen=True)
class Stack:
    """Every process of Plateau, kept in `home`; HTTP is served on `http_port` of the loopback address.

    `durable=False` trades the safety of what is stored for speed in tests.
    """

    home: Path
    ports: Ports
    http_port: int
    durable: bool = True

    @property
    def servers(self) -> Servers:
        """PostgreSQL, RabbitMQ and supervisord."""
        return Servers(self.home, self.ports, self.durable)

    @property
    def url(self) -> str:
        """Where the gateway answers."""
        return f"http://{LOOPBACK}:{self.http_port}"

    def start(self, setting: str = SETTING) -> None:
        """Start and migrate everything, and return once the gateway says that it is ready; idempotent.

        A process whose code or settings changed since it started is restarted. `setting` is what the error of a busy
        port names.
        """
        servers = self.servers
        servers.start(setting, self._programs(), {"HTTP": self.http_port})
        settings = self.settings()
        for name in DATABASES:
            owner = settings[f"PLATEAU_{name.upper()}_MIGRATION_URL"]
            provision(servers.postgres.url, owner, settings[f"PLATEAU_{name.upper()}_DATABASE_URL"])
            upgrade(name, owner)
        servers.supervisor.start_programs(ROLES)
        wait_until(self.is_ready, "Plateau", servers.supervisor.logs / "gateway.log", 60)

    def health(self) -> dict[str, Any]:
        """What the gateway says of itself and of all that it needs; empty while it does not answer."""
        try:
            return dict(httpx.get(f"{self.url}/health/ready", timeout=10).json())
        except httpx.TransportError:
            return {}

    def is_ready(self) -> bool:
        """Whether the gateway and every service answer."""
        return health.is_up(self.health())

    def is_level(self) -> bool:
        """Whether every fact accepted so far is in the reports."""
        return health.is_level(self.health())

    def plateau(self, *arguments: str, shown: bool = False, **environment: str) -> str:
        """Run a `plateau` command with the settings of the stack; what it printed, unless that is to be `shown`.

        Raises a `click.ClickException` where it fails.
        """
        settings = os.environ | self.settings() | environment
        stdout = None if shown else subprocess.PIPE
        done = subprocess.run(  # noqa: S603
            [*PLATEAU, *arguments], env=settings, cwd=ROOT, stdout=stdout, text=True, check=False
        )
        if done.returncode:
            raise click.ClickException(f"`plateau {' '.join(arguments)}` failed, see above.")
        return (done.stdout or "").strip()

    def new_key(self) -> str:
        """A new API key with every scope, which no rate limit binds."""
        return self.plateau(*NEW_KEY)

    def settings(self) -> dict[str, str]:
        """All that Plateau reads from its environment; the secrets are made once and kept in the folder."""
        accounts = [f"plateau_{name}{owner}" for name in DATABASES for owner in ("", "_owner")]
        makers = dict.fromkeys(accounts, lambda: secrets.token_urlsafe(24))
        for key in KEYS:
            makers[key] = lambda: base64.b64encode(secrets.token_bytes(32)).decode()
        kept = environment_file.fill(self.home / "secrets", makers)

        def address(name: str, owner: str = "") -> str:
            account = f"plateau_{name}{owner}"
            return f"postgresql://{account}:{kept[account]}@{LOOPBACK}:{self.ports.postgres}/plateau_{name}"

        return {
            **{f"PLATEAU_{name.upper()}_DATABASE_URL": address(name) for name in DATABASES},
            **{f"PLATEAU_{name.upper()}_MIGRATION_URL": address(name, "_owner") for name in DATABASES},
            "PLATEAU_AMQP_URL": self.servers.rabbitmq.url,
            **{key: kept[key] for key in KEYS},
            # So that a receiver of webhooks can be tried on this machine.
            "PLATEAU_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128",
            "PLATEAU_HTTP_HOST": LOOPBACK,
            "PLATEAU_HTTP_PORT": str(self.http_port),
            **{name: os.environ[name] for name in OPTIONAL if name in os.environ},
        }

    def _programs(self) -> list[Program]:
        return [
            Program(role, [*PLATEAU, "serve", role], 30, self._environment(index, role), autostart=False)
            for index, role in enumerate(ROLES)
        ]

    def _environment(self, index: int, role: str) -> dict[str, str]:
        # A process knows neither the owners' passwords nor what only another service needs.
        part = part_of(role)
        foreign = [f"PLATEAU_{name.upper()}_" for name in DATABASES if name != part]
        if part == "gateway":
            foreign.append("PLATEAU_MASTER_KEY")
        own = {
            name: value
            for name, value in self.settings().items()
            if not name.startswith(tuple(foreign)) and not name.endswith("_MIGRATION_URL")
        }
        # The gateway shows its metrics on its own address.
        metrics = {} if role == "gateway" else {"PLATEAU_METRICS_PORT": str(self.ports.metrics(index))}
        # Each thread would keep a heap of its own, and most of it empty.
        memory = {"MALLOC_ARENA_MAX": "2"}
        # Read by nobody: other code makes other settings, so that supervisord restarts the process.
        return own | metrics | memory | {"PLATEAU_CODE": _newest_change()}


def _newest_change() -> str:
    files = (file for folder in ("services", "gateway", "infra") for file in (ROOT / folder).rglob("*.py"))
    return str(max(file.stat().st_mtime_ns for file in files))
