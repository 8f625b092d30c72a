"""A service that rings bells, and one that hears them: events that one tells the other of."""

from collections.abc import Iterator

from services.kernel.decider import Context, Decision, changed, command, event, state
from services.kernel.declarations import Api
from services.kernel.inbox import Happened, reactions, reacts
from services.kernel.things import Order

SOURCE = "bells"


@event("bell_rung")
class BellRung:
    """A bell was rung."""

    number: int


@command
class HearBell:
    """Note that a bell was heard."""

    number: int


@event("bell_heard")
class BellHeard:
    """A bell was heard; `before` is the number heard last."""

    number: int
    before: int


@state
class Ear:
    """The number heard last."""

    last: int = 0


def decide(ear: Ear, order: HearBell, _ctx: Context) -> Decision:
    """Always."""
    return BellHeard(order.number, ear.last)


def evolve(ear: Ear, happened: BellHeard) -> Ear:
    """Remembers the last."""
    return changed(ear, last=happened.number)


ears = Api("hearer").things("/v1/ears", decide, evolve, Ear(), id="ear", named=True)


@reacts(SOURCE, BellRung)
def hear(rung: BellRung, happened: Happened) -> Iterator[Order]:
    """Passes on what was heard where."""
    yield Order(ears, happened.event.subject, HearBell(rung.number))


REACTIONS = reactions(hear)


def ringing(service: str) -> Api:
    """What a service of that name tells."""
    api = Api(service)
    api.publishes(BellRung)
    return api
