"""The batch entrypoint: facts from ingest queues, many at a time, into one worker; acknowledged once it has committed.

class CallsIngest:
    name = "calls_ingest"

    @batches(IngestQueues.of("calls", os.environ))
    def ingest(self, batch: Batch) -> None: ...
"""

from collections.abc import Callable
from typing import Any

from nameko.extensions import Entrypoint

from services.kernel.ingest_queues import IngestQueues
from services.kernel.messaging.consumer import Consumer
from services.kernel.messaging.messages import Batch, Limits

__all__ = ["Batch", "Batches", "Limits", "batches"]


class Batches(Entrypoint):  # type: ignore[misc]  # nameko has no types
    """Calls the service method with a `Batch`, one at a time per queue; see `Consumer` for what happens if it raises.

    The method commits before it returns. The same facts may come again, in another cut, after any failure: what it does
    must be idempotent.
    """

    def __init__(self, queues: IngestQueues, limits: Limits | None = None, **options: Any) -> None:
        # Everything is caught here and dealt with by the consumer; Nameko then logs a warning, not an alarm.
        super().__init__(expected_exceptions=Exception, **options)
        self._queues = queues
        self._limits = limits or Limits()
        self._consumers: list[tuple[Consumer, Any]] = []

    def start(self) -> None:
        """Begin to consume each queue, on a connection of its own."""
        for queue in self._queues.names:
            consumer = Consumer(self.container.config["AMQP_URI"], self._queues, queue, self._limits, self._hand_over)
            greenlet = self.container.spawn_managed_thread(consumer.run, identifier=f"batches from {queue}")
            self._consumers.append((consumer, greenlet))

    def stop(self) -> None:
        """Finish the batches in hand, acknowledge them, close the connections."""
        for consumer, _ in self._consumers:
            consumer.stop()
        for _, greenlet in self._consumers:
            greenlet.wait()

    def _hand_over(self, batch: Batch, done: Callable[[BaseException | None], None]) -> None:
        def settled(_context: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
            done(exc_info[1] if exc_info else None)
            return result, exc_info

        self.container.spawn_worker(self, (batch,), {}, handle_result=settled)


batches = Batches.decorator
