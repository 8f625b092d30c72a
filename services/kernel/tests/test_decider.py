"""Rules as pure functions, and the specification that reads them aloud."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.kernel.decider import (
    SYSTEM,
    Context,
    Rejected,
    changed,
    command,
    event,
    event_type,
    events_of,
    of,
    specification,
    state,
)
from services.kernel.values import Actor


@command
class Open:
    """Open the door."""

    wide: bool = False


@event("door_opened", version=2)
class Opened:
    """It was opened."""

    wide: bool
    by: str


@state
class Door:
    """A door."""

    open: bool = False


def decide(door: Door, order: Open, ctx: Context):
    if door.open:
        return Rejected("doors.door.open", "Close it first.")
    return of(Opened, order, by=ctx.actor.id)


def evolve(door: Door, happened: Opened) -> Door:
    return changed(door, open=True)


door = specification(decide, evolve, Door())
MANAGER = Actor("manager")


def test_a_rule_reads_as_it_is_spoken():
    door.given(Opened(wide=False, by="me")).when(Open()).rejected("doors.door.open")
    door.when(Open(wide=True), by=MANAGER).then(Opened(wide=True, by="manager")).leaves(open=True)
    door.when(Open()).then(Opened(wide=False, by=SYSTEM.id))


def test_a_specification_that_does_not_hold_fails():
    with pytest.raises(AssertionError):
        door.when(Open()).then()
    with pytest.raises(AssertionError):
        door.when(Open()).then(Opened(wide=True, by=SYSTEM.id))
    with pytest.raises(AssertionError):
        door.when(Open()).rejected("doors.door.open")
    with pytest.raises(AssertionError):
        door.given(Opened(wide=False, by="me")).when(Open()).rejected("doors.door.locked")
    with pytest.raises(AssertionError):
        door.when(Open()).leaves(open=False)


def test_the_instant_of_the_command_can_be_told():
    seen = []

    def noting(_state, _order, ctx):
        seen.append(ctx.now)
        return ()

    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    specification(noting, evolve, Door()).at(noon).when(Open()).then()
    assert seen == [noon]


def test_a_decision_is_a_refusal_one_event_several_or_none():
    opened, refusal = Opened(wide=True, by="me"), Rejected("doors.door.open", "Close it first.")
    assert events_of(refusal) is refusal
    assert events_of(opened) == (opened,)
    assert events_of([opened, opened]) == (opened, opened)
    assert events_of(()) == ()


def test_an_event_has_a_stable_type_and_a_version_of_its_shape():
    assert (event_type(Opened), event_type(Opened(wide=True, by="me")), Opened.schema_version) == (
        "door_opened",
        "door_opened",
        2,
    )


def test_values_cannot_be_changed_in_place():
    with pytest.raises(AttributeError):
        Door().open = True


def test_a_context_is_all_that_a_decision_may_know():
    known = {"now", "actor", "command_id", "key", "caused_by", "traceparent"}
    assert set(Context.__dataclass_fields__) == known
    assert Context(datetime.now(UTC), MANAGER, UUID(int=1), "door").key == "door"
