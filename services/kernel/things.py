"""Event-sourced things between the store and the decision: loaded, decided on, appended."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid5

from services.kernel import schemas, store
from services.kernel.database import Connection, Cursor
from services.kernel.decider import Context, Rejected, event_type, events_of
from services.kernel.declarations import Things
from services.kernel.privacy import Keyring, seal, unseal
from services.kernel.store import NewEvent, Position, StoredEvent
from services.kernel.traces import TRACEPARENT
from services.kernel.upcasting import Upcaster, latest
from services.kernel.values import Known

SEALED = "sealed"
SUBJECTS = "subjects"  # in the metadata
Effects = Mapping[type, Callable[[Cursor, Any], None]]
NONE: Mapping[Any, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Loaded:
    """A thing as its events have made it."""

    state: Any
    events: tuple[StoredEvent, ...]

    @property
    def version(self) -> int:
        """How many events it has."""
        return len(self.events)

    @property
    def position(self) -> Position:
        """Where its last event stands; the beginning of all where it has none."""
        return Position(self.events[-1].transaction_id, self.events[-1].position) if self.events else Position()


@dataclass(frozen=True)
class Done:
    """What a command came to: the thing's version and where its last event stands."""

    version: int
    position: Position
    created: bool


@dataclass(frozen=True)
class Order:
    """A command that a policy gives to a thing of its own service."""

    things: Things
    key: str
    command: Any


@dataclass(frozen=True)
class _Decided:
    """What several orders come to: a refusal or None for each, the events, and the streams that they go to."""

    refusals: list[Rejected | None]
    new: list[NewEvent]
    happened: list[Any]
    loaded: Mapping[UUID, Loaded]

    @property
    def heads(self) -> dict[UUID, store.Head]:
        """The heads of the streams, as they were read."""
        return {stream: store.head_of(thing.events) for stream, thing in self.loaded.items()}


class Refused(Exception):  # noqa: N818 - what a rule said, not a mistake
    """A rule refuses what a policy ordered; the message has the code and the sentence of the refusal."""


