"""`python -m loadtests.read_models`: processor time of storing facts, following them, telling of calls, and rebuilding.

In µs a fact, of this process and of its PostgreSQL backend, so that little hangs on what else the machine does. HTTP
and the broker are left out. It works in a database of its own, which it drops afterwards.
"""

import base64
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import click
import psutil
import psycopg
from psycopg import sql
from rich.console import Console
from rich.table import Table

from infra.databases import provision
from infra.migrations import upgrade
from loadtests.fresh_calls import FreshCalls
from services.calls.domain.facts import canonical
from services.calls.ingest import Ingest
from services.calls.policies import tell_of_completed
from services.calls.projections.calls import CallFigures
from services.kernel import logs, projections
from services.kernel.database import Connection, connect, open_pool
from services.kernel.garbage import settle
from services.kernel.messaging.messages import Batch
from services.kernel.privacy import MasterKey

DATABASE = "measured_read_models"
TOGETHER = 500  # facts that are stored together
FEW = 300  # events in a batch of a read model that keeps up
MASTER = MasterKey.from_text(base64.b64encode(bytes(range(32))).decode())


class Spent(NamedTuple):
    """Seconds of processor time."""

    process: float
    backend: float


class Measured:
    """The calls service without the bus, and so many facts for each piece of work."""

    def __init__(self, connection: Connection, ingest: Ingest, facts: int) -> None:
        self._connection, self._ingest, self._facts = connection, ingest, facts
        self._calls = FreshCalls("measured")
        projections.rebuild(connection, CallFigures(), lambda _: None)

    def works(self) -> Iterator[tuple[str, Spent]]:
        """Each piece of work by name, and what it takes."""
        yield f"storing, {TOGETHER} at once (process only)", self._spent(self._store)
        yield "following a backlog", self._spent(lambda: self._follow(CallFigures.batch))
        yield (
            "telling of calls that are over",
            self._spent(lambda: tell_of_completed(self._connection, datetime.now(UTC))),
        )
        yield "rebuilding", self._spent(lambda: projections.rebuild(self._connection, CallFigures(), lambda _: None))
        self._store()
        yield f"following, {FEW} at once", self._spent(lambda: self._follow(FEW))

    def _spent(self, work: Callable[[], object]) -> Spent:
        backend = psutil.Process(self._connection.info.backend_pid)
        there, here = backend.cpu_times(), time.process_time()
        work()
        here, ended = time.process_time() - here, backend.cpu_times()
        return Spent(here, ended.user + ended.system - there.user - there.system)

    def _store(self) -> None:
        for _ in range(self._facts // TOGETHER):
            facts: list[Any] = [canonical(fact) for fact in self._calls.take(TOGETHER)]  # none is refused
            self._ingest.store(Batch("calls.ingest.0", facts, (), datetime.now(UTC), {}))

    def _follow(self, at_once: int) -> None:
        model = CallFigures()
        model.batch = at_once  # type: ignore[misc]
        with self._connection.cursor() as db:
            generation, _ = projections.active(db, model) or (None, 0)
        assert generation is not None  # noqa: S101 - it was built
        generation.enter(self._connection)
        left = self._facts
        while left > 0:  # a write elsewhere on the server may hold the last of them back for a moment
            left -= generation.step(self._connection)


@contextmanager
def scratch_database(url: str) -> Iterator[str]:
    """The address of a new calls database, as the role that only works."""
    parts = urlsplit(url)
    server = parts.netloc.rpartition("@")[2]
    owner, role = (
        parts._replace(netloc=f"{name}:{name}@{server}", path=f"/{DATABASE}").geturl()
        for name in ("plateau_calls_owner", "plateau_calls")
    )
    provision(url, owner, role)
    try:
        upgrade("calls", owner)
        yield role
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(DATABASE)))


@click.command()
@click.option("--postgres-url", envvar="PLATEAU_POSTGRES_ADMIN_URL", required=True, help="A superuser's address.")
@click.option("--facts", default=30_000, show_default=True, help="How many facts each piece of work is about.")
@click.option("--rounds", default=3, show_default=True, help="How often, of which the middle is shown.")
def main(*, postgres_url: str, facts: int, rounds: int) -> None:
    """Measure each piece of work in turn, on a server for tests: accounts are given passwords that all know."""
    logs.configure("warning")
    settle()
    found: dict[str, list[Spent]] = {}
    for _ in range(rounds):
        with (
            scratch_database(postgres_url) as url,
            connect(url, "measured", statement_timeout="10min") as connection,
            open_pool(url, "measured store", size=1) as pool,
        ):
            for name, spent in Measured(connection, Ingest(pool, MASTER), facts).works():
                found.setdefault(name, []).append(spent)
    shown = Table("µs a fact", "process", "backend")
    for name, all_of_them in found.items():
        middle = [median(side) / facts * 1e6 for side in zip(*all_of_them, strict=True)]
        shown.add_row(name, *(f"{each:.1f}" for each in middle))
    Console().print(shown)


if __name__ == "__main__":
    main()
