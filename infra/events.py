"""`plateau events`: the public events of all services, one a line.

They are read over HTTP: what an operator sees is then what an integrator gets, with one key instead of the address of
every database, from any machine.
"""

import time
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import click
import httpx
import orjson
import pika
from pika.exceptions import AMQPError, UnroutableError

from infra.addresses import SERVICES, address
from services.kernel.backoff import pauses
from services.kernel.cloud_events import BODIES
from services.kernel.event_queues import EventQueues
from services.kernel.inbox import types_from

WAIT_SECONDS = 25
AT_ONCE = 500
AWAY = (502, 503, 504)
LASTING = pika.BasicProperties(content_type=BODIES, delivery_mode=2)


plateau = click.option("--url", required=True, envvar="PLATEAU_URL", show_envvar=True, help="Address of Plateau.")
key = click.option("--token", required=True, envvar="PLATEAU_TOKEN", show_envvar=True, help="API key with events:read.")
service = click.Choice(SERVICES)


@click.group()
def events() -> None:
    """Read the public events of all services, and tell one of them what it has missed."""


@events.command()
@plateau
@key
@click.option("--types", help="Only these, with commas between them: plateau.calls.call_completed")
@click.option(
    "--after", help="Where an earlier reading ended, or `latest`: only new ones. Default: from the beginning."
)
@click.option("--follow", is_flag=True, help="Wait for more at the end, until interrupted.")
def tail(url: str, token: str, types: str | None, after: str | None, *, follow: bool) -> None:
    """Print events as JSON, one a line, those of each service in their order; at the end, where to read on."""
    given = {"types": types, "after": after, "limit": AT_ONCE, "wait": WAIT_SECONDS if follow else 0}
    asked = {name: value for name, value in given.items() if value is not None}
    with _reader(url, token) as http:
        try:
            for page in _pages(http, asked, follow=follow):
                after = page["next"]
                for event in page["items"]:
                    click.echo(orjson.dumps(event))
        finally:
            if after:
                click.echo(f"Read on with --after {after}", err=True)


@events.command()
@plateau
@key
@address("amqp", "RabbitMQ, with the virtual host.")
@click.argument("source", type=service)
@click.argument("consumer", type=service)
def retell(url: str, token: str, amqp_url: str, source: str, consumer: str) -> None:
    """Tell CONSUMER all that SOURCE has told since the beginning: for one that has listened since later only.

    What it has heard before changes nothing. Interrupted, nothing is lost: run it again.
    """
    kinds = types_from(source, import_module(f"services.{consumer}.parts").REACTIONS)
    if not kinds:
        raise click.UsageError(f"{consumer} reacts to nothing that {source} tells.")
    asked = {"types": ",".join(f"plateau.{source}.{kind}" for kind in kinds), "limit": AT_ONCE}
    queue = EventQueues(consumer, source, kinds).name
    told = 0
    try:
        with _reader(url, token) as http, pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            for page in _pages(http, asked, follow=False):
                for event in page["items"]:
                    channel.basic_publish("", queue, orjson.dumps(event), LASTING, mandatory=True)
                told += len(page["items"])
    except UnroutableError as error:
        raise click.ClickException(f"There is no queue {queue}: start {consumer} first.") from error
    except AMQPError as error:
        raise click.ClickException(f"The broker failed after {told} events: run it again. {error!r}") from error
    click.echo(f"Told {consumer} {told} events of {source}.")


def _reader(url: str, token: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=WAIT_SECONDS + 10)


class Away(click.ClickException):
    """Plateau cannot answer now."""


def _pages(http: httpx.Client, asked: dict[str, Any], *, follow: bool) -> Iterator[dict[str, Any]]:
    """Pages until the end, or for ever; who follows waits for a Plateau that is away."""
    waits = pauses()
    while True:
        try:
            page = _page(http, asked)
        except Away as reason:
            if not follow:
                raise
            click.echo(f"Waiting for Plateau: {reason.message}", err=True)
            time.sleep(next(waits))
            continue
        waits = pauses()
        yield page
        if not page["items"] and not follow:
            return
        asked = asked | {"after": page["next"]}


def _page(http: httpx.Client, asked: dict[str, Any]) -> dict[str, Any]:
    try:
        answer = http.get("/v1/events", params=asked)
    except httpx.TransportError as error:
        raise Away(str(error)) from error
    if answer.status_code != 200:
        raise (Away if answer.status_code in AWAY else click.ClickException)(answer.text)
    return dict(answer.json())
