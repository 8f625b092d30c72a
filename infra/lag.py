"""`plateau lag`: how far everything is behind, and what holds it back."""

import os
from importlib import import_module
from typing import Any

import click
import orjson
import psycopg
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from infra.addresses import SERVICES, addresses
from infra.dead_letters import broker
from services.kernel import logs
from services.kernel.database import connect
from services.kernel.event_queues import between
from services.kernel.ingest_queues import IngestQueues, dead
from services.kernel.progress import progress
from services.kernel.queue_depths import depths
from services.kernel.values import Unavailable

Lag = dict[str, Any]


@click.command()
@addresses("database", "as the role that only works", SERVICES)
@broker
@click.option("--json", "as_json", is_flag=True, help="As JSON instead of tables.")
def lag(amqp_url: str, *, as_json: bool, **urls: str) -> None:
    """Show the lag of each read model and relay, how many messages wait in each queue, and who holds readers back.

    Databases and broker are asked themselves; of what cannot be reached it says so, and ends with 1.
    """
    logs.configure("error")
    services, queues, faults = dict[str, Lag](), dict[str, int](), list[str]()
    for service in SERVICES:
        try:
            services[service] = _progress(service, urls[f"{service}_database_url"])
        except psycopg.OperationalError as error:
            faults.append(f"The database of {service} cannot be used: {error}")
    try:
        queues = depths(amqp_url, _queues())
    except Unavailable as error:
        faults.append(str(error))
    if as_json:
        click.echo(orjson.dumps({"services": services, "queues": queues}, option=orjson.OPT_INDENT_2))
    else:
        _print(services, queues)
    if faults:
        raise click.ClickException("\n".join(faults))


def _progress(service: str, url: str) -> Lag:
    api = import_module(f"services.{service}.api").api
    read_models = import_module(f"services.{service}.projections").read_models()
    with connect(url, "plateau lag") as connection, connection.cursor() as db:
        return progress(db, api, read_models)


def _queues() -> list[str]:
    ingest = [queue for name in IngestQueues.of("calls", os.environ).names for queue in (name, dead(name))]
    return ingest + [queue for each in between(SERVICES) for queue in (each.name, each.delayed, each.dead)]


def _print(services: dict[str, Lag], queues: dict[str, int]) -> None:
    console = Console()
    table = Table("what follows the events", box=SIMPLE_HEAD)
    table.add_column("events behind", justify="right")
    for service, state in services.items():
        for name, behind in (*sorted(state["lags"].items()), (f"relay of {service}", state["relay"])):
            table.add_row(name, str(behind))
    console.print(table)
    table = Table("queue", box=SIMPLE_HEAD)
    table.add_column("messages waiting", justify="right")
    for name, count in queues.items():
        table.add_row(name, str(count))
    console.print(table)
    # One process holds back all services whose databases are in the same cluster.
    waited_for = [state["held_back_by"] for state in services.values() if state["held_back_by"]]
    for who in {(each["database"], each["pid"]): each for each in waited_for}.values():
        process = f"process {who['pid']} ({who['application']}, database {who['database']})"
        text = f"Readers wait for the write transaction of {process}, open for {who['seconds']:.0f} s."
        console.print(text, markup=False)
