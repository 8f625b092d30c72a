"""When a visit to a queue begins, as the fact that opens it tells."""

from services.calls.domain.story import Fact


def entry_told(fact: Fact) -> int | None:
    """The instant at which a visit to the fact's queue begins if this fact opens it; None where it can open none.

    In microseconds since 1970. Every visit that any set of facts tells of begins at such an instant of one of them.
    """
    if fact.queue is None:
        return None
    match fact.type:
        case "call.queued":
            before: tuple[str, ...] = ()
        case "call.answered" | "call.abandoned" | "call.queue_left":
            before = ("wait_seconds",)
        case "call.ended":
            before = ("wait_seconds", "talk_seconds", "hold_seconds")
        case _:
            return None
    return fact.occurred_at - sum([fact.milliseconds(name) or 0 for name in before]) * 1000
