"""`plateau ship`: from a telephone system to Plateau."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from threading import Event
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from infra.shipping.ami import AmiShipper
from infra.shipping.ami_connection import Account
from infra.shipping.documents import DocumentShipper
from infra.shipping.keeping import Folder
from infra.shipping.posting import Failing, Poster, Stopped
from infra.shipping.queue_log import QueueLogShipper
from infra.shipping.sending import Sender

log = logging.getLogger(__name__)

FILE = click.Path(path_type=Path, dir_okay=False, resolve_path=True)
FOLDER = click.Path(path_type=Path, file_okay=False, resolve_path=True)


@click.group()
def ship() -> None:
    """Send what a telephone system writes or says, each thing once and none lost, however long Plateau is away.

    A shipper runs beside the telephone system until SIGTERM or SIGINT, and goes on where it was when it comes back.
    What Plateau does not take is kept in rejected.jsonl of the shipper's folder, each with its verdict. The key comes
    from the variable PLATEAU_TOKEN and needs the scope calls:ingest.
    """


def _to_plateau(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every shipper has, and the order in which each begins and ends."""

    @click.option("--source", required=True, help="Under which name Plateau knows this telephone system.")
    @click.option("--url", required=True, envvar="PLATEAU_URL", show_envvar=True, help="Address of Plateau.")
    @click.option("--token", required=True, envvar="PLATEAU_TOKEN", show_envvar=True, help="API key with calls:ingest.")
    @click.option("--folder", type=FOLDER, help="Where it keeps how far it is. Default: named below.")
    @click.option("--verbose", is_flag=True, help="Log every batch.")
    @wraps(command)
    def wrapped(*, url: str, token: str, verbose: bool, **options: Any) -> None:
        level = logging.DEBUG if verbose else logging.INFO
        logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s", level=level)
        for library in ("httpx", "httpcore"):
            logging.getLogger(library).setLevel(logging.WARNING)
        with _stopped_by_signals() as stopping, Poster(url, token, stopping) as poster:
            try:
                with suppress(Stopped):
                    command(poster=poster, stopping=stopping, **options)
            except Failing as failing:
                raise click.ClickException(f"{failing}. What was acknowledged is noted.") from failing
            if stopping.is_set():
                log.info("Stopped. What was acknowledged is noted; the rest is sent next time.")

    return wrapped


@contextmanager
def _stopped_by_signals() -> Iterator[Event]:
    stopping = Event()
    before = {number: signal.signal(number, lambda *_: stopping.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@ship.command("queue-log")
@click.option("--file", "path", required=True, type=FILE, help="The log: /var/log/asterisk/queue_log")
@click.option("--from-end", is_flag=True, help="The first time, pass over what is in the log already.")
@click.option("--once", is_flag=True, help="Send what is there and end, for cron or to take in old logs.")
@click.option("--interval", default=0.5, show_default=True, help="Seconds between looks at a log that is quiet.")
@_to_plateau
def queue_log(
    *,
    path: Path,
    source: str,
    folder: Path | None,
    poster: Poster,
    stopping: Event,
    interval: float,
    from_end: bool,
    once: bool,
) -> None:
    """Follow Asterisk's queue_log, through rotation (renamed or copied, compressed too) and restarts.

    Each line is known by its file and its place there, so that it counts once, however often it is sent. The first time
    it begins at the beginning of the log. An old log is taken in by its own name: --once --file queue_log.3.gz

    It keeps how far it is in .plateau/<name of the log> beside the log.
    """
    kept = Folder(folder or path.parent / ".plateau" / path.name)
    with kept.locked():
        shipper = QueueLogShipper(path, Sender(source, poster, kept))
        if from_end:
            shipper.start_at_end()
        if not once:
            shipper.follow(stopping, interval)
            return
        if not os.access(path, os.R_OK):
            raise click.ClickException(f"{path} is not there, or may not be read.")
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task(path.name, total=shipper.bytes_left())
            shipper.ship(lambda sent: progress.advance(task, sent))


@ship.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where Asterisk's manager interface is.")
@click.option("--port", default=5038, show_default=True, help="Its port; 5039 is usual with --tls.")
@click.option("--tls", is_flag=True, help="Speak TLS, and check Asterisk's certificate.")
@click.option("--username", required=True, help="An account of manager.conf with read = call,agent,user.")
@click.option("--secret", required=True, envvar="PLATEAU_AMI_SECRET", show_envvar=True, help="Its secret.")
@click.option("--queue-log", "log_path", type=FILE, help="The log from which to fill what was missed while away.")
@click.option(
    "--event",
    "patterns",
    multiple=True,
    default=("Queue*", "Agent*", "Join", "Leave", "Hold", "Unhold", "UserEvent"),
    show_default=True,
    help="Names of the events to send; several times for several.",
)
@_to_plateau
def ami(
    *,
    host: str,
    port: int,
    username: str,
    secret: str,
    log_path: Path | None,
    patterns: tuple[str, ...],
    source: str,
    folder: Path | None,
    poster: Poster,
    stopping: Event,
    tls: bool,
) -> None:
    """Hold a connection to Asterisk's manager interface and send its events, as they come.

    Each event is on disk before it is sent. Asterisk repeats nothing: what happens while the connection is away is
    lost to AMI, and with --queue-log the lines of that while are sent instead. What both tell of counts once, as both
    name it alike; the log's word wins.

    It keeps its spool and how far it is in ~/.local/state/plateau-ship/ami-<host>-<port>.
    """
    kept = Folder(folder or Path.home() / ".local/state/plateau-ship" / f"ami-{host}-{port}")
    with kept.locked():
        account = Account(host, port, username, secret, tls)
        AmiShipper(account, patterns, log_path, Sender(source, poster, kept), stopping).run()


@ship.command("freeswitch-cdr")
@click.option("--directory", required=True, type=FOLDER, help="err-log-dir of mod_json_cdr's configuration.")
@click.option("--once", is_flag=True, help="Send what is there and end, for cron.")
@click.option("--interval", default=5.0, show_default=True, help="Seconds between looks into the folder.")
@_to_plateau
def freeswitch_cdr(
    *,
    directory: Path,
    source: str,
    folder: Path | None,
    poster: Poster,
    stopping: Event,
    once: bool,
    interval: float,
) -> None:
    """Send the call records that FreeSWITCH could not post itself.

    Each file that was taken is moved to done/, each that was not to rejected/, within the folder.

    It keeps the verdicts in .plateau within the folder.
    """
    kept = Folder(folder or directory / ".plateau")
    with kept.locked():
        shipper = DocumentShipper(directory, Sender(source, poster, kept))
        if once:
            shipper.ship()
        else:
            shipper.follow(stopping, interval)
