"""What is known of one call, taken from its events: the facts that the fold reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from services.calls.domain.dispositions import TOLD, DispositionCorrected, DispositionSet, decided_terms
from services.calls.domain.fold import Call, Fact, fold
from services.calls.domain.intervals import NO_HOURS, QueueHour
from services.calls.domain.names import Names
from services.calls.domain.reaper import CallClosedByInference
from services.calls.domain.vocabulary import VOCABULARY
from services.calls.projections.call_tables import Rows
from services.calls.projections.said import Said
from services.kernel.decider import event_type
from services.kernel.store import Position, StoredEvent

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CLOSED = event_type(CallClosedByInference)
RESTARTED = "source.restarted"
FACTS_OF_CALLS = tuple([name for name in VOCABULARY if name.startswith("call.")])
DECIDED = (event_type(DispositionSet), event_type(DispositionCorrected))
OF_CALLS = (*FACTS_OF_CALLS, CLOSED, *DECIDED)
NO_FACTS = frozenset({CLOSED, *DECIDED})


@dataclass(slots=True)
class Story:
    """What is known of one call: its facts so far, up to which version, and whether the reaper closed it.

    `said` is what the facts say beside what the fold makes of them, `decided` are the dispositions that people set, as
    facts.
    `offset` is the clock offset of its source, in microseconds, that the instants of its facts have in them. The names
    in its facts are those of the source. `rows` are what it has in the tables, where that is known, and `hours` where
    its visits count. `erased`: it was with somebody who was erased since, and is nobody's by name.
    """

    source: str = ""
    call_id: str = ""
    offset: int = 0
    version: int = 0
    facts: list[Fact] = field(default_factory=list)
    said: Said = field(default_factory=Said)
    closed: int | None = None
    decided: list[Fact] = field(default_factory=list)
    rows: Rows | None = None
    hours: frozenset[QueueHour] = NO_HOURS
    erased: bool = False

    def add(self, event: StoredEvent, offsets: Mapping[str, int], erasures: Mapping[str, Position]) -> None:
        """Takes the next event in; a customer who was erased after it has left nothing in it."""
        self.version = event.version
        if event.type in NO_FACTS:
            self._hear(event)
            return
        self.source, self.call_id = event.data["source"], event.data["call_id"]
        self.offset = offsets.get(self.source, 0)
        at = microseconds(event.occurred_at) + self.offset
        customer: str | None = event.metadata.get("customer")
        numbers = "numbers" in event.metadata
        if customer in erasures and (event.transaction_id, event.position) < erasures[customer]:
            customer, numbers, self.erased = None, False, True
        fact = Fact.of(event.event_id, event.data, at, customer, numbers)
        self.facts.append(fact)
        self.said.add(fact)

    def told(self, restarts: Mapping[str, list[int]], names: Mapping[str, Names]) -> Call:
        """The call that the facts tell, with the restarts of each source and what its names mean."""
        call = fold(self.facts, restarts.get(self.source, ()), self.closed, names.get(self.source), self.decided)
        if self.erased:
            call.customer_id = call.customer_name = None
        return call

    def _hear(self, event: StoredEvent) -> None:
        if event.type == CLOSED:
            self.closed = event.data["known_facts"]
        else:
            fact = {"id": str(event.event_id), "type": TOLD, "data": decided_terms(event.data)}
            self.decided.append(Fact.of(event.event_id, fact, microseconds(event.occurred_at)))


def microseconds(instant: datetime) -> int:
    """Microseconds since 1970."""
    since = instant - EPOCH
    return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds
