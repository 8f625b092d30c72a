"""Sends what is due, each delivery under a lease, and notes what came of it."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

import psycopg
import structlog
from psycopg_pool import AsyncConnectionPool

from gateway.deliveries import metrics, queue
from gateway.deliveries.channel import Channel, Delivered, Delivery, Gone, Outcome, Refused, Retry
from gateway.deliveries.queue import Settlement, Target
from services.kernel.backoff import pauses

log = structlog.get_logger(__name__)

AT_A_TIME = 128  # deliveries in one process
POLL_SECONDS = 1.0
LEASE_MARGIN = 5.0  # seconds beyond the longest send in which its outcome can be noted
JITTER = 0.1  # of a delay, up or down
LONGEST_AFTER = 86_400.0  # seconds that a target may ask us to wait
LONGEST_LIFE = 5 * 86_400.0  # seconds after which what was only ever put off is dead


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


class Sender:
    """Takes what is due and sends it, many at a time, few to each target; any number of processes may do so at once."""

    def __init__(self, pool: AsyncConnectionPool, channels: Sequence[Channel]) -> None:
        self._pool = pool
        self._channels = {channel.name: channel for channel in channels}
        self._leases = {channel.name: channel.seconds + LEASE_MARGIN for channel in channels}
        self._busy: Counter[Target] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Has it look at once."""
        self._wake.set()

    async def run(self) -> None:
        """Sends for ever; when it is cancelled, what is under way is finished first."""
        waits = pauses()
        try:
            while True:
                self._wake.clear()
                try:
                    await self._start_due()
                    waits = pauses()
                except psycopg.OperationalError as error:
                    pause = next(waits)
                    log.warning("deliveries.sender_waits", reason=str(error), retry_in=round(pause, 2))
                    await asyncio.sleep(pause)
                    continue
                try:
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            if self._tasks:
                await asyncio.wait(self._tasks)

    async def _start_due(self) -> None:
        room = AT_A_TIME - len(self._tasks)
        if room <= 0:
            return
        async with self._pool.connection() as db:
            taken = await queue.take(db, list(self._channels.values()), +self._busy, room, self._leases)
        for delivery in taken:
            target = (delivery.channel, delivery.target_id)
            self._busy[target] += 1
            task = asyncio.create_task(self._deliver(delivery), name=f"delivery {delivery.id}")
            self._tasks.add(task)
            task.add_done_callback(partial(self._finished, target))

    def _finished(self, target: Target, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._busy[target] -= 1
        if not self._busy[target]:
            del self._busy[target]
        self._wake.set()
        if error := task.exception():
            log.error("deliveries.not_settled", task=task.get_name(), exc_info=error)  # its lease runs out

    async def _deliver(self, delivery: Delivery) -> None:
        channel = self._channels[delivery.channel]
        loop = asyncio.get_running_loop()
        began_at, began = datetime.now(UTC), loop.time()
        outcome = await self._sent(channel, delivery)
        seconds = loop.time() - began
        kind = type(outcome).__name__.lower()
        metrics.ATTEMPTS.labels(channel.name, kind).inc()
        metrics.SECONDS.labels(channel.name).observe(seconds)
        log.debug("delivery.attempted", channel=channel.name, delivery=str(delivery.id), outcome=kind,
                  attempt=delivery.attempt, status=outcome.status, reason=outcome.reason)  # fmt: skip
        # The lease was made for this: until it runs out nobody else sends the delivery.
        for pause in pauses():
            try:
                await self._note(channel, delivery, outcome, began_at, seconds)
            except psycopg.OperationalError as error:
                if loop.time() - began > self._leases[channel.name]:
                    raise
                log.warning("delivery.outcome_not_noted", delivery=str(delivery.id), reason=str(error))
                await asyncio.sleep(pause)
            else:
                break

    async def _sent(self, channel: Channel, delivery: Delivery) -> Outcome:
        try:
            async with asyncio.timeout(channel.seconds):
                return await channel.send(delivery)
        except TimeoutError:
            return Retry(reason=f"no end within {channel.seconds:g} s", unreachable=True)
        except Exception as error:
            # Whatever a channel did not foresee must not end the others, and is tried again like any failure.
            log.exception("delivery.failed", channel=channel.name, delivery=str(delivery.id))
            return Retry(reason=f"an error of ours: {type(error).__name__}")

    async def _note(
        self, channel: Channel, delivery: Delivery, outcome: Outcome, began_at: datetime, seconds: float
    ) -> None:
        target = (delivery.channel, delivery.target_id)
        made = settlement(channel, delivery, outcome, datetime.now(UTC), random.random())  # noqa: S311 - spreads load
        async with self._pool.connection() as db:
            if not await queue.settle(db, delivery, outcome, made):
                log.warning("delivery.overtaken", delivery=str(delivery.id), attempt=delivery.attempt)
                return
            await queue.record(db, delivery, outcome, began_at, seconds)
            failing_since = None
            if isinstance(outcome, Delivered):
                await queue.fared_well(db, target)
            elif not isinstance(outcome, Refused) and not delivery.urgent:
                hold = made.again if isinstance(outcome, Retry) and outcome.throttled else None
                unreachable = isinstance(outcome, Gone) or (isinstance(outcome, Retry) and outcome.unreachable)
                failing_since = await queue.fared_badly(db, target, hold=hold, unreachable=unreachable)
            await channel.settled(db, delivery, outcome, failing_since)
        if made.status != "due":
            metrics.FINISHED.labels(channel.name, made.status).inc()
