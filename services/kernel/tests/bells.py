"""For tests of what one service tells another: bells that are rung, and ears that hear them."""

from services.kernel.decider import Context, Decision, changed, command, event, state
from services.kernel.declarations import Api


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
