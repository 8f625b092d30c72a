"""Posts facts to Plateau through its public API, as a careful integrator would."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import click
import httpx
import orjson

from loadtests.simulator.journal import Fact

PATH = "/v1/calls/events"
NDJSON = {"Content-Type": "application/x-ndjson"}
BATCH = 1000
PATIENCE_SECONDS = 300
PASSING = {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT}


@dataclass
class Outcome:
    """What became of the facts; `rejected` holds the verdicts of the API (pointer, id, code, detail)."""

    accepted: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)


def _ignore(*_: int) -> None:
    """Nobody watches."""


def post(
    facts: Sequence[Fact],
    url: str,
    token: str,
    rate: float | None = None,
    progress: Callable[[int], None] = _ignore,
) -> Outcome:
    """Post facts in order as NDJSON, up to 1 000 a request and, if given, `rate` a second; `progress` is told how many
    each request disposed of. Raises as `post_body` does.
    """
    outcome = Outcome()
    begun = time.monotonic()
    size = BATCH if rate is None else max(1, min(BATCH, int(rate / 4)))
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        for start in range(0, len(facts), size):
            batch = facts[start : start + size]
            if rate is not None:
                time.sleep(max(0.0, begun + start / rate - time.monotonic()))
            answer = post_body(client, batch)
            outcome.accepted += answer.accepted
            outcome.rejected += answer.rejected
            progress(len(batch))
    return outcome


def post_body(client: httpx.Client, facts: Sequence[Fact], again: Callable[[], None] = _ignore) -> Outcome:
    """Post facts as one body of NDJSON, repeated unchanged until it is acknowledged: what had arrived counts once.

    Raises click.ClickException where the API refuses it for good, or is away for more than five minutes.
    """
    body = b"\n".join(map(orjson.dumps, facts))
    response = until_answered(lambda: client.post(PATH, content=body, headers=NDJSON), again)
    if response.status_code == httpx.codes.ACCEPTED:
        return Outcome(**response.json())
    if response.status_code == httpx.codes.BAD_REQUEST and "json" in response.headers.get("Content-Type", ""):
        errors = response.json().get("errors")
        if errors:
            return Outcome(0, errors)
    raise click.ClickException(f"{response.url} answered {response.status_code}: {response.text}")


def until_answered(ask: Callable[[], httpx.Response], again: Callable[[], None] = _ignore) -> httpx.Response:
    """The answer of a request that is repeated, `again` called before, where there is none or a reason that passes.

    Raises click.ClickException after five minutes.
    """
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            response = ask()
        except httpx.TransportError as error:
            problem, pause = f"The API cannot be reached ({error})", 1.0
        else:
            if not _passes(response):
                return response
            problem = f"{response.url} answers {response.status_code}"
            pause = float(response.headers.get("Retry-After", 1))
        if time.monotonic() + pause > give_up:
            raise click.ClickException(
                f"{problem} for {PATIENCE_SECONDS} s. See what runs (`make ps`), then try again."
            )
        time.sleep(pause)
        again()


def _passes(response: httpx.Response) -> bool:
    """Whether a refusal is for now only: the first of two equal requests may still be under way (409)."""
    conflict = response.status_code == httpx.codes.CONFLICT and "Retry-After" in response.headers
    return response.status_code in PASSING or conflict
