"""`python -m loadtests.webhooks`: how fast the deliveries process posts to webhook endpoints, and what that costs.

The events are written down first, as the reader of them writes them; then the process is started and drains them. The
receivers answer 204 at once over connections that they keep open, on this machine, without TLS. One more endpoint may
be slow, with as much due to it: the others must not notice.
"""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import UUID, uuid4

import click
import psycopg
from rich.console import Console
from rich.table import Table

from gateway.deliveries import queue
from gateway.deliveries.channel import Wanted
from gateway.deliveries.targets import open_target
from gateway.sealing import SecretBox
from gateway.webhooks import standard, store
from gateway.webhooks.channel import NAME
from gateway.webhooks.shapes import EndpointOrder
from infra.databases import provision
from infra.local.ports import LOOPBACK, Ports
from infra.local.servers import Servers
from infra.local.stack import PLATEAU, Stack
from infra.migrations import upgrade
from services.kernel.wire import rfc3339

HTTP = 20  # its place among the ports
COMPLETED = "plateau.calls.call_completed"
ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
SLOW_SECONDS = 5.0
PATIENCE_SECONDS = 600.0
console = Console()
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'plateau deliveries%'"
DUE = "SELECT count(*) FROM deliveries WHERE status = 'due' AND target_id <> ALL(%s)"
AGAIN = "SELECT count(*) FROM delivery_attempts WHERE number > 1"


@dataclass
class Received:
    """What came, by the path that it came to."""

    posted: dict[bytes, int] = field(default_factory=dict)


class Receiver(asyncio.Protocol):
    """One connection of a receiver; what comes to /slow is answered late."""

    def __init__(self, received: Received) -> None:
        self._received, self._read = received, b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """More of a request; one comes after the other."""
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        if not end:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._read = body[length:]
        path = head.split(b" ", 2)[1]
        self._received.posted[path] = self._received.posted.get(path, 0) + 1
        if path == b"/slow":
            asyncio.get_running_loop().call_later(SLOW_SECONDS, self._answer)
        else:
            self._answer()

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(ANSWER)


@contextmanager
def receiving() -> Iterator[tuple[str, Received]]:
    """A receiver in a thread of its own, and its address."""
    received, done = Received(), threading.Event()
    ready: list[str] = []

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: Receiver(received), LOOPBACK, 0)
        ready.append(f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}")
        while not done.is_set():
            await asyncio.sleep(0.05)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    while not ready:
        time.sleep(0.01)
    try:
        yield ready[0], received
    finally:
        done.set()
        thread.join()


def event(number: int) -> dict[str, Any]:
    """A completed call, as large as they are."""
    now, call = rfc3339(datetime.now(UTC)), str(uuid4())
    told = {"queues": ["sales-fr"], "agents": ["a-1042"], "direction": "inbound", "outcome": "answered"}
    measures = {"wait_seconds": 12.5, "talk_seconds": 181.25, "hold_seconds": 0, "wrapup_seconds": 20}
    spans = {"started_at": now, "ended_at": now, "call_id": f"c-{number}", "source": "pbx1", "call": call}
    return {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "/plateau/calls",
        "type": COMPLETED,
        "subject": call,
        "revision": 1,
        "time": now,
        "datacontenttype": "application/json",
        "data": {**spans, **told, **measures},
    }


async def fill(url: str, box: SecretBox, at: str, endpoints: int, deliveries: int, *, slow: bool) -> list[UUID]:
    """Writes down so many deliveries to all endpoints together, and as many to a slow one; gives the slow ones."""
    paths = [f"/{number}" for number in range(endpoints)] + ["/slow"] * slow
    made: dict[str, UUID] = {path: uuid4() for path in paths}
    async with await psycopg.AsyncConnection.connect(url) as db:
        for path, endpoint in made.items():
            await store.make(db, endpoint, EndpointOrder(at + path, (COMPLETED,)), "bench")
            await store.add_secret(db, endpoint, endpoint, box.seal(endpoint, standard.new_secret()))
            await open_target(db, NAME, endpoint)
        targets = [made[f"/{number}"] for number in range(endpoints)]
        wanted = [Wanted(targets[number % endpoints], event(number)) for number in range(deliveries)]
        wanted += [Wanted(made["/slow"], event(number)) for number in range(deliveries * slow)]
        for begin in range(0, len(wanted), 500):
            await queue.write(db, NAME, wanted[begin : begin + 500])
    return [made["/slow"]] if slow else []


