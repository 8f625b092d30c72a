"""Measures how many facts a second Plateau takes in, side by side with the bare pipeline on the same servers."""

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click
from rich.console import Console
from rich.table import Table

from loadtests.sides import Load, Measurement, Ours, Peer

BULK = 500


@click.command()
@click.option("--url", envvar="PLATEAU_URL", show_envvar=True, help="A running Plateau.")
@click.option("--token", envvar="PLATEAU_TOKEN", show_envvar=True, help="Its API key, bound by no rate limit.")
@click.option("--postgres-url", envvar="PLATEAU_POSTGRES_ADMIN_URL", show_envvar=True,
              help="A database of the same PostgreSQL in which the peer may make its table.")  # fmt: skip
@click.option("--amqp-url", envvar="PLATEAU_AMQP_URL", show_envvar=True, help="The same RabbitMQ.")
@click.option("--only", type=click.Choice(["peer", "plateau"]), help="Measure one side alone.")
@click.option("--ndjson", is_flag=True, help=f"Plateau takes NDJSON, {BULK} facts a request; the peer still one.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Runs of each side, in turn.")
@click.option("--seconds", type=click.IntRange(1), default=20, show_default=True, help="Length of a run.")
@click.option("--connections", type=click.IntRange(1), default=64, show_default=True, help="Connections of wrk.")
def main(
    *,
    url: str | None,
    token: str | None,
    postgres_url: str | None,
    amqp_url: str | None,
    only: str | None,
    ndjson: bool,
    rounds: int,
    seconds: int,
    connections: int,
) -> None:
    """Facts stored a second: Plateau (validated, stored, projected) against a bare pipeline (stored).

    Both are driven by wrk with the facts of a simulated morning, in turn, on the same PostgreSQL and RabbitMQ. The rate
    counts the time until the last fact is stored, and in Plateau until it is in the reports.
    """
    loads = {"peer": Load(seconds, connections), "plateau": Load(seconds, connections, BULK if ndjson else 1)}
    sides: dict[str, Peer | Ours] = {}
    if only != "plateau":
        if not postgres_url or not amqp_url:
            raise click.UsageError("The peer needs --postgres-url and --amqp-url, the servers that Plateau runs on.")
        sides["peer"] = Peer(postgres_url, amqp_url)
    ours = None
    if only != "peer":
        if not url or not token:
            raise click.UsageError("Plateau needs --url and --token; `make run` writes both to .run/env.")
        ours = sides["plateau"] = Ours(url, token)
    console = Console()
    results: dict[str, list[Measurement]] = {name: [] for name in sides}
    with TemporaryDirectory() as folder:
        for turn in range(1, rounds + 1):
            for name, side in sides.items():
                result = side.measure(loads[name], Path(folder))
                results[name].append(result)
                console.print(f"round {turn} {name}: {result.rate:,.0f} facts/s, {result.facts:,} facts")
    console.print(_table(results))
    if len(sides) == 2:
        ratio = median(r.rate for r in results["plateau"]) / median(r.rate for r in results["peer"])
        console.print(f"plateau / peer: {ratio:.2f}")
    if ours:
        console.print(_memory(ours))


def _table(results: dict[str, list[Measurement]]) -> Table:
    table = Table("side", "facts/s", "p50 ms", "p99 ms", "drain s", "refused", title="Medians")
    for name, runs in results.items():
        table.add_row(
            name,
            f"{median(r.rate for r in runs):,.0f}",
            f"{median(r.p50 for r in runs):.1f}",
            f"{median(r.p99 for r in runs):.1f}",
            f"{median(r.drain_seconds for r in runs):.2f}",
            str(sum(r.refused for r in runs)),
        )
    return table


def _memory(ours: Ours) -> Table:
    table = Table("process", "MB", title="Resident memory of Plateau")
    for role, megabytes in sorted(ours.memory().items()):
        table.add_row(role, f"{megabytes:.0f}")
    return table


if __name__ == "__main__":
    main()
