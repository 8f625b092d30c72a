"""When a visit to a queue begins, as the fact that opens it tells."""

from collections.abc import Mapping

from services.calls.domain.story import Fact

# What each type of fact that can open a visit may say of the time since the entry.
_SINCE: Mapping[str, tuple[str, ...]] = {
    "call.queued": (),
    "call.answered": ("wait_seconds",),
    "call.abandoned": ("wait_seconds",),
    "call.queue_left": ("wait_seconds",),
    "call.ended": ("wait_seconds", "talk_seconds", "hold_seconds"),
}


def entry_told(fact: Fact) -> int | None:
    """The instant at which a visit to the fact's queue begins if this fact opens it; None where it can open none.

    In microseconds since 1970. Every visit that any set of facts tells of begins at such an instant of one of them.
    """
    since = _SINCE.get(fact.type)
    if since is None or fact.queue is None:
        return None
    return fact.occurred_at - sum([fact.milliseconds(name) or 0 for name in since]) * 1000


def earliest_told(fact: Fact) -> int:
    """The earliest instant at which anything can have begun of which this fact tells, in microseconds since 1970."""
    if not fact.data:
        return fact.occurred_at
    return fact.occurred_at - sum([fact.milliseconds(name) or 0 for name in _SINCE["call.ended"]]) * 1000
