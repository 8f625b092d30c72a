"""When a visit to a queue begins, as the fact that opens it tells."""

from services.calls.domain.story import Fact


def entry_told(fact: Fact) -> int | None:
    """The instant at which a visit to the fact's queue begins if this fact opens it; None where it can open none.

    In microseconds since 1970. Every visit that any set of facts tells of begins at such an instant of one of them.
    """
    if fact.queue is None:
        return None
    wait = fact.milliseconds("wait_seconds") or 0
    match fact.type:
        case "call.queued":
            return fact.occurred_at
        case "call.answered" | "call.abandoned" | "call.queue_left":
            return fact.occurred_at - wait * 1000
        case "call.ended":
            spoken = (fact.milliseconds("talk_seconds") or 0) + (fact.milliseconds("hold_seconds") or 0)
            return fact.occurred_at - spoken * 1000 - wait * 1000
    return None
