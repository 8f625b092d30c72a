"""`POST /v1/calls/events`: facts of calls and agents in, each with its verdict."""

import asyncio
from typing import Any

from gateway.delivery import SLICE, Delivery
from gateway.exchange import Exchange
from gateway.forms import Form, form_of, items_of
from gateway.publisher import Publisher
from gateway.roles import INGEST
from services.kernel.ingest_queues import IngestQueues
from services.kernel.values import FieldError

PATH = "/v1/calls/events"


class Ingest:
    """Takes facts in all their forms; answers once the broker has confirmed every one that was acceptable."""

    def __init__(self, publisher: Publisher, queues: IngestQueues) -> None:
        self._publisher = publisher
        self._queues = queues

    async def events(self, exchange: Exchange) -> None:
        """Judges each item, publishes the good ones, answers with the verdicts."""
        caller = exchange.require(INGEST)
        form = form_of(exchange)
        items, many = items_of(form, await exchange.body())
        delivery = Delivery(self._queues, caller.actor, many=many)
        for index, item in enumerate(items):
            faults = _take(delivery, form, item)
            if faults:
                item_id = item.get("id") if isinstance(item, dict) else None
                located = [fault._replace(pointer=form.pointer_in(item, fault.pointer)) for fault in faults]
                delivery.reject(index, located, item_id)
            if index % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        await delivery.send(self._publisher, exchange)


def _take(delivery: Delivery, form: Form, item: Any) -> list[FieldError] | None:
    if item.__class__ is FieldError:
        return [item]
    if form.fact_of is None:
        return delivery.take((item,))
    fact = form.fact_of(item)
    return fact if isinstance(fact, list) else delivery.take((fact,))
