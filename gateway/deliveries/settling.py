"""Notes what came of attempts: all that are made while the ones before are noted, in one transaction.

A commit and its trips to the database cost more than most deliveries. An attempt whose outcome waits here is in hand
still, so that what a killed process repeats is bounded by what a sender has in hand at a time.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import psycopg
import structlog
from psycopg_pool import AsyncConnectionPool

from gateway.deliveries import queue
from gateway.deliveries.channel import (
    Attempt,
    Channel,
    Database,
    Delivered,
    Delivery,
    Gone,
    Outcome,
    Refused,
    Retry,
    Target,
)
from gateway.deliveries.queue import Settlement

log = structlog.get_logger(__name__)

JITTER = 0.1  # of a delay, up or down
LONGEST_AFTER = 86_400.0  # seconds that a target may ask us to wait
GATHER_SECONDS = 0.005  # in which others may end that are noted together
LONGEST_LIFE = 5 * 86_400.0  # seconds after which what was only ever put off is dead

Waiting = tuple[Attempt, "asyncio.Future[Settlement | None]"]


def settlement(channel: Channel, delivery: Delivery, outcome: Outcome, now: datetime, chance: float) -> Settlement:
    """What an outcome makes of a delivery; `chance` (0 to 1) spreads what would come at once."""
    if isinstance(outcome, Delivered):
        return Settlement("delivered", delivery.tries)
    if delivery.urgent or not isinstance(outcome, Retry):
        return Settlement("dead", delivery.tries)
    asked = min(outcome.after or 0.0, LONGEST_AFTER)
    spread = 1 + JITTER * (2 * chance - 1)
    if outcome.throttled:
        outlived = (now - delivery.begun_at).total_seconds() > LONGEST_LIFE
        least = asked or channel.delays[min(1, len(channel.delays) - 1)]
        return Settlement("dead" if outlived else "due", delivery.tries, least * (1 + JITTER * chance))
    tries = delivery.tries + 1
    if tries >= len(channel.delays):
        return Settlement("dead", tries)
    return Settlement("due", tries, max(asked, channel.delays[tries] * spread))


class Settling:
    """Settles the deliveries of these channels, one transaction at a time."""

    def __init__(self, pool: AsyncConnectionPool, channels: Mapping[str, Channel]) -> None:
        self._pool, self._channels = pool, channels
        self._waiting: list[Waiting] = []
        self._noting: asyncio.Task[None] | None = None

    async def note(self, attempt: Attempt) -> Settlement | None:
        """What an attempt makes of its delivery, once that is committed; None where another sender has taken it since.

        Raises:
            psycopg.OperationalError: the database is away, and nothing was noted.
        """
        noted: asyncio.Future[Settlement | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((attempt, noted))
        if self._noting is None or self._noting.done():
            self._noting = asyncio.create_task(self._note_waiting(), name="settling")
        return await noted

    async def _note_waiting(self) -> None:
        while self._waiting:
            await asyncio.sleep(GATHER_SECONDS)
            together, self._waiting = self._waiting, []
            await self._try(together)

    async def _try(self, together: Sequence[Waiting]) -> None:
        try:
            await self._note(together)
        except psycopg.OperationalError as error:
            _fail(together, error)
        except Exception as error:  # noqa: BLE001 - told to whoever waits
            if len(together) == 1:
                _fail(together, error)
            else:  # what one of them is the cause of must not be that of the others
                for each in together:
                    await self._try([each])

    async def _note(self, together: Sequence[Waiting]) -> None:
        now = datetime.now(UTC)
        made = [(attempt, self._settlement(attempt, now)) for attempt, _ in together]
        async with self._pool.connection() as db:
            known = await queue.settle(db, made)
            settled = [each for each in made if each[0].delivery.id in known]
            await queue.record(db, [attempt for attempt, _ in settled])
            await self._tell_targets(db, settled)
        for (attempt, noted), (_, its) in zip(together, made, strict=True):
            if not noted.cancelled():
                noted.set_result(its if attempt.delivery.id in known else None)

    def _settlement(self, attempt: Attempt, now: datetime) -> Settlement:
        channel, chance = self._channels[attempt.delivery.channel], random.random()  # noqa: S311 - spreads load
        return settlement(channel, attempt.delivery, attempt.outcome, now, chance)

    async def _tell_targets(self, db: Database, settled: Sequence[tuple[Attempt, Settlement]]) -> None:
        """Has each target know how it fared, in the order of the attempts."""
        well: set[Target] = set()
        for attempt, made in settled:
            delivery, outcome = attempt.delivery, attempt.outcome
            failing_since = None
            if isinstance(outcome, Delivered):
                well.add(delivery.target)
            elif not isinstance(outcome, Refused) and not delivery.urgent:
                if delivery.target in well:
                    await queue.fared_well(db, well)
                    well.clear()
                hold = made.again if isinstance(outcome, Retry) and outcome.throttled else None
                unreachable = isinstance(outcome, Gone) or (isinstance(outcome, Retry) and outcome.unreachable)
                failing_since = await queue.fared_badly(db, delivery.target, hold=hold, unreachable=unreachable)
            await self._channels[delivery.channel].settled(db, delivery, outcome, failing_since)
        await queue.fared_well(db, well)


def _fail(together: Sequence[Waiting], error: Exception) -> None:
    for _, noted in together:
        if not noted.cancelled():
            noted.set_exception(error)
