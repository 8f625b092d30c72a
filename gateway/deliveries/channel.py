"""What a channel is: which events it wants, to whom they go, and how one delivery is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from psycopg import AsyncConnection

Database = AsyncConnection[Any]
Target = tuple[str, UUID]  # the channel's name and the target
Event = Mapping[str, Any]  # a CloudEvent as `services.kernel.cloud_events` tells it

# Seconds before the first and each further try (Standard Webhooks); the last is 75 h 35 min 5 s after the first.
STANDARD_DELAYS = (0.0, 5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An event that is to be delivered to a target. Of those with the same `ordering_key` at one target, one is sent at
    a time, the oldest first, and none before the one ahead of it is delivered or dead.
    """

    target_id: UUID
    event: Event
    ordering_key: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One that is being sent. `event["id"]` is the same at every attempt; `attempt` counts from 1."""

    id: UUID
    channel: str
    target_id: UUID
    event: Event
    attempt: int
    tries: int  # attempts before this one that count along the channel's delays
    begun_at: datetime
    urgent: bool = False

    @property
    def target(self) -> Target:
        """To whom it goes."""
        return (self.channel, self.target_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an attempt: the status of the answer, an excerpt of it and a reason for the record (nothing secret,
    nothing personal); `result`, where given, is kept with the delivery as what the channel knows of it.
    """

    reason: str = ""
    status: int | None = None
    excerpt: str | None = None
    result: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered(Outcome):
    """It arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry(Outcome):
    """It may succeed later: after the channel's next delay, and not before `after` seconds where given.

    `unreachable`: nothing gets through to this target, so that for a moment nothing else is sent to it either.
    `throttled`: the target asks for patience: it gets nothing for `after` seconds, and the try does not count.
    """

    after: float | None = None
    unreachable: bool = False
    throttled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Outcome):
    """It will never succeed: the delivery is dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone(Outcome):
    """The target wants nothing any more: the delivery is dead; `settled` is where the channel gives the target up."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that was made, and what came of it."""

    delivery: Delivery
    outcome: Outcome
    began_at: datetime
    seconds: float

    @property
    def kind(self) -> str:
        """The name of the outcome: delivered, retry, refused, gone."""
        return type(self.outcome).__name__.lower()


class Channel(Protocol):
    """A way out. All of its methods run in one event loop and may be called at once."""

    name: str
    delays: Sequence[float]  # seconds before each try; a delivery is dead when the last of them has failed
    lanes: int  # deliveries that are sent to one target at a time
    seconds: float  # after which a `send` is cut off

    async def types(self, db: Database) -> frozenset[str]:
        """The full types of which some target may want events now (`plateau.calls.call_completed`)."""
        ...

    async def wanted(self, db: Database, events: Sequence[Event]) -> Sequence[Wanted]:
        """What is to be delivered of these events, in the order given; in the transaction that writes it down.

        A target must have been opened (`targets.open_target`). What was wanted before at a target is not written again.
        """
        ...

    async def send(self, delivery: Delivery) -> Outcome:
        """Sends it; whatever it raises is a Retry."""
        ...

    async def settled(self, db: Database, delivery: Delivery, outcome: Outcome, failing_since: datetime | None) -> None:
        """Called in the transaction that records the outcome. `failing_since`: when the first of the failures was that
        have followed the last success at this target.
        """
        ...

    async def close(self) -> None:
        """Lets go of what it holds; nothing is sent any more."""
        ...
