"""`plateau dead`: what was put aside, looked at and sent again."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click
import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column, Table

from infra.addresses import SERVICES, address
from services.kernel import logs
from services.kernel.dead_letters import DeadLetter
from services.kernel.dead_queues import MOST, DeadQueues, NotTaken, arrivals
from services.kernel.ingest_queues import IngestQueues, dead
from services.kernel.queue_depths import depths
from services.kernel.values import Unavailable

broker = address("amqp", "RabbitMQ, with the virtual host.")


@click.group("dead")
def letters() -> None:
    """Look at messages that were put aside because they failed, and send them again."""
    logs.configure("error")


@contextmanager
def _opened(amqp_url: str, queue: str | None = None) -> Iterator[DeadQueues]:
    queues = arrivals(IngestQueues.of("calls", os.environ), SERVICES)
    if queue is not None and queue not in queues:
        raise click.BadParameter(f"There is no queue {queue}; there are {', '.join(queues)}.")
    try:
        yield DeadQueues(amqp_url, queues)
    except (Unavailable, NotTaken) as error:
        raise click.ClickException(str(error)) from error


@letters.command("list")
@broker
@click.option("--queue", help="Only what came from this queue.")
@click.option("--limit", type=click.IntRange(1, MOST), default=100, show_default=True, help="At most so many.")
def list_all(amqp_url: str, queue: str | None, limit: int) -> None:
    """List them, the oldest first, with nothing of their content."""
    with _opened(amqp_url, queue) as queues:
        found = queues.page(limit + 1, queue=queue)
    if not found:
        click.echo("There are no dead letters.")
        return
    table = Table(Column("id, from", no_wrap=True), Column("first seen, attempts", no_wrap=True),
                  Column("what, why", overflow="fold"), box=SIMPLE_HEAD, padding=(0, 1, 0, 0))  # fmt: skip
    for letter in (each.summary() for each in found[:limit]):
        seen = f"{letter.first_seen:%Y-%m-%d %H:%M:%S}" if letter.first_seen else "-"
        why = f"{', '.join(letter.types) or 'unreadable'}\n{letter.exception}: {letter.reason}"
        table.add_row(f"{letter.id}\n{letter.queue}", f"{seen}\n{letter.attempts}", escape(why), end_section=True)
    console = Console()
    console.print(table)
    if len(found) > limit:
        console.print(f"There are more than these {limit}; --limit shows more.")


@letters.command()
@broker
@click.argument("letter_id", metavar="ID")
def show(amqp_url: str, letter_id: str) -> None:
    """Show one as JSON, with its content, which may be personal."""
    with _opened(amqp_url) as queues:
        letter = queues.find(letter_id)
    if letter is None:
        raise click.ClickException(_none([letter_id]))
    click.echo(orjson.dumps(letter.shown(), option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z, default=str))


@letters.command()
@broker
@click.argument("letter_ids", metavar="[ID]...", nargs=-1)
@click.option("--queue", help="With --all: what came from this queue.")
@click.option("--all", "everything", is_flag=True, help="All that came from the queue named.")
def replay(amqp_url: str, letter_ids: tuple[str, ...], queue: str | None, *, everything: bool) -> None:
    """Send some, or all of a queue, to where they came from, as if for the first time.

    Each leaves the dead letters once the broker has it. Interrupted, nothing is lost: run it again; what was done twice
    counts once.
    """
    if bool(letter_ids) == everything or everything != (queue is not None):
        raise click.UsageError("Give the ids of letters, or --queue and --all.")
    sent: set[str] = set()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with _opened(amqp_url, queue) as queues, Progress(*columns) as progress:
        total = depths(amqp_url, [dead(str(queue))]).get(dead(str(queue)), 0) if everything else len(letter_ids)
        task = progress.add_task("replayed", total=total)

        def told(letter: DeadLetter) -> None:
            sent.add(letter.id)
            progress.advance(task)

        queues.replay(lambda letter: everything or letter.id in letter_ids, queue, told)
    if missing := [each for each in letter_ids if each not in sent]:
        raise click.ClickException(_none(missing))


def _none(ids: list[str]) -> str:
    return f"There is no dead letter {', '.join(ids)}; `plateau dead list` shows all."
