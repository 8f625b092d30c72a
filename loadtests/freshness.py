"""How long a posted fact takes to be in a report, while facts keep coming at a steady rate.

The load is open: each fact is posted when its turn has come, however slow the answers are. All calls go to one queue,
whose report is asked for again and again; the k-th visit that it counts is that of the k-th `call.queued` posted. Each
fact's age runs from the moment at which it was due to the end of the first answer that counts it.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit

import click
import httpx
import orjson

from loadtests.fresh_calls import FreshCalls
from loadtests.simulator.journal import Fact
from loadtests.simulator.posting import PATH

CONNECTIONS = 32
TICK = 0.005
PATIENCE_SECONDS = 300
WINDOW = {"from": "2026-11-19T00:00:00Z", "to": "2026-11-22T00:00:00Z", "interval": "total"}


@dataclass
class Freshness:
    """Ages in seconds of every fact that began a visit; the rate at which facts were posted in fact, per second."""

    ages: list[float] = field(default_factory=list)
    rate: float = 0.0

    def percentile(self, percent: int) -> float:
        """The age in milliseconds below which `percent` of the facts are."""
        return quantiles(self.ages, n=100, method="inclusive")[percent - 1] * 1000


class Poster(asyncio.Protocol):
    """One kept-alive connection: requests in, how many were acknowledged out."""

    def __init__(self) -> None:
        self.waiting = self.accepted = 0
        self.refusal: str | None = None
        self.transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self.transport = transport  # type: ignore[assignment]

    def post(self, request: bytes) -> None:
        """Send a request; several may be under way."""
        self.waiting += 1
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """An answer's head and body come in one piece: the gateway writes them so."""
        answers = data.count(b"HTTP/1.1 ")
        accepted = data.count(b"HTTP/1.1 202")
        self.waiting -= answers
        self.accepted += accepted
        if accepted < answers:
            self.refusal = data[:300].decode(errors="replace")


def queued_calls(queue: str) -> Iterator[Fact]:
    """Facts of calls of which each `call.queued` is one visit to `queue`: none leaves it but for an agent or by hanging
    up.
    """
    calls = FreshCalls(queue)
    facts = calls.take(40_000)  # two mornings; more than is known of any call's other facts
    while True:
        leaving = {fact["call_id"] for fact in facts if fact["type"] == "call.queue_left"}
        for fact in facts:
            if fact["call_id"] not in leaving:
                yield fact | {"queue": queue} if "queue" in fact else fact
        facts = calls.take(40_000)


async def measure(url: str, token: str, rate: int, seconds: int) -> Freshness:
    """Post `rate` facts a second for so many seconds, and watch the report.

    Raises a `click.ClickException` where a fact was refused, or is not in the report five minutes after the last.
    """
    queue = f"freshness-{secrets.token_hex(4)}"
    facts = [fact for fact, _ in zip(queued_calls(queue), range(rate * seconds), strict=False)]
    due: list[float] = []
    freshness = Freshness()
    headers = {"Authorization": f"Bearer {token}"}
    async with _posters(url) as posters, httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
        watching = asyncio.create_task(_watch(client, queue, due, _visits(facts), freshness))
        begun = time.perf_counter()
        await _post(posters, _requests(url, token, facts), facts, rate, due)
        freshness.rate = len(facts) / (time.perf_counter() - begun)
        try:
            await asyncio.wait_for(watching, PATIENCE_SECONDS)
        except TimeoutError:
            seen = f"{len(freshness.ages)} of {len(due)} visits are in the report"
            raise click.ClickException(f"Only {seen} {PATIENCE_SECONDS} s after the last fact.") from None
        if refusal := next((poster.refusal for poster in posters if poster.refusal), None):
            raise click.ClickException(f"A fact was refused: {refusal}")
    return freshness


@asynccontextmanager
async def _posters(url: str) -> AsyncIterator[list[Poster]]:
    loop, parts = asyncio.get_running_loop(), urlsplit(url)
    opened = [await loop.create_connection(Poster, parts.hostname, parts.port) for _ in range(CONNECTIONS)]
    try:
        yield [poster for _, poster in opened]
    finally:
        for transport, _ in opened:
            transport.close()


async def _post(
    posters: Sequence[Poster], requests: Sequence[bytes], facts: Sequence[Fact], rate: int, due: list[float]
) -> None:
    begun = time.perf_counter()
    sent = 0
    while sent < len(requests):
        now = time.perf_counter()
        while sent < len(requests) and begun + sent / rate <= now:
            if facts[sent]["type"] == "call.queued":
                due.append(begun + sent / rate)
            min(posters, key=lambda poster: poster.waiting).post(requests[sent])
            sent += 1
        await asyncio.sleep(TICK)


async def _watch(
    client: httpx.AsyncClient, queue: str, due: Sequence[float], visits: int, freshness: Freshness
) -> None:
    while len(freshness.ages) < visits:
        answer = await client.get("/v1/reports/service-level", params={**WINDOW, "queue": queue})
        answer.raise_for_status()
        seen = time.perf_counter()
        (row,) = answer.json()["items"]
        freshness.ages += [seen - moment for moment in due[len(freshness.ages) : row["offered"]]]


def _visits(facts: Sequence[Fact]) -> int:
    return sum(fact["type"] == "call.queued" for fact in facts)


def _requests(url: str, token: str, facts: Sequence[Fact]) -> list[bytes]:
    head = f"POST {PATH} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nAuthorization: Bearer {token}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: "

    def request(fact: dict[str, Any]) -> bytes:
        body = orjson.dumps(fact)
        return f"{head}{len(body)}\r\n\r\n".encode() + body

    return [request(fact) for fact in facts]
