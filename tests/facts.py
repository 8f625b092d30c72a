"""Facts of invented calls, as a telephone system would send them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

Json = dict[str, Any]

NINE = datetime(2026, 3, 17, 9, tzinfo=UTC)


def fact(call_id: str, kind: str, at: datetime, source: str = "pbx1", **fields: Any) -> Json:
    """One fact of a call; its id is unique as long as the call has one fact of a kind and instant."""
    return {
        "id": f"{kind} {at.isoformat()}",
        "source": source,
        "type": f"call.{kind}",
        "call_id": call_id,
        "occurred_at": at.isoformat(),
        **fields,
    }


def new_call() -> str:
    """A call id that nothing else has."""
    return f"c-{uuid4()}"


def answered(queue: str, wait: float, at: datetime = NINE, talk: float = 60, **fields: Any) -> list[Json]:
    """A call that entered the queue at an instant, was answered after `wait` seconds and ended after `talk` more."""
    call, reached = new_call(), at + timedelta(seconds=wait)
    return [
        fact(call, "queued", at, queue=queue, **fields),
        fact(call, "answered", reached, queue=queue, agent="a-1042", **fields),
        fact(call, "ended", reached + timedelta(seconds=talk), **fields),
    ]


def abandoned(queue: str, wait: float, at: datetime = NINE, **fields: Any) -> list[Json]:
    """A caller who hung up after `wait` seconds in the queue."""
    call = new_call()
    return [
        fact(call, "queued", at, queue=queue, **fields),
        fact(call, "abandoned", at + timedelta(seconds=wait), queue=queue, **fields),
    ]


def timed_out(queue: str, wait: float, at: datetime = NINE, **fields: Any) -> list[Json]:
    """A caller whom the queue let go after `wait` seconds."""
    call, data = new_call(), {"reason": "timeout"}
    return [
        fact(call, "queued", at, queue=queue, **fields),
        fact(call, "queue_left", at + timedelta(seconds=wait), queue=queue, data=data, **fields),
    ]


def every(seconds: float, begin: datetime = NINE) -> Iterator[datetime]:
    """Instants at equal distances, for ever."""
    while True:
        yield begin
        begin += timedelta(seconds=seconds)
