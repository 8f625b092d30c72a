"""A private RabbitMQ node: its folder, its settings, and the command that runs it."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import click
import pika
from pika.exceptions import AMQPError

from infra.local import processes
from infra.local.ports import LOOPBACK, Ports, is_free

PROGRAMS = Path("/usr/lib/rabbitmq/bin")
SCRIPT = PROGRAMS / "rabbitmq-server"
SETTINGS = """\
listeners.tcp.local = {loopback}:{port}
default_user = plateau
default_pass = {password}
default_vhost = plateau
default_user_tags.administrator = true
loopback_users = none
log.console = true
log.console.level = warning
log.file = false
disk_free_limit.absolute = 256MB

# Quorum queues keep what is in the current write-ahead file in memory too.
raft.wal_max_size_bytes = 67108864
"""


@dataclass(frozen=True)
class RabbitMQ:
    """The broker of the stack in `home`, with the user and the virtual host `plateau`."""

    home: Path
    ports: Ports
    password: str
    cookie: str

    @property
    def url(self) -> str:
        """Address of the virtual host."""
        return f"amqp://plateau:{self.password}@{LOOPBACK}:{self.ports.amqp}/plateau"

    @property
    def folder(self) -> Path:
        """Where the node keeps everything."""
        return self.home / "rabbitmq"

    def create(self) -> None:
        """Make the folder if it is missing, and write the settings."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings = SETTINGS.format(loopback=LOOPBACK, port=self.ports.amqp, password=self.password)
        (self.folder / "rabbitmq.conf").write_text(settings)
        (self.folder / "enabled_plugins").write_text("[].\n")
        cookie = self.folder / ".erlang.cookie"
        if not cookie.exists():
            cookie.write_text(self.cookie)
            cookie.chmod(0o400)

    def environment(self) -> dict[str, str]:
        """The variables of the node and of its port mapper; nothing of the system's own RabbitMQ is read."""
        folder = self.folder
        return {
            "HOME": str(folder),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(folder / "conf.d"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_NODENAME": "plateau@localhost",
            "RABBITMQ_DIST_PORT": str(self.ports.distribution),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 2",
            "ERL_EPMD_PORT": str(self.ports.epmd),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            # Makes the script exec the node, as it does under systemd: supervisord then knows the broker's own pid.
            "detached": "yes",
        }

    def command(self) -> list[str]:
        """What runs the node in the foreground; it wants `environment()`."""
        if not SCRIPT.exists():
            raise click.ClickException("RabbitMQ is not installed: `apt-get install rabbitmq-server`, then again.")
        return [str(SCRIPT)]

    def port_mapper_command(self) -> list[str]:
        """What runs epmd in the foreground; it wants `environment()`."""
        path = shutil.which("epmd")
        if path is None:
            raise click.ClickException("Erlang's epmd is not installed: `apt-get install rabbitmq-server`, then again.")
        return [path]

    def control(self, *arguments: str) -> str:
        """What `rabbitmqctl` with these arguments says of this node; raises a `click.ClickException` where it fails."""
        command = [str(PROGRAMS / "rabbitmqctl"), "--quiet", *arguments]
        environment = os.environ | self.environment()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise click.ClickException(f"rabbitmqctl {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def end_orphan(self) -> None:
        """End a node that an earlier supervisord left in this folder."""
        processes.end(self.home, "rabbitmq")

    def answers(self) -> bool:
        """Whether the broker takes connections."""
        if is_free(self.ports.amqp):
            return False
        try:
            pika.BlockingConnection(pika.URLParameters(self.url)).close()
        except (AMQPError, OSError):
            return False
        return True
