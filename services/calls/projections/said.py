"""What a call's facts say beside what the fold makes of them."""

from dataclasses import dataclass, field

from services.calls.domain.entries import earliest_told, entry_told
from services.calls.domain.intervals import HOUR, QueueHour
from services.calls.domain.story import Fact

LATEST = 1 << 62


@dataclass(slots=True)
class Said:
    """The names in the facts are those that the source gave.

    `hours` are those (since 1970) in which visits to queues begin by one of the facts. Nothing that they tell of begins
    before `began` or after `until`, in microseconds; superseded facts tell too.
    """

    agents: set[str] = field(default_factory=set)
    queues: set[str] = field(default_factory=set)
    campaigns: set[str] = field(default_factory=set)
    customers: set[str] = field(default_factory=set)
    hours: set[QueueHour] = field(default_factory=set)
    began: int = LATEST
    until: int = -LATEST

    def add(self, fact: Fact) -> None:
        """Takes a fact in; again changes nothing."""
        if fact.agent is not None:
            self.agents.add(fact.agent)
        if fact.campaign is not None:
            self.campaigns.add(fact.campaign)
        if fact.customer is not None:
            self.customers.add(fact.customer)
        if fact.queue is not None:
            self.queues.add(fact.queue)
            entered_at = entry_told(fact)
            if entered_at is not None:
                self.hours.add((fact.queue, entered_at // HOUR))
        self.began = min(self.began, earliest_told(fact))
        self.until = max(self.until, fact.occurred_at)
