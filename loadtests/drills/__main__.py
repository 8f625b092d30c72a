"""`make drill`: what `python -m loadtests.drills` does."""

import sys
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from infra.local.supervisor import ROOT
from loadtests import pages
from loadtests.drills import page as resilience
from loadtests.drills.catalogue import DRILLS
from loadtests.drills.drilling import Drill, Drilling, Outcome
from loadtests.own_stack import own_stack

HOME = ROOT / ".drill"
SHOWN = 20  # complaints
console = Console()


def _named(_: click.Context, __: click.Parameter, value: str | None) -> list[Drill]:
    patterns = value.split(",") if value else ["*"]
    found = {pattern: [drill for drill in DRILLS if fnmatchcase(drill.name, pattern)] for pattern in patterns}
    if unknown := [pattern for pattern, drills in found.items() if not drills]:
        raise click.BadParameter(f"{', '.join(unknown)}: there are {', '.join(drill.name for drill in DRILLS)}.")
    return [drill for drill in DRILLS if any(drill in drills for drills in found.values())]


def _list(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        for drill in DRILLS:
            click.echo(f"{drill.name:<26} {drill.what}")
        context.exit()


@click.command()
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="Name the drills.")
@click.option("--only", "drills", callback=_named, help="Drills, with commas between; 'kill-*' means several.")
@click.option("--seconds", type=click.FloatRange(0), help="How long at most something stays broken that does not heal "
              "by itself; by default as long as each drill says.")  # fmt: skip
@click.option("--rate", type=click.IntRange(10), default=300, show_default=True, help="Facts posted a second.")
@click.option("--port-base", envvar="DRILL_PORT_BASE", default=26200, show_default=True, help="First of its ports.")
@click.option("--page", type=click.Path(path_type=Path), help="Where to write the page; by default "
              "docs/resilience.md, with --only or --seconds nowhere.")  # fmt: skip
def main(*, drills: list[Drill], seconds: float | None, rate: int, port_base: int, page: Path | None) -> None:
    """Break every part of a Plateau of its own in turn, under load, and count afterwards what was accepted.

    Ends with 1 where anything was lost, or counted twice, or is shown otherwise than it is stored.
    """
    console.print(f"Starting PostgreSQL, RabbitMQ and Plateau in {HOME}")
    with own_stack(HOME, port_base, "DRILL_PORT_BASE") as stack:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("", total=len(drills))
            drilling = Drilling(stack, rate, lambda doing: progress.update(task, description=doing))
            outcomes = []
            for drill in drills:
                outcomes.append(drilling.carry_out(drill, seconds))
                _say(outcomes[-1])
                progress.advance(task)
    console.print(resilience.table(outcomes))
    whole = len(drills) == len(DRILLS) and seconds is None
    if target := page or (ROOT / "docs/resilience.md" if whole else None):
        command = pages.command("drill", sys.argv[1:])
        resilience.write(target, outcomes, command, rate, datetime.now(UTC).date())
        console.print(f"Written to {target}")
    sys.exit(int(any(outcome.complaints for outcome in outcomes)))


def _say(outcome: Outcome) -> None:
    for complaint in outcome.complaints[:SHOWN]:
        console.print(f"{outcome.drill.name}: {complaint}", style="red", markup=False, highlight=False)
    if not outcome.complaints:
        console.print(
            f"{outcome.drill.name}: recovered in {outcome.recovery:.1f} s, nothing lost", markup=False, highlight=False
        )


if __name__ == "__main__":
    main()
