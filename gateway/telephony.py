"""`/v1/telephony/…`: the feeds of telephone systems, read by their adapters."""

import asyncio

from gateway.adapters import Adapter, callback_of
from gateway.adapters.items import Item
from gateway.delivery import SLICE, Delivery
from gateway.exchange import Exchange
from gateway.metrics import WITHOUT_FACT
from gateway.problems import Problem, invalid
from gateway.publisher import Publisher
from gateway.source_access import SourceAccess
from services.kernel.ingest_queues import IngestQueues
from services.kernel.values import FieldError

LONGEST_NAME = 200


class Feed:
    """One adapter at its path: translates, publishes, answers with a verdict for each item."""

    def __init__(self, adapter: Adapter, access: SourceAccess, publisher: Publisher, queues: IngestQueues) -> None:
        self.adapter = adapter
        self._publisher = publisher
        self._queues = queues
        self._access = access
        self._callback = callback_of(adapter)

    async def receive(self, exchange: Exchange) -> None:
        """Takes one body."""
        try:
            parameters = _parameters(exchange)
        except Problem:
            await self._access.by_key(exchange)  # whoever may not post does not learn how to
            raise
        callback = self._callback
        caller, source, body = await self._access.posting(exchange, parameters["source"], callback and callback.proof)
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
        if without_fact:
            WITHOUT_FACT.labels(exchange.route).inc(without_fact)
        await delivery.send(self._publisher, exchange, callback.status if callback else 202)


def _parameters(exchange: Exchange) -> dict[str, str]:
    parameters = exchange.in_query()
    # mod_json_cdr puts ?uuid=… after the address that it is given, whether that has a query or not.
    name = parameters["source"] = parameters.get("source", "").partition("?uuid=")[0]
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
