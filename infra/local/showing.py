"""What `make run` shows once everything runs: a simulated morning, and the service level of its queues."""

import os
import subprocess
from datetime import UTC, datetime, timedelta

import click
import httpx
from rich.console import Console
from rich.table import Table

from infra.local import environment_file
from infra.local.stack import PLATEAU, Stack
from infra.local.supervisor import ROOT
from infra.local.waiting import wait_until

COUNTS = ("offered", "answered", "abandoned", "overflowed")
FIGURES = ("service_level", "answer_rate", "asa_seconds", "aht_seconds")


def show(stack: Stack) -> None:
    """Play the morning through the public API, wait until it is in the reports, print them and where to go next."""
    token = _token(stack)
    _plateau(stack, "simulate", "--morning", "--url", stack.url, "--token", token)
    client = httpx.Client(base_url=stack.url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
    with client:
        wait_until(
            lambda: _is_level(client), "The projection", stack.servers.supervisor.logs / "calls-projections.log", 300
        )
        _print_service_level(client)
    click.echo(f"Plateau runs. Its API: {stack.url}/docs")
    click.echo(f"Token: {token}  (also in {stack.home / 'env'}; `make ps` lists the processes, `make down` stops them)")


def _token(stack: Stack) -> str:
    path = stack.home / "env"
    token = environment_file.read(path).get("PLATEAU_TOKEN")
    if token is None:
        token = _plateau(
            stack, "keys", "create", "--name", "development", "--all-scopes", "--unlimited", captured=True
        ).strip()
    environment_file.write(path, {"PLATEAU_URL": stack.url, "PLATEAU_TOKEN": token})
    return token


def _plateau(stack: Stack, *arguments: str, captured: bool = False) -> str:
    done = subprocess.run(  # noqa: S603
        [*PLATEAU, *arguments],
        env=os.environ | stack.settings(),
        cwd=ROOT,
        stdout=subprocess.PIPE if captured else None,
        text=True,
        check=False,
    )
    if done.returncode:
        raise click.ClickException(f"`plateau {arguments[0]}` failed, see above.")
    return done.stdout if captured else ""


def _is_level(client: httpx.Client) -> bool:
    """Whether every fact accepted so far is in the reports."""
    state = client.get("/health/ready").json()
    return state.get("ingest_backlog") == 0 and not any(state["lag"].values())


def _print_service_level(client: httpx.Client) -> None:
    now = datetime.now(UTC)
    # The last full morning began at most a day and a half ago.
    window = {"from": (now - timedelta(days=2)).isoformat(), "to": now.isoformat(), "interval": "total"}
    answer = client.get("/v1/reports/service-level", params=window)
    answer.raise_for_status()
    table = Table("queue", *COUNTS, *FIGURES, title="Service level of the last two days")
    for row in answer.json()["items"]:
        table.add_row(row["queue"], *(_shown(row[column]) for column in (*COUNTS, *FIGURES)))
    Console().print(table)


def _shown(figure: float | None) -> str:
    return "-" if figure is None else str(figure)
