"""What the names in a call's facts mean here, where the source's names are mapped to inside ones."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from services.calls.domain.story import Fact


class Stretch(NamedTuple):
    """Who a name stands for in a half-open time, in microseconds since 1970."""

    begin: int
    end: int
    internal_id: str


class Names:
    """The names of one source by kind: `{(kind, outside name): stretches in their order, which do not overlap}`.

    Within a call a name keeps the meaning that it had when its visit, ring or leg began: a telephone that changes hands
    while a call is on the line does not tear the call apart.
    """

    __slots__ = ("_meanings",)

    def __init__(self, meanings: Mapping[tuple[str, str], Sequence[Stretch]]) -> None:
        self._meanings = meanings

    def inside(self, kind: str, name: str, at: int) -> str:
        """Who a name stands for at an instant; the name itself where nobody said."""
        stretches = self._meanings.get((kind, name))
        if stretches:
            place = bisect_right(stretches, at, key=_begin)
            if place and at < stretches[place - 1].end:
                return stretches[place - 1].internal_id
        return name

    def outsides(self, kind: str, insides: AbstractSet[str]) -> set[str]:
        """The outside names that stand for one of these at any time."""
        return {
            name
            for (of_kind, name), stretches in self._meanings.items()
            if of_kind == kind and any(stretch.internal_id in insides for stretch in stretches)
        }

    def turns(self) -> set[int]:
        """The instants at which any name comes to mean another, in microseconds."""
        return {at for stretches in self._meanings.values() for each in stretches for at in (each.begin, each.end)}

    def applied(self, story: Iterable[Fact]) -> list[Fact]:
        """A call's facts in their order, with inside names."""
        entries: dict[str, list[str]] = {}
        rings: dict[str, str] = {}
        legs: dict[str, str] = {}
        return [
            fact._replace(
                queue=fact.queue and self._queue(fact, fact.queue, entries),
                agent=fact.agent and self._agent(fact, fact.agent, rings, legs),
                campaign=fact.campaign and self.inside("campaign", fact.campaign, fact.occurred_at),
            )
            for fact in story
        ]

    def _queue(self, fact: Fact, name: str, entries: dict[str, list[str]]) -> str:
        meant = self.inside("queue", name, fact.occurred_at)
        match fact.type:
            case "call.queued":
                entries.setdefault(name, []).append(meant)
            case "call.answered" | "call.abandoned" | "call.queue_left" if entries.get(name):
                return entries[name].pop()
            case _ if entries.get(name):
                return entries[name][-1]
        return meant

    def _agent(self, fact: Fact, name: str, rings: dict[str, str], legs: dict[str, str]) -> str:
        meant = self.inside("agent", name, fact.occurred_at)
        match fact.type:
            case "call.ringing":
                rings[name] = meant
            case "call.ring_no_answer":
                return rings.pop(name, meant)
            case "call.answered":
                legs[name] = meant
            case _:
                return legs.get(name, meant)
        return meant


def _begin(stretch: Stretch) -> int:
    return stretch.begin
