"""The facts of one request on their way to the queues, with a verdict for each item."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from gateway.exchange import Exchange
from gateway.metrics import REJECTED, accepted
from gateway.problems import Problem
from gateway.publisher import Publisher, Unconfirmed
from services.calls.api import canonical
from services.kernel.ingest_queues import MESSAGE_BYTES, IngestQueues
from services.kernel.values import Actor, FieldError

FACT_BYTES = MESSAGE_BYTES // 4
SHOWN_ID = 200  # characters of a rejected item's id that its verdict repeats
SLICE = 250  # items after which other requests get their turn

ONE_ACCEPTED = b'{"accepted":1,"rejected":[]}'


class Delivery:
    """Collects what is acceptable, by queue, and what is not, with why.

    Items count, not facts: one log line may say two things, or none. `many`: pointers begin with the item's index.
    `guarded` are the sources as which nobody may send whose key does not name them.
    """

    __slots__ = ("_guarded", "_queues", "_sources", "accepted", "by_queue", "many", "rejected")

    def __init__(
        self, queues: IngestQueues, actor: Actor, *, many: bool, guarded: frozenset[str] = frozenset()
    ) -> None:
        self.accepted = 0
        self.rejected: list[dict[str, Any]] = []
        self.by_queue: dict[str, list[bytes]] = {}
        self.many = many
        self._queues = queues
        self._sources = actor.sources
        self._guarded = guarded

    def take(self, facts: Iterable[Any]) -> list[FieldError] | None:
        """Takes all facts of one item; or takes none and returns what is wrong with the first bad one."""
        taken = []
        for given in facts:
            fact = canonical(given)
            if isinstance(fact, list):
                return fact
            source = fact["source"]
            if self._sources is None:
                if source in self._guarded:
                    return [
                        FieldError("/source", "auth.source_guarded", "A secret guards it, and your key is not its.")
                    ]
            elif source not in self._sources:
                return [FieldError("/source", "auth.source_not_allowed", "This key may not send as this source.")]
            encoded = b"%b" % orjson.dumps(fact)  # a copy: orjson's own holds ten times its length
            if len(encoded) > FACT_BYTES:
                return [
                    FieldError("", "ingest.item_too_large", f"{len(encoded)} bytes; a fact has at most {FACT_BYTES}.")
                ]
            taken.append((self._queues.routing(source, fact.get("call_id") or fact.get("agent") or ""), encoded))
        for queue, encoded in taken:
            waiting = self.by_queue.get(queue)
            if waiting is None:
                self.by_queue[queue] = [encoded]
            else:
                waiting.append(encoded)
        self.accepted += 1
        return None

    def reject(self, index: int, faults: Sequence[FieldError], item_id: Any = None) -> None:
        """Notes why an item was not taken: one verdict, at its first fault, that tells of the others."""
        first, *others = faults
        self.rejected.append(
            {
                "index": index,
                "pointer": f"/{index}{first.pointer}" if self.many else first.pointer,
                "id": item_id[:SHOWN_ID] if isinstance(item_id, str) else None,
                "code": first.code,
                "detail": " ".join([first.detail, *(f"{other.pointer}: {other.detail}" for other in others)]),
            }
        )

    async def send(self, publisher: Publisher, exchange: Exchange, status: int = 202) -> None:
        """Publishes what was taken and answers once the broker has all of it; a `status` of 204 without verdicts.

        Raises:
            Problem: nothing was acceptable (400), or not everything was confirmed (503).
        """
        for verdict in self.rejected:
            REJECTED.labels(exchange.route, verdict["code"]).inc()
        if not self.accepted:
            raise Problem("request.none_acceptable", status=400, errors=self.rejected)
        trace = exchange.given_traceparent
        try:
            confirmations = [publisher.publish(queue, facts, trace) for queue, facts in self.by_queue.items()]
            if len(confirmations) == 1:
                await confirmations[0]
            else:
                await asyncio.gather(*confirmations)
        except Unconfirmed as error:
            raise Problem("ingest.not_confirmed") from error
        accepted(exchange.route, self.accepted)
        if status == 204:
            await exchange.answer(status, b"")
        elif self.accepted == 1 and not self.rejected:
            await exchange.answer(202, ONE_ACCEPTED)
        else:
            await exchange.answer_json(202, {"accepted": self.accepted, "rejected": self.rejected})
