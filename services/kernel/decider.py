"""Decisions as pure functions: `decide(state, command, ctx)` and `evolve(state, event)`.

A command and an event are frozen dataclasses. Time, ids and the actor are inputs (`Context`). A refusal is a value with
a stable code. `specification` reads a rule aloud in tests: given events, when a command, then events.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, TypeVar, dataclass_transform
from uuid import UUID

from services.kernel.values import Actor

C = TypeVar("C")

SYSTEM = Actor(id="plateau")


@dataclass(frozen=True, slots=True)
class Context:
    """What a decision may know beside state and command: who acts, when, under which command id, and on which thing.

    `key` is the id or the outside name by which the thing was called; `caused_by` the event that made a policy act,
    `traceparent` the W3C trace that it all belongs to.
    """

    now: datetime
    actor: Actor
    command_id: UUID
    key: str
    caused_by: UUID | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A rule that refuses: a stable dotted code, a sentence that says what to do, and the HTTP status it deserves."""

    code: str
    detail: str
    status: int = 409
    pointer: str | None = None


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def values(cls: type[C]) -> type[C]:
    """A frozen dataclass of values that commands and events may share."""
    return dataclass(frozen=True)(cls)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def command(cls: type[C]) -> type[C]:
    """An order: what a use case may be sent."""
    return values(cls)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def state(cls: type[C]) -> type[C]:
    """What a thing's events have made of it."""
    return values(cls)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def _event_class(cls: type[C], name: str, version: int) -> type[C]:
    made = dataclass(frozen=True)(cls)
    made.event_type = name  # type: ignore[attr-defined]
    made.schema_version = version  # type: ignore[attr-defined]
    return made


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def event(name: str, version: int = 1) -> Callable[[type[C]], type[C]]:
    """Names an event class: a stable type, never a class path, and the version of its shape."""

    def named(cls: type[C]) -> type[C]:
        return _event_class(cls, name, version)

    return named


def event_type(cls: Any) -> str:
    """The stable type of an event or an event class."""
    return str(cls.event_type)


def of(cls: type[C], source: Any, /, **more: Any) -> C:
    """A `cls` with every field that `source` has too, and `more`: an event made of its command, say."""
    shared = {f.name: getattr(source, f.name) for f in fields(cls) if hasattr(source, f.name)}  # type: ignore[arg-type]
    return cls(**{**shared, **more})


def changed(value: C, **changes: Any) -> C:
    """The same value but for what changes."""
    return replace(value, **changes)  # type: ignore[type-var]


Decision = Any  # an event, a sequence of events, or Rejected


def events_of(decision: Decision) -> tuple[Any, ...] | Rejected:
    """A decision as it is handed to the store: a tuple of events, or the refusal."""
    if isinstance(decision, Rejected):
        return decision
    return tuple(decision) if isinstance(decision, Sequence) else (decision,)


@dataclass(frozen=True)
class _Case:
    decide: Callable[[Any, Any, Context], Decision]
    evolve: Callable[[Any, Any], Any]
    initial: Any
    history: tuple[Any, ...] = ()
    outcome: Any = None
    context: Context = field(
        default_factory=lambda: Context(datetime(2026, 11, 21, 9, tzinfo=UTC), SYSTEM, UUID(int=1), "thing")
    )

    def given(self, *events: Any) -> "_Case":
        """What has happened before."""
        return replace(self, history=events)

    def at(self, now: datetime) -> "_Case":
        """When the command comes."""
        return replace(self, context=replace(self.context, now=now))

    def on(self, key: str) -> "_Case":
        """The id or the name of the thing."""
        return replace(self, context=replace(self.context, key=key))

    def when(self, order: Any, by: Actor | None = None) -> "_Case":
        """The command, and who gives it."""
        context = replace(self.context, actor=by) if by else self.context
        return replace(self, outcome=events_of(self.decide(self._state(self.history), order, context)))

    def then(self, *events: Any) -> "_Case":
        """Exactly these events come of it."""
        assert self.outcome == events, self.outcome
        return self

    def rejected(self, code: str) -> "_Case":
        """The command is refused with this code."""
        assert isinstance(self.outcome, Rejected), self.outcome
        assert self.outcome.code == code, self.outcome
        return self

    def leaves(self, **expected: Any) -> "_Case":
        """The thing's state afterwards, as far as named."""
        seen = {name: getattr(self.after, name) for name in expected}
        assert seen == expected, seen
        return self

    @property
    def after(self) -> Any:
        """The thing as the command leaves it."""
        return self._state(self.history + self.outcome)

    def _state(self, history: Sequence[Any]) -> Any:
        current = self.initial
        for past in history:
            current = self.evolve(current, past)
        return current


def specification(decide: Callable[..., Decision], evolve: Callable[..., Any], initial: Any) -> _Case:
    """The opening of a rule's test: `.given(…).when(…).then(…)`, `.rejected(code)`, `.leaves(status=…)`."""
    return _Case(decide, evolve, initial)
