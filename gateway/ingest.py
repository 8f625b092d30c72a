"""`POST /v1/calls/events`: facts of calls and agents in, each with its verdict."""

import asyncio
from collections.abc import Callable, Sequence
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

    def __init__(
        self, publisher: Publisher, queues: IngestQueues, guarded: Callable[[], frozenset[str]] = frozenset
    ) -> None:
        self._publisher = publisher
        self._queues = queues
        self._guarded = guarded

    async def events(self, exchange: Exchange) -> None:
        """Judges each item, publishes the good ones, answers with the verdicts."""
        caller = exchange.require(INGEST)
        form = form_of(exchange)
        items = items_of(form, await exchange.body())
        delivery = Delivery(self._queues, caller.actor, many=items.many, guarded=self._guarded())
        for index, item in enumerate(items.each):
            faults = _take(delivery, form, item)
            if faults:
                item_id = item.get("id") if isinstance(item, dict) else None
                delivery.reject(index, faults, item_id)
            if index % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        await delivery.send(self._publisher, exchange)


def _take(delivery: Delivery, form: Form, item: Any) -> Sequence[FieldError] | None:
    """Takes an item, or returns its faults, with pointers into the item as it was sent."""
    if item.__class__ is FieldError:
        return (item,)
    if form.carried is None:
        return delivery.take((item,))
    fact = form.carried.fact_of(item)
    if isinstance(fact, list):
        return fact
    faults = delivery.take((fact,))
    return faults and [fault._replace(pointer=form.carried.pointer_in(item, fault.pointer)) for fault in faults]
