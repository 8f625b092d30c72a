"""One run of wrk against a side of the bench: what it sends, and how quickly all of it was in place."""

import json
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

SCRIPT = Path(__file__).with_name("wrk_requests.lua")
RUN_WIDTH = len("abcdef")
DRAIN_SECONDS = 600
ANSWER_SECONDS = 30
LOOK_SECONDS = 0.1  # how often a side is asked whether it is done, which takes of its time


@dataclass(frozen=True)
class Load:
    """What wrk is told: seconds, and connections."""

    seconds: int
    connections: int


@dataclass(frozen=True)
class Measurement:
    """One run: items (facts, commands) a second, from the first request until the last item is in place; latencies of
    the answers in ms.
    """

    rate: float
    items: int
    drain_seconds: float
    refused: int
    p50: float
    p99: float


def drive(
    url: str, requests: Path, load: Load, in_place: Callable[[int], bool], items_a_request: float = 1
) -> Measurement:
    """Send the prepared `requests` to `url` as `load` says, and wait until `in_place(items acknowledged)`.

    Raises a `click.ClickException` where connections broke, or nothing was acknowledged.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise click.ClickException("wrk drives this bench and is not installed: apt-get install wrk")
    run = secrets.token_hex(RUN_WIDTH // 2)
    options = ["-t1", f"-c{load.connections}", f"-d{load.seconds}s", f"--timeout={ANSWER_SECONDS}s"]
    done = subprocess.run(  # noqa: S603
        [wrk, *options, "-s", SCRIPT, url, "--", requests, run],
        capture_output=True,
        text=True,
        check=False,
    )
    ended = time.monotonic()
    if done.returncode or "RESULT " not in done.stdout:
        raise click.ClickException(f"wrk failed: {done.stderr or done.stdout}")
    result = json.loads(done.stdout.partition("RESULT ")[2])
    if result["broken"]:
        raise click.ClickException(f"{url} broke {result['broken']} connections; look into its log.")
    items = round((result["requests"] - result["refused"]) * items_a_request)
    if not items:
        raise click.ClickException(f"{url} refused all of {result['refused']} requests.")
    wait(lambda: in_place(items), f"{url} has not done all of {items}", DRAIN_SECONDS)
    drain = time.monotonic() - ended
    seconds = result["seconds"] + drain
    return Measurement(items / seconds, items, drain, result["refused"], result["p50_ms"], result["p99_ms"])


def wait(condition: Callable[[], bool], complaint: str, patience: float) -> None:
    """Return once the condition holds; a `click.ClickException` with the complaint after so many seconds."""
    give_up = time.monotonic() + patience
    while not condition():
        if time.monotonic() > give_up:
            raise click.ClickException(f"{complaint} after {patience} s.")
        time.sleep(LOOK_SECONDS)
