"""`plateau events`: the public events of all services, one a line.

They are read over HTTP: what an operator sees is then what an integrator gets, with one key instead of the address of
every database, from any machine.
"""

import time
from collections.abc import Iterator
from typing import Any

import click
import httpx
import orjson

from services.kernel.backoff import pauses

WAIT_SECONDS = 25
AT_ONCE = 500
AWAY = (502, 503, 504)


@click.group()
def events() -> None:
    """Read the public events of all services."""


@events.command()
@click.option("--url", required=True, envvar="PLATEAU_URL", show_envvar=True, help="Address of Plateau.")
@click.option("--token", required=True, envvar="PLATEAU_TOKEN", show_envvar=True, help="API key with events:read.")
@click.option("--types", help="Only these, with commas between them: plateau.calls.call_completed")
@click.option(
    "--after", help="Where an earlier reading ended, or `latest`: only new ones. Default: from the beginning."
)
@click.option("--follow", is_flag=True, help="Wait for more at the end, until interrupted.")
def tail(url: str, token: str, types: str | None, after: str | None, *, follow: bool) -> None:
    """Print events as JSON, one a line, those of each service in their order; at the end, where to read on."""
    asked = {"types": types, "after": after, "limit": AT_ONCE, "wait": WAIT_SECONDS if follow else 0}
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=WAIT_SECONDS + 10) as http:
        try:
            for page in _pages(http, {name: value for name, value in asked.items() if value is not None}, follow):
                after = page["next"]
                for event in page["items"]:
                    click.echo(orjson.dumps(event))
        finally:
            if after:
                click.echo(f"Read on with --after {after}", err=True)


class Away(click.ClickException):
    """Plateau cannot answer now."""


def _pages(http: httpx.Client, asked: dict[str, Any], follow: bool) -> Iterator[dict[str, Any]]:
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
