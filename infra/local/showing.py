"""What `make run` shows once everything runs: a simulated morning, and the service level of its queues."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import click
import httpx
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table

from infra.local import environment_file
from infra.local.stack import Stack
from infra.local.waiting import wait_until
from loadtests.simulator.command import MORNING, last_morning
from loadtests.simulator.plan import Plan

# Field of the report, heading, and how the figure is shown; headings break at their spaces.
COLUMNS = (
    ("offered", "offered", "{}"),
    ("answered", "answered", "{}"),
    ("abandoned", "abandoned", "{}"),
    ("service_level", "service level", "{:.1%}"),
    ("answer_rate", "answer rate", "{:.1%}"),
    ("asa_seconds", "ASA", "{:.1f} s"),
    ("aht_seconds", "AHT", "{:.0f} s"),
)


def show(stack: Stack) -> None:
    """Play the last morning through the public API, wait until it is in the reports, print them and where to go next.

    Leaves the address and an administrator's token in the file `env` of the stack's folder.
    """
    kept = environment_file.read(stack.home / "env")
    token = kept.get("PLATEAU_TOKEN") or stack.new_key()
    access = {"PLATEAU_URL": stack.url, "PLATEAU_TOKEN": token}
    environment_file.write(stack.home / "env", access)
    stack.plateau("simulate", "--morning", shown=True, **access)
    log = stack.servers.supervisor.logs / "calls-projections.log"
    wait_until(stack.is_level, "The projection of what was played", log, 300)
    _print_service_level(access)
    click.echo(f"Plateau runs. Its API: {stack.url}/docs")
    click.echo(f"Token: {token}  (also in {stack.home / 'env'}; `make ps` lists the processes, `make down` stops them)")


def _print_service_level(access: Mapping[str, str]) -> None:
    zone, day = ZoneInfo(Plan.timezone), last_morning(datetime.now(UTC))
    begin, end = (datetime.combine(day, time(hour), zone) for hour in MORNING)
    window = {"from": begin.astimezone(UTC).isoformat(), "to": end.astimezone(UTC).isoformat(), "interval": "total"}
    headers = {"Authorization": f"Bearer {access['PLATEAU_TOKEN']}"}
    report = f"{access['PLATEAU_URL']}/v1/reports/service-level"
    answer = httpx.get(report, params=window, headers=headers, timeout=30)
    answer.raise_for_status()
    title = f"Service level, {begin:%A %d %B %Y, %H:%M} to {end:%H:%M %Z}"
    table = Table(Column("queue", no_wrap=True), box=SIMPLE_HEAD, padding=(0, 1, 0, 0), title=title)
    for _, heading, _ in COLUMNS:
        table.add_column(heading, justify="right")
    for row in answer.json()["items"]:
        figures = ((row[field], form) for field, _, form in COLUMNS)
        table.add_row(row["queue"], *("-" if figure is None else form.format(figure) for figure, form in figures))
    Console().print(table)
