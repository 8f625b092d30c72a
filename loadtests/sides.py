"""The two sides of the ingest bench: how each is started, driven by wrk, and known to have stored everything."""

import json
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click
import httpx
import pika
import psycopg
from psycopg.sql import SQL, Identifier

from loadtests.peers.bare_pipeline import QUEUE, TABLE
from loadtests.prepared_requests import RUN_WIDTH, write_requests
from loadtests.simulator.posting import PATH

ROOT = Path(__file__).parents[1]
SCRIPT = Path(__file__).with_name("wrk_facts.lua")
DRAIN_SECONDS = 300
START_SECONDS = 20


@dataclass(frozen=True)
class Load:
    """What wrk is told: seconds, connections, and how many facts a request carries (more than one: NDJSON)."""

    seconds: int
    connections: int
    facts_a_request: int = 1


@dataclass(frozen=True)
class Measurement:
    """One run: facts stored a second, from the first request until the last fact is stored; latencies in ms."""

    rate: float
    facts: int
    drain_seconds: float
    refused: int
    p50: float
    p99: float


def drive(url: str, token: str | None, load: Load, folder: Path, all_stored: Callable[[int], bool]) -> Measurement:
    """Send facts to `url` + /v1/calls/events as `load` says, and wait until `all_stored(facts acknowledged)`."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise click.ClickException("wrk drives this bench and is not installed: apt-get install wrk")
    requests = folder / "requests"
    write_requests(requests, url + PATH, token, load.facts_a_request)
    run = secrets.token_hex(RUN_WIDTH // 2)
    done = subprocess.run(  # noqa: S603
        [wrk, "-t1", f"-c{load.connections}", f"-d{load.seconds}s", "-s", SCRIPT, url, "--", requests, run],
        capture_output=True,
        text=True,
        check=False,
    )
    ended = time.monotonic()
    if done.returncode or "RESULT " not in done.stdout:
        raise click.ClickException(f"wrk failed: {done.stderr or done.stdout}")
    result = json.loads(done.stdout.partition("RESULT ")[2])
    if result["broken"]:
        raise click.ClickException(f"{url} broke {result['broken']} connections; look into its log.")
    facts = (result["requests"] - result["refused"]) * load.facts_a_request
    _wait(lambda: all_stored(facts), f"{url} has not stored all of {facts} facts", DRAIN_SECONDS)
    drain = time.monotonic() - ended
    return Measurement(
        facts / (result["seconds"] + drain), facts, drain, result["refused"], result["p50_ms"], result["p99_ms"]
    )


def _wait(condition: Callable[[], bool], complaint: str, patience: float) -> None:
    give_up = time.monotonic() + patience
    while not condition():
        if time.monotonic() > give_up:
            raise click.ClickException(f"{complaint} after {patience} s.")
        time.sleep(0.02)


class Ours:
    """A running Plateau: `url` and an API key with calls:ingest that no rate limit binds."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self.token = token

    def measure(self, load: Load, folder: Path) -> Measurement:
        """One run; a fact counts as stored once it is in the reports."""
        with httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=30) as client:

            def level(_facts: int = 0) -> bool:
                state = client.get("/health/ready").json()
                return state.get("ingest_backlog") == 0 and not any(state["projections"].values())

            _wait(level, f"{self.url} still works on earlier facts", DRAIN_SECONDS)
            return drive(self.url, self.token, load, folder, level)

    def memory(self) -> dict[str, float]:
        """Resident megabytes of each process of this Plateau, by role; known by the HTTP port in its environment."""
        port = str(urlsplit(self.url).port or 80)
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_text().split("\0")
                settings = (process / "environ").read_text().split("\0")
                status = (process / "status").read_text()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue  # it ended meanwhile, or belongs to somebody else
            if "serve" in words and f"PLATEAU_HTTP_PORT={port}" in settings:
                role = words[words.index("serve") + 1]
                found[role] = int(status.partition("VmRSS:")[2].split()[0]) / 1024
        return found


class Peer:
    """The bare pipeline, started for each run and ended after it, on the given servers."""

    def __init__(self, postgres_url: str, amqp_url: str) -> None:
        self.postgres_url = postgres_url
        self.amqp_url = amqp_url

    def measure(self, load: Load, folder: Path) -> Measurement:
        """One run; a fact counts as stored once its row is committed."""
        with psycopg.connect(self.postgres_url, autocommit=True) as database, self.running(database) as url:

            def stored(facts: int) -> bool:
                return rows(database) >= facts

            httpx.post(url, content=b'{"id": "first"}').raise_for_status()
            _wait(lambda: stored(1), "The bare pipeline has not stored its first fact", START_SECONDS)
            database.execute(SQL("TRUNCATE {}").format(Identifier(TABLE)))
            return drive(url, None, load, folder, stored)

    @contextmanager
    def running(self, database: psycopg.Connection) -> Iterator[str]:
        """Its address while its two processes run; afterwards they, its table and its queue are gone."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        table = Identifier(TABLE)
        database.execute(SQL("DROP TABLE IF EXISTS {}").format(table))
        database.execute(
            SQL("CREATE TABLE {} (position bigint GENERATED ALWAYS AS IDENTITY, body jsonb NOT NULL)").format(table)
        )
        command = [sys.executable, "-m", "loadtests.peers.bare_pipeline"]
        broker = ["--amqp-url", self.amqp_url]
        processes = [
            subprocess.Popen([*command, "gateway", *broker, "--port", str(port)], cwd=ROOT),  # noqa: S603
            subprocess.Popen([*command, "consumer", *broker, "--postgres-url", self.postgres_url], cwd=ROOT),  # noqa: S603
        ]
        try:
            _wait(lambda: _listens(port, processes), "The bare pipeline does not answer", START_SECONDS)
            yield f"http://127.0.0.1:{port}"
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()
            database.execute(SQL("DROP TABLE {}").format(table))
            with pika.BlockingConnection(pika.URLParameters(self.amqp_url)) as connection:
                connection.channel().queue_delete(QUEUE)


def rows(database: psycopg.Connection) -> int:
    """How many facts the bare pipeline has stored."""
    (count,) = database.execute(SQL("SELECT count(*) FROM {}").format(Identifier(TABLE))).fetchone()
    return count


def _listens(port: int, processes: list[subprocess.Popen[bytes]]) -> bool:
    if any(process.poll() is not None for process in processes):
        raise click.ClickException("A process of the bare pipeline ended at once; its error stands above.")
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
