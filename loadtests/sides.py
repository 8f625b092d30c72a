"""The sides of the bench: how each peer is started and ended, and how it is known that it has stored everything."""

import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import httpx
import pika
import psutil
import psycopg
from psycopg import sql

from infra.local.stack import Stack
from infra.local.supervisor import ROOT
from loadtests import prepared_requests
from loadtests.driving import DRAIN_SECONDS, Load, Measurement, drive, wait
from loadtests.simulator.posting import PATH

START_SECONDS = 30
STOP_SECONDS = 10
BODY = "(id bigint GENERATED ALWAYS AS IDENTITY, body jsonb NOT NULL)"
FACT = (
    "(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, call_id text, type text, occurred_at timestamptz, body jsonb)"
)
FIRST = {"id": "1", "source": "bench", "type": "call.started", "call_id": "1", "occurred_at": "2026-11-20T09:00:00Z"}


class Ours:
    """A running Plateau, and an API key that no rate limit binds."""

    def __init__(self, stack: Stack, token: str) -> None:
        self.stack, self.token = stack, token

    def facts(self, load: Load, folder: Path, facts_a_request: int = 1) -> Measurement:
        """Facts a second; a fact is in place once it is in the reports."""
        requests = prepared_requests.facts(self.stack.url, self.token, facts_a_request)
        return self.posts(load, folder, requests, facts_a_request)

    def posts(self, load: Load, folder: Path, requests: Iterable[bytes], facts_a_request: float) -> Measurement:
        """The same of any prepared requests that say so many facts each, on average."""
        prepared = prepared_requests.write(folder / "ours", requests)
        self.settle()
        return drive(self.stack.url, prepared, load, lambda _: self.stack.is_level(), facts_a_request)

    def commands(self, load: Load, folder: Path) -> Measurement:
        """Commands a second; the answer says that its events are stored."""
        requests = prepared_requests.write(folder / "ours", prepared_requests.commands(self.stack.url, self.token))
        self.settle()
        return drive(self.stack.url, requests, load, lambda _: True)

    def settle(self) -> None:
        """Wait until nothing of what was sent before is still under way."""
        wait(self.stack.is_level, f"{self.stack.url} still works on earlier facts", DRAIN_SECONDS)

    def memory(self) -> dict[str, float]:
        """Resident megabytes of each process of this Plateau, by role; the servers' are not among them."""
        states = self.stack.servers.supervisor.states()
        servers = {program.name for program in self.stack.servers.programs()}
        return {
            state.name: psutil.Process(state.pid).memory_info().rss / 1024**2
            for state in states
            if state.pid and state.name not in servers
        }


@dataclass(frozen=True)
class Peer:
    """What we measure against: a module under loadtests/peers, the argument of each of its processes, the columns of
    its table, and its queues.
    """

    module: str
    processes: tuple[str, ...]
    columns: str
    queues: tuple[str, ...]

    @property
    def table(self) -> sql.Identifier:
        """Where its facts are."""
        return sql.Identifier(self.module)

    def facts(self, postgres_url: str, amqp_url: str, load: Load, folder: Path) -> Measurement:
        """Facts a second on the given servers; a fact is in place once its row is committed."""
        with psycopg.connect(postgres_url, autocommit=True) as database, self.running(database, amqp_url) as url:
            requests = prepared_requests.write(folder / "peer", prepared_requests.facts(url, None))
            return drive(url, requests, load, lambda facts: self.rows(database) >= facts)

    @contextmanager
    def running(self, database: psycopg.Connection, amqp_url: str) -> Iterator[str]:
        """Its address while its processes run; afterwards they, its table and its queues are gone."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        database.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(self.table))
        database.execute(sql.SQL("CREATE TABLE {} " + self.columns).format(self.table))
        url = f"postgresql://{database.info.user}:{database.info.password}@{database.info.host}:{database.info.port}"
        servers = ["--amqp-url", amqp_url, "--postgres-url", f"{url}/{database.info.dbname}", "--port", str(port)]
        command = [sys.executable, "-m", f"loadtests.peers.{self.module}"]
        processes = [subprocess.Popen([*command, name, *servers], cwd=ROOT) for name in self.processes]  # noqa: S603
        try:
            address = f"http://127.0.0.1:{port}"
            wait(lambda: self._takes(address, processes), f"{self.module} does not answer", START_SECONDS)
            wait(lambda: self.rows(database) >= 1, f"{self.module} has not stored its first fact", START_SECONDS)
            database.execute(sql.SQL("TRUNCATE {}").format(self.table))
            yield address
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                _end(process)
            database.execute(sql.SQL("DROP TABLE {}").format(self.table))
            with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
                for queue in self.queues:
                    connection.channel().queue_delete(queue)

    def rows(self, database: psycopg.Connection) -> int:
        """How many facts it has stored."""
        (count,) = database.execute(sql.SQL("SELECT count(*) FROM {}").format(self.table)).fetchone()
        return count

    def _takes(self, url: str, processes: list[subprocess.Popen[bytes]]) -> bool:
        if any(process.poll() is not None for process in processes):
            raise click.ClickException(f"A process of {self.module} ended at once; its error stands above.")
        try:
            return httpx.post(url + PATH, json=FIRST, timeout=START_SECONDS).is_success
        except httpx.TransportError:
            return False


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:  # a peer may hang; the bench must not
        process.kill()
        process.wait()


BARE = Peer("bare_pipeline", ("gateway", "consumer"), BODY, ("bare_pipeline.ingest",))
# As many processes as Plateau has; those of one service share the work.
USUAL = Peer("usual_nameko", ("web", "web", "store", "store"), FACT, ("rpc-usual_store",))
