"""What happens on the line: talk, hold, transfers, the end, and the work that is left afterwards."""

from collections.abc import Iterator

from loadtests.simulator.floor import Agent, Floor
from loadtests.simulator.journal import AgentLeg, Call, QueueVisit, seconds
from loadtests.simulator.plan import QueuePlan

_DISPOSITIONS = (
    ("order_taken", "order", "positive", "yes"),
    ("question_answered", "question", "positive", "yes"),
    ("question_open", "question", "mixed", "no"),
    ("remark_noted", "comment", "mixed", "unknown"),
    ("complaint_opened", "complaint", "negative", "no"),
)
_TOPICS = ("delivery", "price", "invoice", "product", "website")


def conversation(floor: Floor, call: Call, agent: Agent, visit: QueueVisit | None) -> Iterator[int]:
    """One agent's part in a call, from the answer on: a process for the agenda. `visit` is None for a direct leg."""
    rng, habits, journal, me = floor.rng, floor.habits, floor.journal, agent.plan.id
    served = floor.queues[visit.queue if visit else agent.plan.queues[0]]
    queue = visit.queue if visit else None
    leg = AgentLeg(call.id, me, visit)
    journal.legs.append(leg)
    talk = max(3000, floor.lasting(served.talk))
    luck = rng.random()
    if call.direction == "inbound" and luck < habits.blind_transfer + habits.attended_transfer:
        attended = luck < habits.attended_transfer
        leg.talk = talk // 2
        yield leg.talk
        if attended:
            journal.of_call(call, "held", floor.agenda.now, queue, me)
            leg.hold = floor.lasting(25)
            yield leg.hold
        _transfer(floor, call, agent, leg, served, attended=attended)
        floor.agenda.start(_wrap_up(floor, call, agent, leg, served))
        return
    if floor.chance(habits.held):
        leg.hold = floor.lasting(40)
        yield talk // 3
        journal.of_call(call, "held", floor.agenda.now, queue, me)
        yield leg.hold
        journal.of_call(call, "resumed", floor.agenda.now, queue, me)
        yield talk - talk // 3
    else:
        yield talk
    leg.talk = talk
    _hang_up(floor, call, agent, leg, queue)
    floor.agenda.start(_wrap_up(floor, call, agent, leg, served))


def _transfer(floor: Floor, call: Call, agent: Agent, leg: AgentLeg, served: QueuePlan, *, attended: bool) -> None:
    others = [queue for queue in floor.queues.values() if queue is not served] or [served]
    target = floor.rng.choice(others)
    to_agent = None
    if floor.chance(floor.habits.transfer_to_agent):
        to_agent = next((a for a in floor.idle.values() if target.name in a.plan.queues), None)
    floor.journal.of_call(
        call,
        "transferred",
        floor.agenda.now,
        leg.visit.queue if leg.visit else None,
        agent.plan.id,
        kind="attended" if attended else "blind",
        to_queue=None if to_agent else target.name,
        to_agent=to_agent.plan.id if to_agent else None,
        talk_seconds=seconds(leg.talk),
        hold_seconds=seconds(leg.hold),
    )
    if to_agent is None:
        floor.agenda.at(floor.agenda.now + 200, lambda: floor.enter(call, target))
        return
    del floor.idle[to_agent.plan.id]
    floor.agenda.start(_direct(floor, call, to_agent))


def _direct(floor: Floor, call: Call, agent: Agent) -> Iterator[int]:
    """An agent takes a transferred call without any queue."""
    floor.journal.of_call(call, "ringing", floor.agenda.now, agent=agent.plan.id)
    rings = round(floor.rng.uniform(1, 5) * 1000)
    yield rings
    floor.journal.of_call(call, "answered", floor.agenda.now, agent=agent.plan.id, ring_seconds=seconds(rings))
    yield from conversation(floor, call, agent, None)


def _hang_up(floor: Floor, call: Call, agent: Agent, leg: AgentLeg, queue: str | None) -> None:
    """The end of a call. An agent who hangs up leaves first, and that fact states the measures; else the end does."""
    me, now = agent.plan.id, floor.agenda.now
    measures = {"talk_seconds": seconds(leg.talk), "hold_seconds": seconds(leg.hold)}
    if floor.chance(floor.habits.agent_hangs_up):
        floor.journal.of_call(call, "leg_ended", now, queue, me, cause="agent", **measures)
        floor.journal.of_call(call, "ended", now, queue, me, by="agent")
    else:
        floor.journal.of_call(call, "ended", now, queue, me, by="caller", **measures)
    if floor.chance(floor.habits.recorded):
        length = seconds(leg.talk + leg.hold)
        sound = f"recordings/{call.id}.opus"
        floor.journal.of_call(call, "recorded", now, queue, me, location=sound, seconds=length, notice=True)


def _wrap_up(floor: Floor, call: Call, agent: Agent, leg: AgentLeg, served: QueuePlan) -> Iterator[int]:
    journal, rng, me = floor.journal, floor.rng, agent.plan.id
    journal.of_call(call, "wrapup_started", floor.agenda.now, leg.visit.queue if leg.visit else None, me)
    length = max(1000, floor.lasting(served.wrapup))
    yield length // 2
    code, kind, sentiment, resolved = rng.choice(_DISPOSITIONS)
    topics = [rng.choice(_TOPICS)]
    journal.of_call(
        call, "disposition_set", floor.agenda.now, None, me, code=code, kind=kind, topics=topics, sentiment=sentiment,
        resolved=resolved,
    )  # fmt: skip
    yield length - length // 2
    leg.wrapup = length
    journal.of_call(call, "wrapup_ended", floor.agenda.now, None, me, wrapup_seconds=seconds(length))
    floor.free(agent)


def outbound(floor: Floor, call: Call, agent: Agent) -> Iterator[int]:
    """An agent calls a customer, who answers or does not."""
    journal, me = floor.journal, agent.plan.id
    journal.of_call(call, "started", floor.agenda.now, agent=me, initiation="manual")
    reached = floor.chance(floor.habits.outbound_reached)
    rings = round(floor.rng.uniform(4, 20) * 1000) if reached else 25_000
    yield rings
    if reached:
        journal.of_call(call, "answered", floor.agenda.now, agent=me, ring_seconds=seconds(rings))
        yield from conversation(floor, call, agent, None)
    else:
        journal.of_call(call, "ended", floor.agenda.now, agent=me, by="agent", cause="no_answer")
        floor.free(agent)
