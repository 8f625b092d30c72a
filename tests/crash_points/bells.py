"""A service that rings bells, and one that hears them: events that one tells the other of."""

from collections.abc import Iterator

from services.kernel.declarations import Api
from services.kernel.inbox import Happened, reactions, reacts
from services.kernel.tests.bells import BellRung, HearBell, ears
from services.kernel.things import Order

SOURCE = "bells"


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
