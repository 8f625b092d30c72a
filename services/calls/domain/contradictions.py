"""Where versions of one thing contradict each other, such as those of two feeds that tell of the same call.

A version that says more than another is no contradiction: feeds correct and complete themselves. It is one where each
says something of which the other knows nothing.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple
from uuid import UUID

from services.calls.domain.names import Names
from services.calls.domain.story import Fact, greatest_versions

# Whether a queue gave somebody up, and why, feeds may see with different eyes (a manager interface calls a time-out an
# abandon): what they must agree on is whether the call was answered.
OUTCOMES: Mapping[str, str] = {
    "call.answered": "answered",
    "call.abandoned": "unanswered",
    "call.queue_left": "unanswered",
}
DURATIONS = ("wait", "talk", "hold")
STATED = tuple([f"{name}_seconds" for name in DURATIONS])
APART = 1_000  # milliseconds that clocks of a second may put between two measures of the same
NOBODY = Names({})
Duration = tuple[str, str]  # what lasted, and for which queue, if that is said
Versions = dict[str, dict[str, list[Fact]]]  # what each version tells, by what it is about


class Contradiction(NamedTuple):
    """Versions of an outside record, or what they say together of a queue, that cannot all be true.

    `about` is the record or the queue; `detail` what each version says, the one that counts last; `events` are the
    facts that say so.
    """

    thing: Literal["record", "queue"]
    about: str
    detail: str
    events: tuple[UUID, ...]


class Said(NamedTuple):
    """What one version says: outcomes, queues, agents, and each duration by queue, as often as it is stated, in ms."""

    outcomes: frozenset[str]
    queues: frozenset[str]
    agents: frozenset[str]
    durations: Mapping[Duration, Sequence[int]]

    def contradicts(self, other: "Said") -> bool:
        """Whether both cannot be true."""
        names = zip(self[:3], other[:3], strict=True)
        return any(_apart(one, another) for one, another in names) or bool(self.far_from(other))

    def far_from(self, other: "Said") -> list[Duration]:
        """The durations that both state equally often, and more than a second apart."""
        return [
            name
            for name, stated in self.durations.items()
            if len(stated) == len(other.durations.get(name, ()))
            and abs(sum(stated) - sum(other.durations[name])) > APART
        ]

    def told(self, durations: Iterable[Duration]) -> str:
        """It in a few words, with these of the durations."""
        words = [*sorted(self.outcomes), *sorted(self.queues), *sorted(self.agents)]
        known = [each for each in durations if each in self.durations]
        words += [f"{each[0]} {sum(self.durations[each]) / 1000:g} s" for each in known]
        return " ".join(words)


def contradictions(facts: Iterable[Fact], names: Names | None = None) -> tuple[Contradiction, ...]:
    """All of them among the facts of a call, in an order of their own; with inside names where `names` has them.

    A record is looked at as a whole. Feeds that give each thing that they tell a record of its own, such as an answer
    by an agent, contradict each other in what they say of one queue.
    """
    meant = names or NOBODY
    records: Versions = {}
    exits: Versions = {}
    for fact in facts:
        version = fact.record_version
        if fact.record and version:
            records.setdefault(fact.record, {}).setdefault(version, []).append(fact)
            if fact.type in OUTCOMES and fact.queue is not None:
                queue = meant.inside("queue", fact.queue, fact.occurred_at)
                exits.setdefault(queue, {}).setdefault(version, []).append(fact)
    found = list(_among("record", records, meant))
    known = {event for each in found for event in each.events}
    return (*found, *[each for each in _among("queue", exits, meant) if known.isdisjoint(each.events)])


def _among(thing: Literal["record", "queue"], things: Versions, names: Names) -> Iterator[Contradiction]:
    for about, versions in sorted(things.items()):
        if len(versions) < 2 or _alike(versions.values()):
            continue
        standing = max(greatest_versions(set(versions)))
        said = {version: _said(told, names) for version, told in versions.items()}
        against = sorted(each for each in versions if said[each].contradicts(said[standing]))
        if against:
            apart = sorted({length for each in against for length in said[each].far_from(said[standing])})
            detail = dict.fromkeys(said[each].told(apart) for each in (*against, standing))
            events = sorted(fact.event_id for each in (*against, standing) for fact in versions[each])
            yield Contradiction(thing, about, " / ".join(detail), tuple(events))


def _alike(versions: Iterable[Sequence[Fact]]) -> bool:
    """Whether all say the same in the same words, as feeds nearly always do: then nothing else need be looked at."""
    words = {
        frozenset((fact.type, fact.queue, fact.agent, *map(fact.data.get, STATED)) for fact in told)
        for told in versions
    }
    return len(words) == 1


def _said(facts: Sequence[Fact], names: Names) -> Said:
    durations: dict[Duration, list[int]] = {}
    for fact in facts:
        gross = " with holds" if fact.data.get("talk_includes_hold") else ""
        for name in DURATIONS:
            stated = fact.milliseconds(f"{name}_seconds")
            if stated is not None:
                queue = names.inside("queue", fact.queue, fact.occurred_at) if fact.queue else ""
                durations.setdefault((name + (gross if name == "talk" else ""), queue), []).append(stated)
    return Said(
        frozenset(OUTCOMES[fact.type] for fact in facts if fact.type in OUTCOMES),
        frozenset(names.inside("queue", fact.queue, fact.occurred_at) for fact in facts if fact.queue),
        frozenset(names.inside("agent", fact.agent, fact.occurred_at) for fact in facts if fact.agent),
        durations,
    )


def _apart(one: frozenset[Hashable], another: frozenset[Hashable]) -> bool:
    return bool(one and another) and not (one <= another or another <= one)
