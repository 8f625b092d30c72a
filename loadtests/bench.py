"""`make bench`: Plateau against its peers, measured in one run on servers of its own."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click
from rich.console import Console
from rich.progress import Progress

from gateway.adapters import ADAPTERS, Adapter
from infra.local.supervisor import ROOT
from infra.rebuild import known
from loadtests import appends, feeds, freshness, listeners, pages, performance_page
from loadtests.driving import Load
from loadtests.growth import Growth
from loadtests.own_stack import own_stack
from loadtests.performance_page import Row, Run
from loadtests.sides import BARE, USUAL, Ours
from services.kernel import logs, projections
from services.kernel.database import connect

HOME = ROOT / ".bench"
BULK = 500
OF_NATIVE = 0.7  # of the native rate, which every adapter must keep
BULK_CONNECTIONS = 8  # of 500 facts each: as many are under way as a few shippers would send
FRESH_RATE = 2000
FEED_SECONDS = 5  # of each side of each adapter: there are many
MILLION = 1_000_000
# Which races each part needs; a part that is not here measures by itself.
RACES = {"ingest": ("bare", "usual", "single", "ndjson"), "commands": ("usual", "commands"), "rebuild": ("bare",),
         "listeners": ("single", "watched")}  # fmt: skip
PARTS = (*RACES, "adapters", "append", "freshness", "memory")
console = Console()


class Bench:
    """The parts, as rows of the table; `median_of` are the rates of the races that were run."""

    def __init__(self, ours: Ours, load: Load, rounds: int, folder: Path) -> None:
        self.ours, self.load, self.rounds, self.folder = ours, load, rounds, folder
        self.median_of: Mapping[str, float] = {}

    def race(self, names: list[str]) -> None:
        """Each of the races in turn, as many rounds as asked for."""
        servers = self.ours.stack.servers
        bulk = Load(self.load.seconds, BULK_CONNECTIONS)
        races: dict[str, Callable[[], float]] = {
            "bare": lambda: BARE.facts(servers.postgres.url, servers.rabbitmq.url, self.load, self.folder).rate,
            "usual": lambda: USUAL.facts(servers.postgres.url, servers.rabbitmq.url, self.load, self.folder).rate,
            "single": lambda: self.ours.facts(self.load, self.folder).rate,
            "ndjson": lambda: self.ours.facts(bulk, self.folder, BULK).rate,
            "watched": self._watched,
            "commands": lambda: self.ours.commands(self.load, self.folder).rate,
        }
        rates: dict[str, list[float]] = {name: [] for name in names}
        for turn in range(1, self.rounds + 1):
            for name in names:
                rates[name].append(races[name]())
                console.print(f"round {turn}: {name} {rates[name][-1]:,.0f} a second")
        self.median_of = {name: median(found) for name, found in rates.items()}

    def _watched(self) -> float:
        with listeners.listening(self.ours.stack.url, self.ours.token) as heard:
            rate = self.ours.facts(self.load, self.folder).rate
        if not heard.events > listeners.LISTENERS:
            raise click.ClickException("Nobody heard of any change, so nothing was measured.")
        return rate

    def listeners(self) -> Iterator[Row]:
        """Facts over HTTP while screens follow the floor."""
        rate = self.median_of
        what = f"single-event POST while {listeners.LISTENERS} screens follow the floor"
        yield Row(what, rate["watched"], "/s", 0.9, rate["single"], "without")

    def ingest(self) -> Iterator[Row]:
        """Facts over HTTP, one a request and in bulk."""
        rate = self.median_of
        yield Row("single-event POST, stored and projected", rate["single"], "/s", 0.75, rate["bare"], "bare pipeline")
        yield Row("the same", rate["single"], "/s", 15, rate["usual"], "usual Nameko chain")
        yield Row("NDJSON, stored and projected", rate["ndjson"], "/s", 2, rate["bare"], "bare pipeline, single")

    def commands(self) -> Iterator[Row]:
        """Commands over HTTP."""
        yield Row("commands", self.median_of["commands"], "/s", 3, self.median_of["usual"], "usual Nameko chain")

    def adapters(self) -> Iterator[Row]:
        """Each feed in its own format, in turn with the same facts in as many native requests."""
        for adapter in ADAPTERS:
            rates = [self._adapter(adapter, native_first=turn % 2 == 1) for turn in range(self.rounds)]
            theirs, native = (median(side) for side in zip(*rates, strict=True))
            console.print(f"{adapter.name}: {theirs:,.0f} a second, native {native:,.0f}")
            yield Row(f"feed {adapter.name}", theirs, "facts/s", OF_NATIVE, native, "the same facts, native")

    def _adapter(self, adapter: Adapter, *, native_first: bool) -> tuple[float, float]:
        """Facts a second of the feed and natively; whoever comes second finds more stored already."""
        single = feeds.FEEDS[adapter.name].items_a_body == 1
        load = Load(FEED_SECONDS, self.load.connections if single else BULK_CONNECTIONS)
        bodies = feeds.bodies(adapter)
        facts = sum(len(body.facts) for body in bodies) / len(bodies)
        url, token = self.ours.stack.url, self.ours.token
        sides = [feeds.outside, feeds.native]
        rates = {
            side: self.ours.posts(load, self.folder, side(adapter, url, token), facts).rate
            for side in (reversed(sides) if native_first else sides)
        }
        return rates[feeds.outside], rates[feeds.native]

    def append(self) -> Iterator[Row]:
        """Appends to the event store alone."""
        rates = appends.measure(self.ours.stack, self.load.seconds)
        for size, what, limit in ((1, "single appends", 1), (appends.BATCH, "appends, batches of 100", 2)):
            theirs = max(found[size] for name, found in rates.items() if name != appends.OURS)
            yield Row(what, rates[appends.OURS][size], "events/s", limit, theirs, "eventsourcing")

    def rebuild(self) -> Iterator[Row]:
        """All read models anew."""
        self.ours.facts(Load(self.load.seconds, BULK_CONNECTIONS), self.folder, BULK)
        spent = 0.0
        dsn = self.ours.stack.settings()["PLATEAU_CALLS_DATABASE_URL"]
        with connect(dsn, "bench", statement_timeout="10min") as connection, Progress(console=console) as progress:
            (events,) = connection.execute("SELECT count(*) FROM store.events").fetchone() or (0,)
            for name, model in known().items():
                task = progress.add_task(f"Rebuilding {name}", total=None)
                begun = time.perf_counter()
                projections.rebuild(connection, model, lambda handled, task=task: progress.advance(task, handled))
                spent += time.perf_counter() - begun
        yield Row("rebuild of all read models", events / spent, "events/s", 3, self.median_of["bare"], "bare pipeline")

    def freshness(self) -> Iterator[Row]:
        """From POST to report."""
        self.ours.settle()
        found = asyncio.run(
            freshness.measure(self.ours.stack.url, self.ours.token, FRESH_RATE, max(5, self.load.seconds))
        )
        what = f"freshness at {found.rate:,.0f} events/s, p99 (p50 {found.percentile(50):.0f} ms)"
        yield Row(what, found.percentile(99), "ms", 250, at_most=True)

    def growth(self, millions: int) -> Iterator[Row]:
        """Reports and ingest with a long history."""
        with Progress(console=console) as progress:
            before = self.ours.facts(self.load, self.folder).rate
            grown = Growth(self.ours.stack, self.ours.token)
            grown.begin()
            costs = []
            for target in (1, millions):
                task = progress.add_task(f"Growing to {target} M facts", total=target * MILLION)
                grown.reach(target * MILLION, lambda facts, task=task: progress.advance(task, facts))
                costs.append(grown.report_milliseconds())
        after = self.ours.facts(self.load, self.folder).rate
        name = f"with {millions} M facts"
        yield Row(f"report of a queue and a day {name}", costs[1], "ms", 1.5, costs[0], "with 1 M", at_most=True)
        yield Row(f"ingest {name}", after, "/s", 0.9, before, "before")

    def memory(self) -> Iterator[Row]:
        """Resident memory of each process."""
        for role, megabytes in sorted(self.ours.memory().items()):
            yield Row(f"memory of {role}", megabytes, "MB", 90, at_most=True)


def _parts(_: click.Context, __: click.Parameter, value: str | None) -> list[str]:
    parts = value.split(",") if value else list(PARTS)
    if unknown := sorted({*parts} - {*PARTS}):
        raise click.BadParameter(f"{', '.join(unknown)}: there are {', '.join(PARTS)}.")
    return [part for part in PARTS if part in parts]


@click.command()
@click.option("--only", "parts", callback=_parts, help=f"Parts, with commas between: {', '.join(PARTS)}.")
@click.option("--growth", type=click.IntRange(2), help="Also with so many million facts stored (20 takes an hour).")
@click.option("--quick", is_flag=True, help="One round of 5 s: for trying the bench, not for figures.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Runs of each side, in turn.")
@click.option("--seconds", type=click.IntRange(1), default=20, show_default=True, help="Length of a run.")
@click.option("--connections", type=click.IntRange(1), default=64, show_default=True, help="Connections of wrk.")
@click.option("--port-base", envvar="BENCH_PORT_BASE", default=25900, show_default=True, help="First of its ports.")
@click.option("--page", type=click.Path(path_type=Path), help="Where to write the page; by default "
              "docs/performance.md, with --quick or --only nowhere.")  # fmt: skip
def main(
    *,
    parts: list[str],
    growth: int | None,
    quick: bool,
    rounds: int,
    seconds: int,
    connections: int,
    port_base: int,
    page: Path | None,
) -> None:
    """Measure Plateau against its peers in one run, on servers of its own, and show one table of ratios.

    Stop what else runs on the machine first, `make run` among it.
    """
    logs.configure("warning")
    if quick:
        rounds, seconds = 1, 5
    whole = not quick and parts == list(PARTS)
    console.print(f"Starting PostgreSQL, RabbitMQ and Plateau in {HOME}")
    with own_stack(HOME, port_base, "BENCH_PORT_BASE") as stack, TemporaryDirectory() as folder:
        bench = Bench(Ours(stack, stack.new_key()), Load(seconds, connections), rounds, Path(folder))
        bench.race(list(dict.fromkeys(race for part in parts for race in RACES.get(part, ()))))
        rows = [row for part in parts if part != "memory" for row in getattr(bench, part)()]
        rows += bench.growth(growth) if growth else ()
        rows += bench.memory() if "memory" in parts else ()
    console.print(performance_page.table(rows))
    if target := page or (ROOT / "docs/performance.md" if whole else None):
        run = Run(pages.command("bench", sys.argv[1:]), rounds, seconds, connections)
        performance_page.write(target, rows, run, datetime.now(UTC).date())
        console.print(f"Written to {target}")


if __name__ == "__main__":
    main()
