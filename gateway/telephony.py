"""`/v1/telephony/…`: the feeds of telephone systems, read by their adapters."""

import asyncio

from gateway.adapters import Adapter
from gateway.adapters.items import Item
from gateway.delivery import SLICE, Delivery
from gateway.exchange import Exchange
from gateway.metrics import WITHOUT_FACT
from gateway.problems import Problem, invalid
from gateway.publisher import Publisher
from gateway.roles import INGEST
from gateway.sources import Sources
from services.kernel.ingest_queues import IngestQueues
from services.kernel.values import FieldError

LONGEST_NAME = 200


class Feed:
    """One adapter at its path: translates, publishes, answers with a verdict for each item."""

    def __init__(self, adapter: Adapter, sources: Sources, publisher: Publisher, queues: IngestQueues) -> None:
        self.adapter = adapter
        self._sources = sources
        self._publisher = publisher
        self._queues = queues

    async def receive(self, exchange: Exchange) -> None:
        """Takes one body."""
        caller = exchange.require(INGEST)
        parameters = _parameters(exchange)
        name = parameters["source"]
        if caller.actor.sources is not None and name not in caller.actor.sources:
            raise Problem("auth.source_not_allowed")
        body = await exchange.body()
        source = await self._sources.named(name)
        delivery = Delivery(self._queues, caller.actor, many=True)
        without_fact = 0
        index = -1
        for index, item in enumerate(self.adapter.items(body, source, parameters)):
            if fault := _take(delivery, item):
                delivery.reject(index, [fault], item.id)
            elif not item.facts:
                without_fact += 1
            if index % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        if index < 0:
            raise Problem("request.empty")
        WITHOUT_FACT.labels(exchange.route).inc(without_fact)
        await delivery.send(self._publisher, exchange)


def _parameters(exchange: Exchange) -> dict[str, str]:
    parameters = exchange.in_query()
    name = parameters.get("source", "")
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        fault = FieldError("/source", "invalid_field", f"Say ?source=<name>, 1 to {LONGEST_NAME} printable characters.")
        raise invalid(fault)
    return parameters


def _take(delivery: Delivery, item: Item) -> FieldError | None:
    if item.fault is not None:
        return item.fault
    faults = delivery.take(item.facts)
    if not faults:
        return None
    first = faults[0]  # a line has no fields to point at, so the words say which
    return FieldError("", first.code, f"{first.pointer.removeprefix('/')}: {first.detail}")
