"""What is told at once, so that a screen can show who calls: a call has entered a queue, an agent has taken it.

Only of what has just happened: a history that is imported pops up nowhere. Of several facts that tell of one visit, as
two feeds of one telephone system send them, the first is told of. What the relay has told of is remembered for a while
and by process: after a restart, one of them may be told of again.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from services.kernel.decider import event

FRESH = timedelta(seconds=60)  # between what a source says and what we have recorded
ONE_VISIT = timedelta(seconds=10)  # within which the same queue, or the same agent, is the same visit or leg
REMEMBERED = 10_000


@event("call_offered")
class CallOffered:
    """A call has entered a queue. `customer` is the subject that the caller is known by, never a number."""

    call: UUID
    source: str
    queue: str | None
    agent: str | None
    direction: str | None
    customer: UUID | None
    at: datetime


@event("call_connected")
class CallConnected(CallOffered):
    """An agent has taken a call; where the source does not say which agent, or from which queue, that is null."""


class Stored(Protocol):
    """A fact as it is stored."""

    @property
    def stream_id(self) -> UUID: ...  # noqa: D102
    @property
    def event_id(self) -> UUID: ...  # noqa: D102
    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def data(self) -> dict[str, Any]: ...  # noqa: D102
    @property
    def metadata(self) -> dict[str, Any]: ...  # noqa: D102
    @property
    def occurred_at(self) -> datetime: ...  # noqa: D102
    @property
    def recorded_at(self) -> datetime: ...  # noqa: D102


class ScreenPops:
    """Makes what is told, as plain JSON data; None of what need not be."""

    def __init__(self) -> None:
        self._told: OrderedDict[tuple[UUID, str, str | None], tuple[UUID, datetime]] = OrderedDict()
        self._customers: OrderedDict[UUID, str] = OrderedDict()

    def offered(self, fact: Stored) -> dict[str, Any] | None:
        """Of a call that has entered a queue; its customer is remembered for who takes it."""
        if abs(fact.recorded_at - fact.occurred_at) > FRESH:
            return None
        customer = fact.metadata.get("customer")
        if customer is not None:
            self._customers[fact.stream_id] = customer
            if len(self._customers) > REMEMBERED:
                self._customers.popitem(last=False)
        return self._once(fact, fact.data.get("queue"), customer)

    def connected(self, fact: Stored) -> dict[str, Any] | None:
        """Of a call that an agent has taken; few sources repeat the number then."""
        if abs(fact.recorded_at - fact.occurred_at) > FRESH:
            return None
        customer = fact.metadata.get("customer") or self._customers.get(fact.stream_id)
        return self._once(fact, fact.data.get("agent"), customer)

    def _once(self, fact: Stored, where: str | None, customer: str | None) -> dict[str, Any] | None:
        key = (fact.stream_id, fact.type, where)
        before = self._told.get(key)
        if before and before[0] != fact.event_id and abs(fact.occurred_at - before[1]) <= ONE_VISIT:
            return None
        self._told[key] = (fact.event_id, fact.occurred_at)
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        said = fact.data
        return {
            "call": str(fact.stream_id),
            "source": said["source"],
            "queue": said.get("queue"),
            "agent": said.get("agent"),
            "direction": said.get("direction"),
            "customer": customer and str(UUID(customer)),
            "at": said["occurred_at"],
        }