def processor_seconds(pid: int) -> float:
    """What a process has used so far, its threads included; 0 where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def resident_megabytes(pid: int) -> float:
    """The most that a process has had resident."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def drained(settings: Mapping[str, str], url: str, slow: list[UUID], deliveries: int, received: Received) -> list[str]:
    """Starts the process, waits until nothing is due to the quick endpoints, and says what it took."""
    process = subprocess.Popen([*PLATEAU, "serve", "deliveries"], env=os.environ | dict(settings))  # noqa: S603
    try:
        with psycopg.connect(url, autocommit=True) as db:
            until = time.monotonic() + PATIENCE_SECONDS
            while not received.posted:
                if time.monotonic() > until or process.poll() is not None:
                    raise click.ClickException("Nothing came.")
                time.sleep(0.01)
            begun, used = time.monotonic(), processor_seconds(process.pid)
            databases: dict[int, float] = {}
            before: dict[int, float] = {}
            while (db.execute(DUE, (slow,)).fetchone() or (0,))[0]:
                if time.monotonic() > until or process.poll() is not None:
                    raise click.ClickException("Not everything was delivered.")
                for (pid,) in db.execute(BACKENDS):
                    databases[pid] = processor_seconds(pid) or databases.get(pid, 0.0)
                    before.setdefault(pid, databases[pid])
                time.sleep(0.1)
            seconds = time.monotonic() - begun
            ours = processor_seconds(process.pid) - used
            theirs = sum(databases.values()) - sum(before.values())
            (again,) = db.execute(AGAIN).fetchone() or (0,)
        megabytes = resident_megabytes(process.pid)
    finally:
        process.terminate()
        process.wait()
    per = 1e6 / deliveries
    return [
        f"{deliveries / seconds:,.0f}",
        f"{ours * per:,.0f}",
        f"{theirs * per:,.0f}",
        f"{megabytes:.0f}",
        str(again),
    ]


@click.command()
@click.option("--deliveries", default=5000, show_default=True, help="How many are due, to all endpoints together.")
@click.option("--endpoints", default="1,20", show_default=True, help="Numbers of endpoints to measure with.")
@click.option("--port-base", envvar="BENCH_PORT_BASE", default=25900, show_default=True, help="First of its ports.")
def main(*, deliveries: int, endpoints: str, port_base: int) -> None:
    """Show deliveries a second, and the processor time of each in µs, on servers of its own."""
    shown = Table("endpoints", "deliveries/s", "µs of the process", "µs of PostgreSQL", "MB", "repeated")
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    home = Path(mkdtemp(prefix="plateau-webhooks-"))
    servers = Servers(home, Ports(port_base))
    settings = Stack(home, Ports(port_base), port_base + HTTP).settings()
    settings |= {"PLATEAU_LOG_LEVEL": "error", "MALLOC_ARENA_MAX": "2"}  # as the stack starts it
    owner, url = settings["PLATEAU_GATEWAY_MIGRATION_URL"], settings["PLATEAU_GATEWAY_DATABASE_URL"]
    box = SecretBox.from_text(settings["PLATEAU_GATEWAY_KEY"])
    try:
        servers.start("BENCH_PORT_BASE")
        provision(servers.postgres.url, owner, url)
        upgrade("gateway", owner)
        for number in map(int, endpoints.split(",")):
            for beside in (False, True):
                with receiving() as (address, received):
                    with psycopg.connect(owner) as db:
                        db.execute("TRUNCATE webhook_endpoints, deliveries CASCADE")
                        db.execute("DELETE FROM delivery_targets WHERE channel = %s", (NAME,))
                    slow = asyncio.run(fill(url, box, address, number, deliveries, slow=beside))
                    name = f"{number}, and one that takes {SLOW_SECONDS:g} s" if beside else str(number)
                    shown.add_row(name, *drained(settings, url, slow, deliveries, received))
                    console.print(f"{name}: {next(reversed(list(shown.columns[1].cells)))} a second")
    finally:
        servers.forget()
    console.print(shown)


if __name__ == "__main__":
    main()
