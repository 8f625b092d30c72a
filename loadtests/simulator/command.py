"""`plateau simulate`: plays calls of a simulated centre through the public API, or writes them to a file."""

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import IO
from zoneinfo import ZoneInfo

import click
import orjson
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from loadtests.simulator.centre import Centre
from loadtests.simulator.disturbances import NONE, USUAL, delivered
from loadtests.simulator.journal import Fact
from loadtests.simulator.plan import Plan
from loadtests.simulator.posting import Outcome, post
from loadtests.simulator.queue_log import queue_log

MORNING = (8, 12)
SHOWN = 20


def last_morning(now: datetime) -> date:
    """The day of the last full morning (08:00 to 12:00 in the centre's zone) before `now`. It counts as over an hour
    after noon: those who called before noon have hung up by then, so no fact lies in the future.
    """
    local = now.astimezone(ZoneInfo(Plan.timezone))
    return local.date() if local.hour > MORNING[1] else local.date() - timedelta(days=1)


def _days(centre: Centre, first: date, hours: tuple[int, int], calls: int | None) -> Iterator[list[Fact]]:
    """The facts of one day or, where a number of calls is asked for, of as many days as it takes."""
    known: set[str] = set()
    for n in count():
        kept = []
        for fact in centre.day(first + timedelta(days=n), *hours).facts:
            call = fact.get("call_id")
            if call and call not in known:
                if calls is not None and len(known) >= calls:
                    continue
                known.add(call)
            kept.append(fact)
        if not known:
            raise click.UsageError("Nobody calls at these hours: the centre is open from 08:00 to 20:00.")
        yield kept
        if calls is None or len(known) >= calls:
            return


@click.command()
@click.option("--url", envvar="PLATEAU_URL", show_envvar=True, help="Address of Plateau.")
@click.option("--token", envvar="PLATEAU_TOKEN", show_envvar=True, help="API key with the scope calls:ingest.")
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="First day to play; by default yesterday.")
@click.option("--from-hour", type=click.IntRange(0, 23), default=0, show_default=True, help="Local hour to begin at.")
@click.option("--to-hour", type=click.IntRange(1, 24), default=24, show_default=True, help="Local hour to end at.")
@click.option("--calls", type=click.IntRange(1), help="Exactly so many calls, over as many days as it takes.")
@click.option("--morning", is_flag=True, help="The last full morning before now; sets the date and the hours.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Facts a second; by default as fast as possible.")
@click.option("--out", type=click.File("wb"), help="Write to a file ('-': standard output) instead of posting.")
@click.option("--format", "form", type=click.Choice(["ndjson", "queue-log"]), default="ndjson", show_default=True,
              help="Form of --out; queue-log is written without disturbances.")  # fmt: skip
@click.option("--undisturbed", is_flag=True, help="No duplicates, no late facts, no missing ends.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed and date give the same calls.")
def simulate(
    *,
    url: str | None,
    token: str | None,
    day: datetime | None,
    from_hour: int,
    to_hour: int,
    calls: int | None,
    morning: bool,
    rate: float | None,
    out: IO[bytes] | None,
    form: str,
    undisturbed: bool,
    seed: int,
) -> None:
    """Play calls of a simulated call centre through the public API.

    The calls are invented but behave: they wait because agents are busy. Playing the same day again adds nothing.
    """
    if from_hour >= to_hour:
        raise click.UsageError("--from-hour must be before --to-hour.")
    if form == "queue-log" and out is None:
        raise click.UsageError("--format queue-log writes a file: name it with --out.")
    now = datetime.now(UTC)
    first, hours = day.date() if day else (now - timedelta(days=1)).date(), (from_hour, to_hour)
    if morning:
        first, hours = last_morning(now), MORNING
    days = list(_days(Centre(seed), first, hours, calls))
    if form == "queue-log" and out:
        out.writelines(f"{line}\n".encode() for facts in days for line in queue_log(facts))
        return
    disturbances = NONE if undisturbed else USUAL
    facts = [fact for facts in days for fact in delivered(facts, disturbances, seed)]
    if out:
        out.writelines(orjson.dumps(fact) + b"\n" for fact in facts)
        return
    if not url or not token:
        raise click.UsageError("Say where to post: --url and --token, or PLATEAU_URL and PLATEAU_TOKEN (see .run/env).")
    console = Console()
    with Progress(console=console) as progress:
        task = progress.add_task(f"Playing {first:%A %d %B %Y}, {hours[0]:02}:00 to {hours[1]:02}:00", total=len(facts))
        outcome = post(facts, url, token, rate, lambda done: progress.advance(task, done))
    _tell(outcome, len({fact.get("call_id") for fact in facts} - {None}), console)
    sys.exit(1 if outcome.rejected else 0)


def _tell(outcome: Outcome, calls: int, console: Console) -> None:
    if outcome.rejected:
        table = Table("fact", "code", "pointer", "detail", title=f"{len(outcome.rejected)} facts rejected")
        for verdict in outcome.rejected[:SHOWN]:
            table.add_row(*(str(verdict.get(name, "")) for name in ("id", "code", "pointer", "detail")))
        console.print(table)
    console.print(f"{outcome.accepted} facts of {calls} calls accepted.")
