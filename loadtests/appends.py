"""Appends a second: our event store and that of the `eventsourcing` library, one writer, databases of their own."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from psycopg import sql

from infra.databases import provision
from infra.local.stack import Stack
from infra.migrations import upgrade
from loadtests.fresh_calls import FreshCalls
from loadtests.peers.eventsourcing_store import EventsourcingStore, Happened
from services.calls.domain.facts import canonical, event_id, stream_id, subject
from services.kernel import store
from services.kernel.database import Pool, open_pool
from services.kernel.store import Head, NewEvent

BATCH = 100
OURS = "ours"

Append = Callable[[Sequence[Happened]], None]


class OurStore:
    """Appends as our services do it: a pooled connection, one statement, the heads known from reading."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def append(self, events: Sequence[Happened]) -> None:
        """One transaction."""
        new = [
            NewEvent(
                event.stream,
                event_id(event.stream, event.fact["id"]),
                event.fact["type"],
                event.fact,
                datetime.fromisoformat(event.fact["occurred_at"]),
            )
            for event in events
        ]
        heads: dict[object, Head] = {}
        for event in events:
            heads.setdefault(event.stream, Head(event.version - 1))
        with self._pool.connection() as connection, connection.cursor() as db:
            store.append(db, new, heads)


def measure(stack: Stack, seconds: float) -> dict[str, dict[int, float]]:
    """Events a second by store and by batch size, `seconds` each; of the library's two ways of inserting, both."""
    url = stack.servers.postgres.url
    with (
        our_store(stack) as pool,
        scratch_database(url, "bench_statements") as plain,
        scratch_database(url, "bench_functions") as quick,
        EventsourcingStore.on(plain, functions=False) as statements,
        EventsourcingStore.on(quick, functions=True) as functions,
    ):
        stores: dict[str, Append] = {
            OURS: OurStore(pool).append,
            "statements": statements.append,
            "functions": functions.append,
        }
        return _rates(stores, seconds)


def _rates(stores: Mapping[str, Append], seconds: float) -> dict[str, dict[int, float]]:
    events = happenings()
    rates: dict[str, dict[int, float]] = {name: {} for name in stores}
    for size in (1, BATCH):
        spent: Counter[str] = Counter()
        done: Counter[str] = Counter()
        # In turns: whatever else the machine does meets all of them.
        while min(spent[name] for name in stores) < seconds:
            batch = [next(events) for _ in range(size)]
            for name, append in stores.items():
                begun = time.perf_counter()
                append(batch)
                spent[name] += time.perf_counter() - begun
                done[name] += size
        for name in stores:
            rates[name][size] = done[name] / spent[name]
    return rates


def happenings() -> Iterator[Happened]:
    """Facts of simulated calls without end, each the next of the stream of its call."""
    calls = FreshCalls(f"appends-{uuid4()}")
    versions: Counter[object] = Counter()
    while True:
        for item in calls.take(1000):
            fact = canonical(item)
            stream = stream_id(fact["source"], *subject(fact))
            versions[stream] += 1
            yield Happened(stream, versions[stream], fact)


@contextmanager
def our_store(stack: Stack) -> Iterator[Pool]:
    """A calls database of its own on the servers of the stack."""
    settings = stack.settings()
    addresses = [settings[f"PLATEAU_CALLS_{name}_URL"] for name in ("MIGRATION", "DATABASE")]
    owner, role = (urlsplit(address)._replace(path="/bench_calls").geturl() for address in addresses)
    provision(stack.servers.postgres.url, owner, role)
    try:
        upgrade("calls", owner)
        with open_pool(role, "bench") as pool:
            yield pool
    finally:
        _drop(stack.servers.postgres.url, "bench_calls")


@contextmanager
def scratch_database(url: str, name: str) -> Iterator[str]:
    """The address of a new, empty database of that name on the server of `url`, a superuser's."""
    _drop(url, name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
    finally:
        _drop(url, name)


def _drop(url: str, name: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
