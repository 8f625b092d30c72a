"""`python -m loadtests.agents_month`: what a month of a large centre's agents costs, over HTTP, on servers of its own.

A simulated day is posted and folded. What the read models hold of its agents is copied, as of the same people under
other names and of the working days before, and the month of all of them is asked for: each way once to warm up, then
the median of some, together with what others waited who asked something small meanwhile.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import click
import httpx
import psycopg
from rich.console import Console
from rich.table import Table

from infra.local.supervisor import ROOT
from loadtests.own_stack import own_stack
from loadtests.sides import Ours
from loadtests.simulator.centre import Centre
from loadtests.simulator.plan import Plan
from loadtests.simulator.posting import post

HOME = ROOT / ".bench"
DAY = date(2026, 11, 20)  # a Friday
DAYS = 31
COPIES = 3  # of 72 agents
REPORT = "/v1/reports/agents"
SMALL = "/v1/queues/sales-fr"
ASKED = {
    "total": {"group_by": "total", "interval": "total"},
    "by queue": {"group_by": "queue", "interval": "total"},
    "total by day": {"group_by": "total", "interval": "P1D", "timezone": Plan.timezone},
    "total by quarter of an hour": {"group_by": "total", "interval": "PT15M"},
    "first page by agent and day": {"interval": "P1D", "timezone": Plan.timezone},
    "first page by agent, total": {"interval": "total", "limit": "500"},
}

DAYS_BACK = "generate_series(1, %(copies)s) AS copy, generate_series(0, %(days)s) AS back WHERE back %% 7 NOT IN (5, 6)"
ANEW = "md5({0}::text || copy || '-' || back)::uuid"
THEN = "{0} - make_interval(days => back)"
COPY = {
    "legs": f"""SELECT {ANEW.format("call")}, number, {ANEW.format("id")}, {ANEW.format("visit")}, queue,
            agent || '-' || copy, {THEN.format("answered_at")}, {THEN.format("ended_at")}, ring_ms, talk_ms, hold_ms,
            wrapup_ms, wrapup, inferred, transferred, excluded, {THEN.format("wrapup_at")}, holds
        FROM bench_rows, {DAYS_BACK}""",  # noqa: S608 - constants, here and below
    "rings": f"""SELECT {ANEW.format("call")}, number, {ANEW.format("visit")}, queue, agent || '-' || copy,
            {THEN.format("began_at")}, ring_ms, result, excluded
        FROM bench_rows, {DAYS_BACK}""",  # noqa: S608
    "agent_marks": f"""SELECT source, agent || '-' || copy, kind, queue, {THEN.format("occurred_at")}, sequence, rank,
            fact || '-' || back, stream, {ANEW.format("event")}, record, record_version, about, type, says,
            outside_queues, counts
        FROM bench_rows, {DAYS_BACK}""",  # noqa: S608
    "agents_heard": """SELECT agent || '-' || copy, source, kind, about
        FROM bench_rows, generate_series(1, %(copies)s) AS copy""",
}  # fmt: skip


def fill(database: psycopg.Connection[Any]) -> int:
    """Make a month of the read models' day; returns how many legs it has."""
    asked = {"copies": COPIES, "days": DAYS - 1}
    for table, rows in COPY.items():
        database.execute(f"CREATE TEMPORARY TABLE bench_rows AS SELECT * FROM read.{table}")  # noqa: S608 - ours
        database.execute(f"DELETE FROM read.{table}")  # noqa: S608 - ours
        database.execute(f"INSERT INTO read.{table} {rows}", asked)
        database.execute("DROP TABLE bench_rows")
    database.execute("VACUUM (ANALYZE)")
    (legs,) = database.execute("SELECT count(*) FROM read.legs").fetchone() or (0,)
    return int(legs)


@contextmanager
def others(url: str, headers: dict[str, str]) -> Iterator[list[float]]:
    """Somebody who goes on asking something small; gives the seconds that each answer took."""
    waited: list[float] = []
    done = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
            while not done.is_set():
                begun = time.perf_counter()
                client.get(SMALL).raise_for_status()
                waited.append(time.perf_counter() - begun)
                done.wait(0.02)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield waited
    finally:
        done.set()
        thread.join()


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Questions of each kind.")
@click.option("--port-base", envvar="BENCH_PORT_BASE", default=25900, show_default=True, help="First of its ports.")
def main(*, rounds: int, port_base: int) -> None:
    """Show seconds of each question, and how long others waited at most."""
    console = Console()
    end = datetime.combine(DAY + timedelta(days=1), datetime.min.time(), ZoneInfo(Plan.timezone))
    window = {"from": (end - timedelta(days=DAYS)).isoformat(), "to": end.isoformat()}
    with own_stack(HOME, port_base, "BENCH_PORT_BASE") as stack:
        ours = Ours(stack, stack.new_key())
        post(Centre(1).day(DAY).facts, stack.url, ours.token)
        ours.settle()
        name = stack.settings()["PLATEAU_CALLS_DATABASE_URL"].rpartition("/")[2]
        with psycopg.connect(stack.servers.postgres.url, dbname=name, autocommit=True) as database:
            legs = fill(database)
        headers = {"Authorization": f"Bearer {ours.token}"}
        shown = Table("the month", "seconds", "µs a leg", "others at most", title=f"{legs:,} legs")
        with httpx.Client(base_url=stack.url, headers=headers, timeout=60) as client:
            for what, asked in ASKED.items():
                with others(stack.url, headers) as waited:
                    spent = [_seconds(client, {**window, **asked}) for _ in range(rounds + 1)][1:]
                cost = median(spent)
                shown.add_row(what, f"{cost:.2f}", f"{cost / legs * 1e6:.1f}", f"{max(waited):.2f}")
            begun = time.perf_counter()
            pages = _all_pages(client, {**window, **ASKED["first page by agent and day"], "limit": "500"})
            shown.add_row(
                f"all {pages} pages of 500 rows, by agent and day", f"{time.perf_counter() - begun:.2f}", "", ""
            )
        console.print(shown)
        console.print(f"memory of calls: {ours.memory()['calls']:.0f} MB")


def _seconds(client: httpx.Client, asked: dict[str, str]) -> float:
    begun = time.perf_counter()
    answer = client.get(REPORT, params=asked)
    if answer.status_code != httpx.codes.OK:
        raise click.ClickException(f"{asked}: {answer.text}")
    return time.perf_counter() - begun


def _all_pages(client: httpx.Client, asked: dict[str, str]) -> int:
    cursor: str | None = None
    for page in range(1, 1_000):
        answer = client.get(REPORT, params={**asked, **({"cursor": cursor} if cursor else {})}).raise_for_status()
        cursor = answer.json()["next"]
        if cursor is None:
            return page
    raise click.ClickException("The list has no end.")


if __name__ == "__main__":
    main()
