"""What a source says for want of better: it holds unless the rest of the call tells otherwise (ADR 0037).

- A `call.queue_left` that is tentative says that a visit is over, and not how: it counts where nothing else ends it.
- A `call.abandoned` that is tentative is said of whoever leaves without an agent: a caller who is heard of in a queue
  or with an agent afterwards has not hung up, but was sent on.
"""

from collections.abc import Sequence

from services.calls.domain.story import Fact

EXITS = frozenset({"call.answered", "call.abandoned", "call.queue_left"})
GOES_ON = frozenset({"call.queued", "call.answered"})


def settled(story: list[Fact]) -> list[Fact]:
    """The sorted facts of a call as they hold; what does not is noted only."""
    if not any("tentative" in fact.data for fact in story):
        return story
    kept = []
    for place, fact in enumerate(story):
        if not fact.data.get("tentative"):
            kept.append(fact)
        elif fact.type == "call.queue_left":
            kept.append(fact._replace(type="call.noted") if _is_told_otherwise(story, place) else fact)
        elif any(later.type in GOES_ON for later in story[place + 1 :]):
            kept.append(fact._replace(type="call.queue_left", data={**fact.data, "reason": "overflow"}))
        else:
            kept.append(fact)
    return kept


def _is_told_otherwise(story: Sequence[Fact], place: int) -> bool:
    """Whether the visit that is over here has another end, or was never begun."""
    queue = story[place].queue
    entries = [at for at, fact in enumerate(story) if fact.type == "call.queued" and fact.queue == queue]
    exits = [at for at, fact in enumerate(story) if _ends(fact, queue)]
    if len(exits) >= len(entries):
        return True  # whatever their stamps say: clocks of a second beside finer ones
    begun = max((at for at in entries if at < place), default=None)
    over = min((at for at in entries if at > place), default=len(story))
    return begun is None or any(begun < at < over for at in exits)


def _ends(fact: Fact, queue: str | None) -> bool:
    tentative = fact.type == "call.queue_left" and fact.data.get("tentative")
    return fact.type in EXITS and fact.queue == queue and not tentative
