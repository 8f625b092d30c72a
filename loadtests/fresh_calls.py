"""Facts without end and without repetition: a simulated morning, gone through again and again under new calls."""

from datetime import date
from itertools import count, islice

from loadtests.simulator.centre import Centre
from loadtests.simulator.journal import Fact

MORNING = (date(2026, 11, 20), 8, 12)


class FreshCalls:
    """The facts of one source's calls in the order in which they occur, those of some fifty calls interleaved.

    Facts of agents are left out: no answer of the API tells which of them are stored.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        morning = [fact for fact in Centre(1).day(*MORNING).facts if "call_id" in fact]
        self._facts = (self._renamed(fact, turn) for turn in count() for fact in morning)

    def take(self, facts: int) -> list[Fact]:
        """The next facts; nobody is given them again."""
        return list(islice(self._facts, facts))

    def _renamed(self, fact: Fact, turn: int) -> Fact:
        return fact | {"source": self.source, "call_id": f"{fact['call_id']}-{turn}"}
