"""A simulated call centre: the same seed gives the same calls, to the byte, on every machine and at any time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from loadtests.simulator.agenda import Agenda
from loadtests.simulator.conversations import conversation, outbound
from loadtests.simulator.floor import Agent, Floor
from loadtests.simulator.journal import AgentLeg, Call, Fact, Journal, QueueVisit
from loadtests.simulator.plan import Plan, QueuePlan

HOUR = 3_600_000


@dataclass(frozen=True)
class Day:
    """What happened on one day: facts in the order in which they occurred, and the truth that they tell."""

    facts: list[Fact]
    visits: list[QueueVisit]
    legs: list[AgentLeg]


class Centre:
    """A call centre that can be run for any day. Days do not depend on each other: each has its own random numbers."""

    def __init__(self, seed: int, plan: Plan | None = None) -> None:
        self.seed = seed
        self.plan = plan or Plan()

    def day(self, day: date, from_hour: int = 0, to_hour: int = 24) -> Day:
        """Run the centre from `from_hour` to `to_hour` of its local time. The calls that have begun by then are run to
        their end, so the last facts lie after `to_hour`; agents whose shift goes on stay signed in.
        """
        return _Run(self.plan, Random(f"{self.seed}/{day}"), day, from_hour, to_hour).run()  # noqa: S311


class _Run:
    def __init__(self, plan: Plan, rng: Random, day: date, from_hour: int, to_hour: int) -> None:
        self.midnight = datetime.combine(day, time(), ZoneInfo(plan.timezone))
        self.begins = self._at(from_hour)
        self.ends = self._at(to_hour)
        self.plan = plan
        self.rng = rng
        self.agenda = Agenda(self.begins - HOUR // 4)
        self.journal = Journal(plan.source)
        self.floor = Floor(plan, rng, self.agenda, self.journal, conversation)
        # Two seeds give two centres: their calls must not share ids where they are posted as one source.
        self.serial = rng.randrange(10**8)

    def run(self) -> Day:
        for agent in self.plan.agents:
            self.agenda.start(self._shift(Agent(agent)))
        for queue in self.plan.queues:
            self.agenda.start(self._arrivals(queue))
        self.agenda.start(self._outbound())
        self.agenda.run()
        return Day(self.journal.facts, self.journal.visits, self.journal.legs)

    def _at(self, hour: float) -> int:
        """The instant at which the clock on the wall shows this hour, on a day of 23 or 25 hours too."""
        return round((self.midnight + timedelta(hours=hour)).timestamp() * 1000)

    def _until(self, instant: float) -> int:
        return max(0, round(instant) - self.agenda.now)

    def _shift(self, agent: Agent) -> Iterator[int]:
        begins = max(self._at(agent.plan.begins), self.begins)
        ends = self._at(agent.plan.ends)
        if begins >= min(ends, self.ends):
            return
        yield self._until(begins - self.rng.uniform(0, 10) * 60_000)
        self.floor.sign_in(agent)
        middle = (begins + ends) / 2
        pauses = [(self._near((begins + middle) / 2), "break", 10), (self._near(middle), "lunch", 40)]
        pauses.append((self._near((middle + ends) / 2), "break", 10))
        for instant, reason, minutes in pauses:
            if instant >= self.ends:
                return
            yield self._until(instant)
            self.floor.wish(agent, (reason, round(minutes * 60_000 * self.rng.uniform(0.7, 1.2))))
        if ends <= self.ends:
            yield self._until(ends)
            self.floor.wish(agent, None)

    def _near(self, instant: float) -> float:
        return instant + self.rng.uniform(-0.5, 0.5) * HOUR

    def _arrivals(self, queue: QueuePlan) -> Iterator[int]:
        """Callers as a Poisson process whose rate changes by the hour; it has no memory, so each hour starts afresh."""
        for hour in range(24):
            instant = max(self._at(hour), self.begins)
            end = min(self._at(hour + 1), self.ends)
            rate = queue.calls_per_hour.get(hour, 0) / HOUR
            while rate and (instant := instant + self.rng.expovariate(rate)) < end:
                yield self._until(instant)
                self._call_in(queue, closed=not queue.opens <= hour < queue.closes)

    def _call_in(self, queue: QueuePlan, closed: bool) -> None:
        caller = None if self.floor.chance(self.plan.habits.withheld) else self._customer()
        call = self._new_call("inbound", caller, queue.number, queue.campaign)
        customer = f"c-{caller[-4:]}" if caller and self.floor.chance(0.5) else None
        self.journal.of_call(call, "started", self.agenda.now, customer_id=customer)
        menu = round(self.rng.uniform(2, 12) * 1000)
        self.agenda.at(self.agenda.now + menu, lambda: self.floor.enter(call, queue, closed))

    def _outbound(self) -> Iterator[int]:
        rate = self.plan.habits.outbound_per_hour / HOUR
        while rate and self.agenda.now < self.ends:
            yield max(1, round(self.rng.expovariate(rate)))
            if self.floor.idle and self.begins <= self.agenda.now < self.ends:
                agent = self.floor.idle.pop(next(iter(self.floor.idle)))
                queue = self.floor.queues[agent.plan.queues[0]]
                call = self._new_call("outbound", queue.number, self._customer(), queue.campaign)
                self.agenda.start(outbound(self.floor, call, agent))

    def _new_call(self, direction: str, caller: str | None, called: str, campaign: str | None) -> Call:
        self.serial += 1
        return Call(f"{self.agenda.now // 1000}.{self.serial}", direction, caller, called, campaign)

    def _customer(self) -> str:
        return f"+3319900{self.rng.randrange(1000, 10000)}"
