"""What the drills showed: one table on the screen, and the page docs/resilience.md."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from rich.table import Column, Table

from loadtests import pages
from loadtests.drills.drilling import Outcome

HEADINGS = ("drill", "what breaks", "recovered", "held up", "accepted", "repeats", "told again", "as it must be")
PAGE = """# Resilience

Drilled by `make drill` on {day}, everything on one machine: {machine}. Command: `{command}`.

{table}

{complaints}## What happens in a drill

A Plateau of its own, on a PostgreSQL that waits for the disk, is under a steady load: three integrators post {rate}
facts of simulated calls a second, others change the settings of a queue and hire somebody, each five times a second, a
manager reads the service level. Who writes repeats unchanged what was not acknowledged (503, 504, no connection), so
that it is known exactly what was.

Then something breaks. Processes are killed and frozen at a bad moment: facts have been taken from the queue, and are
not committed. What does not heal by itself stays broken for some seconds ({frozen:.0f} where a process is frozen, which
is longer than the broker waits for a sign of life) and is then set right.

- **Recovered**: from the moment when the cause was gone (of a kill: the kill) until `/health/ready` said that all is up
  and everything accepted before that moment was in the reports; the load goes on.
- **Held up**: the longest time in which nothing was acknowledged. Who is refused waits a second and more, as
  `Retry-After` says, before asking again.
- **Accepted**: facts. **Repeats**: requests that were made again.
- **Told again**: public events are told at least once; so many came more than once to the listener.

## As it must be

Counted after each drill, once the load has ended:

1. Every fact that was accepted is stored once, none is stored that was not sent, and visits and legs are what the fold
   makes of those facts: asked of the API, call by call (`loadtests/after_check.py`). Every change of the queue that was
   acknowledged is one version of it. Everybody who was hired is listed, and has the induction that training opened, and
   finished, noted once.
2. Every public event in the stores was told to a listener whose queue is bound to the exchanges of all services; it was
   told of none that is not stored. The inbox of each service that subscribes has each event that it wants; an inbox has
   an event once, and its effect is committed with it.
3. After `plateau rebuild` every row of every read model is what it was, and no event was stored meanwhile.
4. The dead queues hold the poison that the drill sent, as it was sent, and nothing else. No other queue holds anything.
"""


def table(outcomes: Sequence[Outcome]) -> Table:
    """For the screen."""
    shown = Table(Column(HEADINGS[0], no_wrap=True), *HEADINGS[2:], title="What was broken, and what became of it")
    for outcome in outcomes:
        name, _, *cells = _cells(outcome)
        shown.add_row(name, *cells, style="red" if outcome.complaints else None)
    return shown


def write(path: Path, outcomes: Sequence[Outcome], command: str, rate: int, day: date) -> None:
    """Write the page."""
    said = [f"- {outcome.drill.name}: {complaint}\n" for outcome in outcomes for complaint in outcome.complaints]
    text = PAGE.format(
        day=f"{day:%d %B %Y}",
        machine=pages.machine(),
        command=command,
        table=pages.table(HEADINGS, map(_cells, outcomes)),
        complaints=f"What was not as it must be:\n\n{''.join(said)}\n" if said else "",
        rate=rate,
        frozen=max(outcome.drill.lasts for outcome in outcomes),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _cells(outcome: Outcome) -> tuple[str, ...]:
    return (
        outcome.drill.name,
        outcome.drill.what,
        "never" if outcome.recovery is None else f"{outcome.recovery:.1f} s",
        f"{outcome.longest_wait:.1f} s",
        f"{outcome.accepted:,}",
        f"{outcome.repeats:,}",
        f"{outcome.told_again:,}",
        "no" if outcome.complaints else "yes",
    )
