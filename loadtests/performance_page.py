"""What the bench found: one table on the screen, and the page docs/performance.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rich.table import Table

from loadtests import pages

PAGE = """# Performance

Measured by `make bench` on {day}, everything on one machine: {machine}. Command: `{command}`.

Ratios are what counts: both sides of each were measured in turn, in one run, on the same PostgreSQL and RabbitMQ.
Absolute figures are this machine's.

{table}

## Method

- **Rates** are medians of {rounds} rounds of {seconds} s, driven by wrk with {connections} connections and prepared
  requests of simulated calls, each under new ids. They count the time until the last item is in place: in Plateau a
  fact is in place once it is in the reports.
- **Bare pipeline** (`loadtests/peers/bare_pipeline.py`): raw ASGI, one confirmed message a fact, COPY into one table.
  No authentication, validation, identity or read model.
- **Usual Nameko chain** (`loadtests/peers/usual_nameko.py`): HTTP entrypoint, RPC, marshmallow, insert, event dispatch,
  on as many processes as Plateau has.
- **Commands** are `PUT /v1/queues/{{queue}}` with `If-Match`, each changing a queue that has a history.
- **Feeds** (`loadtests/feeds`): bodies of some 500 facts as each telephone system writes them, 5 s a round, against the
  facts that its adapter makes of them, posted as NDJSON with as many facts a request. Twilio's callbacks are one form
  a request, and so are the facts that they are held against.
- **Appends** (`loadtests/peers/eventsourcing_store.py`): one writer, databases of their own, the same facts; of the
  `eventsourcing` library's two ways to insert, the quicker one.
- **Rebuild**: all read models anew from all stored events; events stored by seconds taken.
- **Freshness**: single-event POSTs at a steady rate whatever the answers; from the moment a fact was due until an
  answered report counts it.
- **Growth** (with `--growth`): days of facts copied into the store and projected; reports of days drawn by lot.
- **Memory**: resident, of each process, after all that.
"""


@dataclass(frozen=True)
class Row:
    """A figure of ours and what it is held against: another figure, or (None) the limit alone.

    The ratio must be at least `limit`, or with `at_most` no more than it.
    """

    what: str
    ours: float
    unit: str
    limit: float
    against: float | None = None
    peer: str = ""
    at_most: bool = False

    @property
    def ratio(self) -> float:
        """Ours by the other, or ours itself."""
        return self.ours if self.against is None else self.ours / self.against

    @property
    def met(self) -> bool:
        """Whether the target is reached."""
        return self.ratio <= self.limit if self.at_most else self.ratio >= self.limit

    @property
    def cells(self) -> tuple[str, ...]:
        """As the table shows it."""
        other = "" if self.against is None else f"{_figure(self.against)} {self.peer}"
        ratio = "" if self.against is None else f"{self.ratio:.2f}"
        target = f"{'≤' if self.at_most else '≥'} {self.limit:g}" + (
            f" {self.unit}" if self.against is None else " times"
        )
        return self.what, f"{_figure(self.ours)} {self.unit}", other, ratio, target, "yes" if self.met else "no"


HEADINGS = ("what", "Plateau", "against", "ratio", "target", "reached")


@dataclass(frozen=True)
class Run:
    """How it was measured."""

    command: str
    rounds: int
    seconds: int
    connections: int


def table(rows: Sequence[Row]) -> Table:
    """For the screen."""
    shown = Table(*HEADINGS, title="Plateau against its peers")
    for row in rows:
        shown.add_row(*row.cells, style=None if row.met else "red")
    return shown


def write(path: Path, rows: Sequence[Row], run: Run, day: date) -> None:
    """Write the page."""
    text = pages.table(HEADINGS, (row.cells for row in rows))
    page = PAGE.format(day=f"{day:%d %B %Y}", machine=pages.machine(), table=text, **vars(run))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
