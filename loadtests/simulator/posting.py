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
BATCH = 1000
PATIENCE_SECONDS = 300


@dataclass
class Outcome:
    """What became of the facts; `rejected` holds the verdicts of the API (pointer, id, code, detail)."""

    accepted: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)


def _ignore(_done: int) -> None:
    """Nobody watches."""


def post(
    facts: Sequence[Fact],
    url: str,
    token: str,
    rate: float | None = None,
    progress: Callable[[int], None] = _ignore,
) -> Outcome:
    """Post facts in order as NDJSON, up to 1 000 a request and, if given, `rate` a second; `progress` is told how many
    each request disposed of. Raises click.ClickException where the API refuses a request for good, or is away for more
    than five minutes.
    """
    outcome = Outcome()
    begun = time.monotonic()
    size = BATCH if rate is None else max(1, min(BATCH, int(rate / 4)))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
    with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        for start in range(0, len(facts), size):
            batch = facts[start : start + size]
            if rate is not None:
                time.sleep(max(0.0, begun + start / rate - time.monotonic()))
            answer = _post_until_answered(client, b"\n".join(map(orjson.dumps, batch)))
            outcome.accepted += answer.accepted
            outcome.rejected += answer.rejected
            progress(len(batch))
    return outcome


def _post_until_answered(client: httpx.Client, body: bytes) -> Outcome:
    """A request that was not acknowledged is repeated unchanged: whatever of it had arrived counts once."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            response = client.post(PATH, content=body)
        except httpx.TransportError as error:
            problem, pause = f"cannot be reached ({error})", 1.0
        else:
            if verdicts := _verdicts(response):
                return verdicts
            if response.status_code not in {httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.TOO_MANY_REQUESTS}:
                raise click.ClickException(f"{response.url} answered {response.status_code}: {response.text}")
            problem, pause = f"answers {response.status_code}", float(response.headers.get("Retry-After", 1))
        if time.monotonic() + pause > give_up:
            raise click.ClickException(
                f"{client.base_url} {problem} for {PATIENCE_SECONDS} s. See what runs (`make ps`), then play it again."
            )
        time.sleep(pause)


def _verdicts(response: httpx.Response) -> Outcome | None:
    """What an answer says of each fact, or None where it says nothing of them."""
    if response.status_code == httpx.codes.ACCEPTED:
        return Outcome(**response.json())
    if response.status_code == httpx.codes.BAD_REQUEST and "json" in response.headers.get("Content-Type", ""):
        errors = response.json().get("errors")
        return Outcome(0, errors) if errors else None
    return None
