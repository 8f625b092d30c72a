"""A private PostgreSQL: its folder, its settings, and the command that runs it."""

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import click
import psutil
import psycopg

from infra.local.ports import LOOPBACK

# PostgreSQL refuses to run as root; the distribution's package makes this account for it.
ACCOUNT = "postgres"

SETTINGS = """\
listen_addresses = '{loopback}'
port = {port}
unix_socket_directories = ''
max_connections = 100
password_encryption = scram-sha-256

# An append-heavy load on a small machine: few, long checkpoints, and a log that is written in large pieces.
shared_buffers = 256MB
work_mem = 16MB
maintenance_work_mem = 128MB
wal_buffers = 16MB
wal_compression = on
wal_writer_delay = 10ms
max_wal_size = 4GB
min_wal_size = 512MB
checkpoint_timeout = 15min
checkpoint_completion_target = 0.9
effective_io_concurrency = 64
random_page_cost = 1.1
jit = off

# An open transaction holds back every reader of events in the cluster.
idle_in_transaction_session_timeout = 10s

timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %u@%d '
log_min_duration_statement = 2s
# Parameters may be personal data.
log_parameter_max_length = 0
"""
# Whoever kills the server loses its last moment, a power cut all: for databases that are thrown away after the tests.
THROWAWAY = """
fsync = off
synchronous_commit = off
full_page_writes = off
"""


@dataclass(frozen=True)
class Postgres:
    """The PostgreSQL server of the stack in `home`."""

    home: Path
    port: int
    password: str
    durable: bool = True

    @property
    def url(self) -> str:
        """Address of the database `postgres` for the superuser."""
        return f"postgresql://postgres:{self.password}@{LOOPBACK}:{self.port}/postgres"

    @property
    def folder(self) -> Path:
        """Where the data is: in the stack's folder if the server's account can reach it, else below /var/lib."""
        if os.geteuid() != 0 or _reachable(self.home):
            return self.home / "postgres"
        return Path(f"/var/lib/plateau-{zlib.crc32(bytes(self.home)):08x}")

    def create(self) -> None:
        """Make the folder if it is missing, and write the settings."""
        if not (self.folder / "PG_VERSION").exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(mode=0o700, parents=True)
            if os.geteuid() == 0:
                shutil.chown(self.folder, ACCOUNT, ACCOUNT)
            self._initialise()
        text = SETTINGS.format(loopback=LOOPBACK, port=self.port) + ("" if self.durable else THROWAWAY)
        (self.folder / "postgresql.conf").write_text(text)

    def command(self) -> list[str]:
        """What runs the server in the foreground."""
        return [*_as_account(), str(binary("postgres")), "-D", str(self.folder)]

    def end_orphan(self) -> None:
        """End a server that an earlier supervisord left in this folder."""
        lock = self.folder / "postmaster.pid"
        if not lock.exists():
            return
        pid = int(lock.read_text().split("\n", 1)[0])
        try:
            server = psutil.Process(pid)
            # The lock file may outlive its process, and the number may be another's by now.
            if str(self.folder) in server.cmdline():
                server.send_signal(signal.SIGINT)
                server.wait(20)
        except psutil.NoSuchProcess:
            return

    def answers(self) -> bool:
        """Whether the server takes connections."""
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _initialise(self) -> None:
        # Not by standard input: initdb reads the password from a file of the server's own account.
        with tempfile.NamedTemporaryFile("w", prefix="plateau-", dir="/tmp") as file:
            file.write(self.password)
            file.flush()
            if os.geteuid() == 0:
                shutil.chown(file.name, ACCOUNT)
            command = [
                *_as_account(), str(binary("initdb")), "--pgdata", str(self.folder), "--username", "postgres",
                "--pwfile", file.name, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8",
                "--no-sync", "--data-checksums",
            ]  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")  # noqa: S603
        if done.returncode:
            raise click.ClickException(f"initdb failed:\n{done.stdout}{done.stderr}")


def binary(name: str) -> Path:
    """The program `name` of the newest installed PostgreSQL."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(re.sub(r"\D", "", str(folder))))
    found = next((folder / name for folder in reversed(folders) if (folder / name).exists()), None)
    path = found or shutil.which(name)
    if path is None:
        raise click.ClickException(f"PostgreSQL's {name} is not installed: `apt-get install postgresql`, then again.")
    return Path(path)


def _as_account() -> list[str]:
    if os.geteuid() != 0:
        return []
    account = pwd.getpwnam(ACCOUNT)
    return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--init-groups", "--"]


def _reachable(folder: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.parents))