class ThingStore:
    """Loads things and appends what is decided on them; personal fields are sealed with the thing's own key.

    `effects` are, by class of event, what must be done in the transaction that appends it, or not at all. Without a
    `keyring` it decides on things that have no personal fields.
    """

    def __init__(
        self, keyring: Keyring | None, upcasters: Mapping[tuple[str, int], Upcaster] = NONE, effects: Effects = NONE
    ) -> None:
        self._keyring, self._upcasters, self._effects = keyring, upcasters, effects

    def load(self, db: Cursor, things: Things, key: str, as_of: datetime | None = None) -> Loaded:
        """The thing of that id or name; without events it is as it begins."""
        return self._folded(db, things, store.load(db, things.stream(key), as_of))

    def decide(self, db: Cursor, things: Things, loaded: Loaded, command: Any, ctx: Context) -> Done | Rejected:
        """Decides and appends; the same command id again is answered from its own events.

        Raises Conflict where somebody else decided first.
        """
        own = uuid5(ctx.command_id, "0")
        repeated = [event for event in loaded.events if event.event_id == own]
        if repeated:
            last = [e for e in loaded.events if e.transaction_id == repeated[0].transaction_id][-1]
            return Done(last.version, Position(last.transaction_id, last.position), created=repeated[0].version == 1)
        decided = events_of(things.decide(loaded.state, command, ctx))
        if isinstance(decided, Rejected):
            return decided
        created = not loaded.events
        if not decided:
            return Done(loaded.version, loaded.position, created=False)
        stream = things.stream(ctx.key)
        new = self._new(db.connection, stream, decided, ctx)
        # An append alone is one statement, and so a transaction of its own; BEGIN and COMMIT would cost as much again.
        with db.connection.transaction() if self._has_effect(decided) else nullcontext():
            position = store.append(db, new, {stream: store.head_of(loaded.events)})
            self._take_effect(db, decided)
        return Done(loaded.version + len(new), position, created)

    def carry_out(self, db: Cursor, orders: Sequence[tuple[Order, Context]]) -> int:
        """Decides on orders in turn and appends what comes of them all; what was carried out before is passed over.

        Returns how many events came of it.

        Raises Refused, or Conflict where somebody else decided first: then nothing of it may be committed.
        """
        decided = self._in_turn(db, orders)
        if refusal := next(filter(None, decided.refusals), None):
            raise Refused(f"{refusal.code}: {refusal.detail}")
        if decided.new:
            store.append(db, decided.new, decided.heads)
        self._take_effect(db, decided.happened)
        return len(decided.new)

    def decide_each(
        self, db: Cursor, orders: Sequence[tuple[Order, Context]]
    ) -> tuple[list[Rejected | None], Position]:
        """Decides on orders in turn and appends what comes of those that no rule refuses: why not, for each, and where.

        Raises Conflict where somebody else decided first: then nothing of it is stored.
        """
        decided = self._in_turn(db, orders)
        position = max((thing.position for thing in decided.loaded.values()), default=Position())
        if decided.new:
            with db.connection.transaction() if self._has_effect(decided.happened) else nullcontext():
                position = store.append(db, decided.new, decided.heads)
                self._take_effect(db, decided.happened)
        return decided.refusals, position

    def _in_turn(self, db: Cursor, orders: Sequence[tuple[Order, Context]]) -> _Decided:
        streams = [order.things.stream(order.key) for order, _ in orders]
        wanted = {stream: order.things for stream, (order, _) in zip(streams, orders, strict=True)}
        histories = store.load_all(db, list(wanted))
        loaded = {stream: self._folded(db, things, histories[stream]) for stream, things in wanted.items()}
        states = {stream: thing.state for stream, thing in loaded.items()}
        refusals: list[Rejected | None] = []
        new: list[NewEvent] = []
        happened: list[Any] = []
        for stream, (order, ctx) in zip(streams, orders, strict=True):
            refusals.append(None)
            if any(event.event_id == uuid5(ctx.command_id, "0") for event in loaded[stream].events):
                continue
            decided = events_of(order.things.decide(states[stream], order.command, ctx))
            if isinstance(decided, Rejected):
                refusals[-1] = decided
                continue
            for event in decided:
                states[stream] = order.things.evolve(states[stream], event)
            new += self._new(db.connection, stream, decided, ctx)
            happened += decided
        return _Decided(refusals, new, happened, loaded)

    def _folded(self, db: Cursor, things: Things, stored: Sequence[StoredEvent]) -> Loaded:
        events = tuple([self._open(db, event) if event.type in things.events else event for event in stored])
        state = things.initial
        for event in events:
            if things.learn is not None and event.type not in things.events:
                state = things.learn(state, event.type)
            else:
                state = things.evolve(state, schemas.revive(things.events[event.type], event.data))
        return Loaded(state, events)

    def _has_effect(self, happened: Iterable[Any]) -> bool:
        return not self._effects.keys().isdisjoint(map(type, happened))

    def _take_effect(self, db: Cursor, happened: Iterable[Any]) -> None:
        for event in happened:
            if effect := self._effects.get(type(event)):
                effect(db, event)

    def _new(self, connection: Connection, stream: UUID, decided: Sequence[Any], ctx: Context) -> list[NewEvent]:
        metadata = {"actor": ctx.actor.id, "command_id": str(ctx.command_id)}
        if ctx.caused_by:
            metadata["caused_by"] = str(ctx.caused_by)
        if ctx.traceparent:
            metadata[TRACEPARENT] = ctx.traceparent
        return [
            NewEvent(
                stream_id=stream,
                event_id=(event_id := uuid5(ctx.command_id, str(n))),
                type=event_type(event),
                schema_version=event.schema_version,
                data=self._close(connection, stream, event_id, event),
                metadata=metadata | self._known(event),
                occurred_at=ctx.now,
            )
            for n, event in enumerate(decided)
        ]

    def _known(self, event: Any) -> dict[str, Any]:
        """Who is known by the numbers of an event: their keyed hashes, by which what is sealed can be found."""
        fields = schemas.marked_fields(event.__class__, Known)
        if not fields:
            return {}
        assert self._keyring is not None  # noqa: S101 - see the class
        found = sorted({self._keyring.subject(number).hex for name in fields for number in getattr(event, name)})
        return {SUBJECTS: found} if found else {}

    def _close(self, connection: Connection, subject: UUID, event_id: UUID, event: Any) -> dict[str, Any]:
        data = schemas.dump(event)
        personal = {name: data.pop(name) for name in schemas.personal_fields(event.__class__) if data[name] is not None}
        if personal:
            assert self._keyring is not None  # noqa: S101 - see the class
            with connection.cursor() as db:
                key = self._keyring.ensure(db, [subject])[subject]
            data[SEALED] = seal(key, event_id, personal)
        return data

    def _open(self, db: Cursor, event: StoredEvent) -> StoredEvent:
        data = latest(self._upcasters, event.type, event.schema_version, event.data)
        if SEALED in data and self._keyring is not None:
            key = self._keyring.open(db, [event.stream_id]).get(event.stream_id)
            data = {**data, **unseal(key, event.event_id, data[SEALED])}
        return event._replace(data=data)
