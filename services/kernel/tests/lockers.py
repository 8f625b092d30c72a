"""A small service for tests of the kernel: lockers on a staff corridor, each with a holder, and signs by name."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from services.kernel.decider import Context, Decision, Rejected, changed, command, event, of, state, values
from services.kernel.declarations import Api
from services.kernel.values import Length, Personal

Phone = Annotated[str | None, Personal()]


@command
class AssignLocker:
    """Give a locker to somebody."""

    holder: Annotated[str, Length(1, 50)]
    phone: Phone = None


@command
class RelabelLocker:
    """Write another label on a locker."""

    label: str


@event("locker_assigned")
class LockerAssigned:
    """Somebody has it now."""

    holder: str
    phone: Phone = None


@event("locker_relabelled")
class LockerRelabelled:
    """Another label is on it now."""

    label: str


@state
class Locker:
    """A locker."""

    holder: str | None = None
    phone: str | None = None
    label: str = ""


@values
class LockerView:
    """A locker as it is shown."""

    id: str
    holder: str | None
    phone: str | None
    label: str


@values
class LockerOf:
    """Show a locker."""

    locker: UUID


@values
class Holders:
    """List who has a locker."""

    limit: int = 10
    cursor: str | None = None


@values
class HolderList:
    """A page of holders."""

    items: tuple[str, ...]
    next: str | None


def decide(locker: Locker, order: AssignLocker | RelabelLocker, ctx: Context) -> Decision:
    """A locker has one holder."""
    match order:
        case AssignLocker() if locker.holder not in (None, order.holder):
            return Rejected("lockers.locker.taken", "Take a free one.", 409, "/holder")
        case AssignLocker():
            return () if locker.holder == order.holder else of(LockerAssigned, order)
        case RelabelLocker():
            return () if locker.label == order.label else LockerRelabelled(order.label)


def evolve(locker: Locker, happened: LockerAssigned | LockerRelabelled) -> Locker:
    """What happened stands."""
    match happened:
        case LockerAssigned():
            return changed(locker, holder=happened.holder, phone=happened.phone)
        case LockerRelabelled():
            return changed(locker, label=happened.label)


def view(locker_id: str, locker: Locker) -> LockerView:
    """All of it."""
    return of(LockerView, locker, id=locker_id)


def lockers_api(decided: Callable[..., Decision] = decide) -> Api:
    """The declarations, the lockers decided on by `decided`; doors have names instead of ids."""
    api = Api("lockers")
    things = api.things("/v1/lockers", decided, evolve, Locker(), id="locker")
    things.command("POST", "", AssignLocker, scope="lockers:write")
    things.command("PUT", "/{locker}/label", RelabelLocker, scope="lockers:label", guarded=True)
    things.shown("/{locker}", LockerOf, view, returns=LockerView, scope="lockers:read")
    api.query("GET", "/v1/holders", Holders, returns=HolderList, scope="lockers:read")
    return api
