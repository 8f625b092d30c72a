"""Facts of calls as telephone systems send them, one by one and in batches: `make loadtest`.

Afterwards everything that was accepted must be stored once and be in the read models, else the run fails.
"""

import logging
import os
import secrets
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

import httpx
import orjson
from locust import FastHttpUser, LoadTestShape, constant_throughput, events, task
from locust.env import Environment
from rich.console import Console
from rich.progress import Progress

from infra.local import environment_file
from infra.local.supervisor import ROOT
from loadtests.after_check import Ledger, check, wait_until_level
from loadtests.fresh_calls import FreshCalls
from loadtests.load_shapes import SHAPES
from loadtests.simulator.posting import PATH

ACCESS = ("PLATEAU_URL", "PLATEAU_TOKEN")
SHOWN = 20
SOURCE = f"loadtest-{secrets.token_hex(4)}"

calls = FreshCalls(SOURCE)
ledger = Ledger()


@events.init_command_line_parser.add_listener
def _options(parser: ArgumentParser) -> None:
    parser.add_argument("--shape", choices=SHAPES, default="ramp", help="How the load moves.", env_var="LOAD_SHAPE")
    parser.add_argument("--peak", type=int, default=40, help="Users at most.", env_var="LOAD_PEAK")
    parser.add_argument("--seconds", type=int, default=60, help="Length of the load.", env_var="LOAD_SECONDS")


@events.init.add_listener
def _find_plateau(environment: Environment, **_: Any) -> None:
    kept = environment_file.read(ROOT / ".run/env")
    access = {name: os.environ.get(name) or kept.get(name) for name in ACCESS}
    if not all(access.values()):
        raise SystemExit("Nothing to load: start Plateau with `make run`, or set PLATEAU_URL and PLATEAU_TOKEN.")
    environment.host, token = (access[name] for name in ACCESS)
    Integration.headers = {"Authorization": f"Bearer {token}"}
    try:
        httpx.get(f"{environment.host}/health/ready", timeout=10).raise_for_status()
    except httpx.HTTPError as error:
        raise SystemExit(f"{environment.host} is not ready ({error}): see `make ps` and `make logs`.") from error


class Integration(FastHttpUser):
    """What posts to Plateau; it takes the next facts of the line, so that none is sent twice."""

    abstract = True
    headers: Mapping[str, str] = {}

    def send(self, name: str, kind: str, facts: int) -> None:
        """Post the next facts in one request and note what became of each."""
        batch = calls.take(facts)
        body = b"\n".join(map(orjson.dumps, batch))
        headers = {**self.headers, "Content-Type": kind}
        ledger.send(batch)
        with self.client.post(PATH, data=body, headers=headers, name=name, catch_response=True) as response:
            if response.status_code == httpx.codes.ACCEPTED:
                rejected = {item["index"] for item in response.json()["rejected"]}
                ledger.refuse(batch[n] for n in rejected)
                ledger.accept(fact for n, fact in enumerate(batch) if n not in rejected)
                if rejected:
                    response.failure(f"{len(rejected)} facts rejected")
            elif 400 <= response.status_code < 500:
                ledger.refuse(batch)


class OneByOne(Integration):
    """A telephone system that posts each fact as it happens."""

    weight = 9
    wait_time = constant_throughput(25)

    @task
    def post(self) -> None:
        """One fact."""
        self.send("one fact", "application/json", 1)


class InBatches(Integration):
    """A log shipper that collects facts and posts them as NDJSON."""

    weight = 1
    wait_time = constant_throughput(2)

    @task
    def post(self) -> None:
        """Two hundred facts."""
        self.send("200 facts as NDJSON", "application/x-ndjson", 200)


class Shape(LoadTestShape):
    """The shape that --shape names."""

    def tick(self) -> tuple[int, float] | None:
        """How many users there should be now, and how fast to get there."""
        options = self.runner.environment.parsed_options
        passed = self.get_run_time() / options.seconds
        return (SHAPES[options.shape](passed, options.peak), options.peak) if passed < 1 else None


@events.quitting.add_listener
def _check_what_was_accepted(environment: Environment, **_: Any) -> None:
    environment.process_exit_code = 1  # until it is known better: an error of this check is one of the run
    logging.getLogger("httpx").setLevel(logging.WARNING)
    console = Console(stderr=True)
    with httpx.Client(base_url=environment.host, headers=dict(Integration.headers), timeout=30) as client:

        def get(path: str, asked: Mapping[str, Any]) -> Any:
            answer = client.get(path, params=asked)
            answer.raise_for_status()
            return answer.json()

        wait_until_level(get)
        with Progress(console=console) as progress:
            task_ = progress.add_task("Looking for every fact", total=len(ledger.accepted.keys() | ledger.open.keys()))
            verdict = check(ledger, SOURCE, get, lambda: progress.advance(task_))
    for complaint in verdict.complaints[:SHOWN]:
        console.print(complaint, style="red")
    console.print(f"accepted {verdict.accepted:,}, stored {verdict.stored:,}, projected {verdict.projected:,}")
    if verdict.accepted == 0:
        console.print("Nothing was accepted: see the failures above.", style="red")
    elif verdict.complaints:
        console.print(f"FAILED: {len(verdict.complaints)} complaints.", style="red")
    # A refusal under load (503) is in the report as a failure, and is no loss: the sender knows.
    environment.process_exit_code = int(bool(verdict.complaints) or verdict.accepted == 0)
