"""The floor at work: callers who wait in line, agents who take them, and the rules by which the two meet."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from loadtests.simulator.agenda import Agenda
from loadtests.simulator.journal import Call, Journal, QueueVisit, seconds
from loadtests.simulator.plan import AgentPlan, Plan, QueuePlan


@dataclass(eq=False)
class Agent:
    """An agent at work. `due` is what to do as soon as the hands are free: a pause (reason, ms), or None to go home."""

    plan: AgentPlan
    due: list[tuple[str, int] | None] = field(default_factory=list)


@dataclass(eq=False)
class Waiting:
    """A caller in line, and the agent whose telephone rings for them, if one does."""

    call: Call
    visit: QueueVisit
    plan: QueuePlan
    rung: Agent | None = None
    ringing_since: int = 0


class Floor:
    """Queues and agents, moved on by an agenda; writes what happens into a journal.

    `conversation` is the process that follows once a caller and an agent are connected.
    """

    def __init__(
        self,
        plan: Plan,
        rng: Random,
        agenda: Agenda,
        journal: Journal,
        conversation: Callable[["Floor", Call, Agent, QueueVisit], Iterator[int]],
    ) -> None:
        self.habits = plan.habits
        self.conversation = conversation
        self.rng = rng
        self.agenda = agenda
        self.journal = journal
        self.queues = {queue.name: queue for queue in plan.queues}
        self.lines: dict[str, list[Waiting]] = {name: [] for name in self.queues}
        self.present: dict[str, Agent] = {}
        self.idle: dict[str, Agent] = {}  # in the order in which they became idle: the longest idle first

    def chance(self, probability: float) -> bool:
        """Whether something happens that does so with this probability."""
        return self.rng.random() < probability

    def lasting(self, mean: float, sigma: float = 0.6) -> int:
        """Milliseconds of some piece of work: lognormal around a mean in seconds."""
        return round(1000 * self.rng.lognormvariate(math.log(mean) - sigma * sigma / 2, sigma))

    # People

    def sign_in(self, agent: Agent) -> None:
        """An agent sits down."""
        self.present[agent.plan.id] = agent
        self.journal.of_agent(agent.plan.id, "signed_in", self.agenda.now, queues=list(agent.plan.queues))
        self.free(agent)

    def wish(self, agent: Agent, due: tuple[str, int] | None) -> None:
        """An agent is to pause (reason, ms) or to leave (None): now if idle, else once the work in hand is done."""
        agent.due.append(due)
        if self.idle.pop(agent.plan.id, None):
            self.free(agent)

    def free(self, agent: Agent) -> None:
        """An agent's hands are free: leave, pause, take the one who waits longest, or stand by."""
        if agent.due:
            due = agent.due.pop(0)
            if due is None:
                self._sign_out(agent)
            else:
                self.agenda.start(self._pause(agent, *due))
            return
        heads = [next((w for w in self.lines[name] if w.rung is None), None) for name in agent.plan.queues]
        waiting = min((head for head in heads if head), key=lambda w: w.visit.entered, default=None)
        if waiting:
            self._ring(waiting, agent)
        else:
            self.idle[agent.plan.id] = agent

    def _pause(self, agent: Agent, reason: str, length: int) -> Iterator[int]:
        queues = list(agent.plan.queues)
        self.journal.of_agent(agent.plan.id, "paused", self.agenda.now, reason=reason, queues=queues)
        yield length
        self.journal.of_agent(agent.plan.id, "resumed", self.agenda.now, queues=queues)
        self.free(agent)

    def _sign_out(self, agent: Agent) -> None:
        del self.present[agent.plan.id]
        self.journal.of_agent(agent.plan.id, "signed_out", self.agenda.now, queues=list(agent.plan.queues))
        for name in agent.plan.queues:
            if not self._staffed(name):
                for waiting in list(self.lines[name]):
                    self._leave(waiting, "no_agents")

    def _staffed(self, queue: str) -> bool:
        return any(queue in agent.plan.queues for agent in self.present.values())

    # Callers

    def enter(self, call: Call, queue: QueuePlan, closed: bool = False) -> None:
        """A call comes to a queue: it is turned away, or it waits."""
        line = self.lines[queue.name]
        refusal = "closed" if closed else "full" if len(line) >= queue.room else None
        if refusal is None and not self._staffed(queue.name):
            refusal = "no_agents"
        now = self.agenda.now
        visit = QueueVisit(call.id, queue.name, now, len(line) + 1)
        self.journal.visits.append(visit)
        if refusal:
            visit.outcome, visit.left = refusal, now
            self.journal.of_call(call, "queue_left", now, queue.name, reason=refusal)
            self.journal.of_call(call, "ended", now, by="system", cause=refusal)
            return
        waiting = Waiting(call, visit, queue)
        line.append(waiting)
        self.journal.of_call(call, "queued", now, queue.name, position=visit.position)
        hurried = self.chance(self.habits.hurried)
        patience = self.rng.uniform(1, 5) if hurried else self.rng.expovariate(1 / queue.patience)
        self.agenda.at(now + round(patience * 1000), lambda: self._abandon(waiting))
        self.agenda.at(now + round(queue.timeout * 1000), lambda: self._leave(waiting, "timeout"))
        if self.chance(self.habits.key_pressed):
            self.agenda.at(now + round(self.rng.uniform(20, 90) * 1000), lambda: self._leave(waiting, "key"))
        self._seek_agent(waiting)

    def _seek_agent(self, waiting: Waiting) -> None:
        agent = next((a for a in self.idle.values() if waiting.plan.name in a.plan.queues), None)
        if agent:
            del self.idle[agent.plan.id]
            self._ring(waiting, agent)

    def _ring(self, waiting: Waiting, agent: Agent) -> None:
        now = self.agenda.now
        waiting.rung, waiting.ringing_since = agent, now
        self.journal.of_call(waiting.call, "ringing", now, waiting.plan.name, agent.plan.id)
        missed = self.chance(self.habits.ring_no_answer)
        length = 15_000 if missed else round(self.rng.uniform(1, 7) * 1000)
        self.agenda.at(now + length, lambda: self._rung_out(waiting, agent, now, missed))

    def _rung_out(self, waiting: Waiting, agent: Agent, since: int, missed: bool) -> None:
        if waiting.rung is not agent or waiting.ringing_since != since:
            return
        now = self.agenda.now
        if missed:
            self._stop_ringing(waiting, agent)
            agent.due.insert(0, ("Auto-Pause", round(self.rng.uniform(20, 120) * 1000)))
            self.free(agent)
            self._seek_agent(waiting)
            return
        self._take_out(waiting, "answered")
        self.journal.of_call(
            waiting.call,
            "answered",
            now,
            waiting.plan.name,
            agent.plan.id,
            wait_seconds=seconds(waiting.visit.wait()),
            ring_seconds=seconds(now - since),
        )
        self.agenda.start(self.conversation(self, waiting.call, agent, waiting.visit))

    def _stop_ringing(self, waiting: Waiting, agent: Agent, cancelled: bool | None = None) -> None:
        rang = seconds(self.agenda.now - waiting.ringing_since)
        waiting.rung = None
        self.journal.of_call(
            waiting.call,
            "ring_no_answer",
            self.agenda.now,
            waiting.plan.name,
            agent.plan.id,
            ring_seconds=rang,
            cancelled=cancelled,
        )

    def _take_out(self, waiting: Waiting, outcome: str) -> int:
        """Take a caller out of line; answers the position held there."""
        line = self.lines[waiting.plan.name]
        position = line.index(waiting) + 1
        line.remove(waiting)
        waiting.rung = None
        waiting.visit.outcome, waiting.visit.left = outcome, self.agenda.now
        return position

    def _give_up(self, waiting: Waiting, outcome: str) -> tuple[int, float] | None:
        """The caller leaves the line without an agent: position and seconds waited, or None if already gone."""
        if waiting.visit.outcome:
            return None
        rung = waiting.rung
        if rung:
            self._stop_ringing(waiting, rung, cancelled=True)
        position = self._take_out(waiting, outcome)
        if rung:
            self.agenda.at(self.agenda.now, lambda: self.free(rung))
        return position, seconds(waiting.visit.wait())

    def _abandon(self, waiting: Waiting) -> None:
        gone = self._give_up(waiting, "abandoned")
        if gone:
            now, (position, waited) = self.agenda.now, gone
            name = waiting.plan.name
            self.journal.of_call(waiting.call, "abandoned", now, name, position=position, wait_seconds=waited)
            self.journal.of_call(waiting.call, "ended", now, by="caller")

    def _leave(self, waiting: Waiting, reason: str) -> None:
        gone = self._give_up(waiting, reason)
        if not gone:
            return
        now, waited = self.agenda.now, gone[1]
        self.journal.of_call(
            waiting.call,
            "queue_left",
            now,
            waiting.plan.name,
            reason=reason,
            wait_seconds=waited,
            position=gone[0],
            key="1" if reason == "key" else None,
        )
        if reason == "timeout" and waiting.plan.overflows_to:
            target = self.queues[waiting.plan.overflows_to]
            self.agenda.at(now + 500, lambda: self.enter(waiting.call, target))
        else:
            self.journal.of_call(waiting.call, "ended", now, by="caller" if reason == "key" else "system")
