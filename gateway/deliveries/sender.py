"""Sends what is due, each delivery under a lease, and notes what came of it."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

import psycopg
import structlog
from psycopg_pool import AsyncConnectionPool

from gateway.deliveries import metrics, queue
from gateway.deliveries.channel import Attempt, Channel, Delivery, Outcome, Retry, Target
from gateway.deliveries.settling import GATHER_SECONDS, Settling
from services.kernel.backoff import pauses

log = structlog.get_logger(__name__)

AT_A_TIME = 128  # deliveries in one process
POLL_SECONDS = 1.0
LEASE_MARGIN = 5.0  # seconds beyond the longest send in which its outcome can be noted


class Sender:
    """Takes what is due and sends it, many at a time, few to each target; any number of processes may do so at once."""

    def __init__(self, pool: AsyncConnectionPool, channels: Sequence[Channel]) -> None:
        self._pool = pool
        self._channels = {channel.name: channel for channel in channels}
        self._leases = {channel.name: channel.seconds + LEASE_MARGIN for channel in channels}
        self._settling = Settling(pool, self._channels)
        self._busy: Counter[Target] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """Has it look at once."""
        self._wake.set()

    def stop(self) -> None:
        """Has it take nothing more, and end once what is under way is finished."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Sends until it is told to stop."""
        waits = pauses()
        while not self._stopping:
            if self._tasks:  # lanes that come free in the same moment are filled together
                await asyncio.sleep(GATHER_SECONDS)
            self._wake.clear()
            try:
                await self._start_due()
                waits = pauses()
                pause = POLL_SECONDS
            except psycopg.OperationalError as error:
                pause = next(waits)
                log.warning("deliveries.sender_waits", reason=str(error), retry_in=round(pause, 2))
            if not self._stopping:
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _start_due(self) -> None:
        room = AT_A_TIME - len(self._tasks)
        if room <= 0:
            return
        async with self._pool.connection() as db:
            taken = await queue.take(db, list(self._channels.values()), +self._busy, room, self._leases)
        for delivery in taken:
            self._busy[delivery.target] += 1
            task = asyncio.create_task(self._deliver(delivery), name=f"delivery {delivery.id}")
            self._tasks.add(task)
            task.add_done_callback(partial(self._finished, delivery.target))

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
        attempt = Attempt(delivery, outcome, began_at, loop.time() - began)
        metrics.ATTEMPTS.labels(channel.name, attempt.kind).inc()
        metrics.SECONDS.labels(channel.name).observe(attempt.seconds)
        log.debug("delivery.attempted", channel=channel.name, delivery=str(delivery.id), outcome=attempt.kind,
                  attempt=delivery.attempt, status=outcome.status, reason=outcome.reason)  # fmt: skip
        # The lease was made for this: until it runs out nobody else sends the delivery.
        for pause in pauses():
            try:
                settled = await self._settling.note(attempt)
            except psycopg.OperationalError as error:
                if loop.time() - began > self._leases[channel.name]:
                    raise
                log.warning("delivery.outcome_not_noted", delivery=str(delivery.id), reason=str(error))
                await asyncio.sleep(pause)
            else:
                break
        if settled is None:
            log.warning("delivery.overtaken", delivery=str(delivery.id), attempt=delivery.attempt)
        elif settled.status != "due":
            metrics.FINISHED.labels(channel.name, settled.status).inc()

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
