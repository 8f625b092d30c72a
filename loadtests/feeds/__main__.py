"""`python -m loadtests.feeds`: processor time of reading each feed, beside that of the same facts as native ones.

It is what the gateway does with a body until there are messages to publish; HTTP, access and the broker are left out.
Numbers are parsed anew in each pass, as those of a morning's callers are.
"""

import time
from collections.abc import Callable
from functools import partial

from rich.console import Console
from rich.table import Table

from gateway.adapters import ADAPTERS, Adapter
from gateway.adapters.phone_numbers import e164
from gateway.delivery import Delivery
from gateway.forms import FORMS, items_of
from loadtests.feeds import SOURCE, Body, bodies, native_body
from loadtests.prepared_requests import NDJSON
from services.kernel.ingest_queues import IngestQueues
from services.kernel.values import Actor

PASSES = 3
FACTS = 5000
ACTOR = Actor("bench", scopes=frozenset())


def main() -> None:
    """Show the table, in µs a fact: the quickest of some passes."""
    queues = IngestQueues.of("calls", {})
    shown = Table("feed", "µs a fact", "native", "facts")
    for adapter in ADAPTERS:
        chosen, facts = _some(bodies(adapter))
        read = _quickest(partial(_outside, adapter, chosen, queues))
        native = _quickest(partial(_native, [native_body(body) for body in chosen], queues))
        shown.add_row(adapter.name, f"{read / facts:.1f}", f"{native / facts:.1f}", f"{facts}")
    Console().print(shown)


def _some(all_of_them: list[Body]) -> tuple[list[Body], int]:
    """The first bodies that say enough facts, and how many those are."""
    chosen, facts = [], 0
    for body in all_of_them:
        chosen.append(body)
        facts += len(body.facts)
        if facts >= FACTS:
            break
    return chosen, facts


def _outside(adapter: Adapter, chosen: list[Body], queues: IngestQueues) -> None:
    e164.cache_clear()
    for body in chosen:
        delivery = Delivery(queues, ACTOR, many=True)
        for item in adapter.items(body.content, SOURCE, {}):
            delivery.take(item.facts)


def _native(contents: list[bytes], queues: IngestQueues) -> None:
    form = FORMS[NDJSON.encode()]
    for content in contents:
        delivery = Delivery(queues, ACTOR, many=True)
        for fact in items_of(form, content).each:
            delivery.take((fact,))


def _quickest(work: Callable[[], None]) -> float:
    """Microseconds of processor time."""
    spent = []
    for _ in range(PASSES):
        begun = time.process_time()
        work()
        spent.append(time.process_time() - begun)
    return min(spent) * 1e6


if __name__ == "__main__":
    main()
