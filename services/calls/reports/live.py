"""The floor now: who waits, who works, and today's figures so far."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from services.calls.projections.agents import EVERY_QUEUE
from services.calls.queries import (
    AgentCounts,
    AgentState,
    Live,
    LiveAgent,
    LiveQueue,
    LiveView,
    ServiceLevelOf,
    ServiceLevelRow,
)
from services.calls.reports.intervals import floor
from services.calls.reports.judged_visits import judged, queue_zones, queues_seen
from services.calls.reports.live_quotas import LiveQuotas
from services.calls.reports.service_level import rows
from services.calls.reports.visibility import queues_open_to
from services.kernel.database import Cursor
from services.kernel.projections import answers
from services.kernel.values import Actor, seconds

WAITING = """SELECT queue, count(*), min(entered_at) FROM visits
    WHERE outcome = 'in_progress' AND NOT excluded GROUP BY queue"""
CONFIGURED = "SELECT queue FROM queues"
MARKS = """SELECT agent, kind, queue, type, occurred_at + coalesce(clock_offset_us, 0) * interval '1 microsecond',
        coalesce(pause_reasons ->> says, says)
    FROM agent_marks LEFT JOIN sources USING (source) WHERE kind <> 'state'"""
LEGS_OPEN = """SELECT DISTINCT ON (agent) agent, wrapup = 'open', coalesce(ended_at, answered_at) FROM legs
    WHERE agent IS NOT NULL AND NOT inferred AND (ended_at IS NULL OR wrapup = 'open')
    ORDER BY agent, ended_at IS NULL DESC, answered_at DESC"""
LEGS_LAST = """SELECT wanted.agent, last.ended_at FROM unnest(%s::text[]) AS wanted(agent)
    CROSS JOIN LATERAL (SELECT ended_at FROM legs WHERE legs.agent = wanted.agent AND ended_at IS NOT NULL
        ORDER BY answered_at DESC LIMIT 1) AS last"""


@dataclass(slots=True)
class Word:
    """The newest that was said of an agent for one queue."""

    type: str
    at: datetime
    activity: str | None


@dataclass(slots=True)
class Presence:
    """What is known of an agent who has ever signed in."""

    signs: dict[str, Word] = field(default_factory=dict)
    pauses: dict[str, Word] = field(default_factory=dict)

    def hear(self, kind: str, queue: str, word: Word) -> None:
        """Keeps the newer of two words; the same agent may be known to several sources."""
        words = self.signs if kind == "sign" else self.pauses
        if queue not in words or word.at >= words[queue].at:
            words[queue] = word

    def queues(self) -> list[str]:
        """The queues that the agent is signed in to; `EVERY_QUEUE` where none was named."""
        return [queue for queue in self.signs if _newest(self.signs, queue).type == "agent.signed_in"]

    def pause(self, queue: str) -> Word | None:
        """The pause from that queue, if one is running; signing in anew ends it."""
        if not self.pauses.keys() & {queue, EVERY_QUEUE}:
            return None
        word = _newest(self.pauses, queue)
        return word if word.type == "agent.paused" and word.at >= _newest(self.signs, queue).at else None

    def since(self) -> datetime:
        """When anything was last said."""
        return max(word.at for word in (*self.signs.values(), *self.pauses.values()))


def _newest(words: dict[str, Word], queue: str) -> Word:
    return max((words[name] for name in (queue, EVERY_QUEUE) if name in words), key=lambda word: word.at)


@dataclass(frozen=True, slots=True)
class Working:
    """A signed-in agent, and for each of their queues what they are doing."""

    shown: LiveAgent
    queues: dict[str, AgentState]


class LiveFloor:
    """Answers with what happens now."""

    def __init__(self) -> None:
        self._quotas = LiveQuotas()

    @answers(Live)
    def live(self, _asked: Live, db: Cursor, actor: Actor) -> LiveView:
        """Queues with anything waiting, signed in, configured or seen today; agents signed in; quotas."""
        now = datetime.now(UTC)
        agents = working(db)
        waiting = {queue: (count, since) for queue, count, since in db.execute(WAITING)}
        named = {queue for agent in agents for queue in agent.queues if queue != EVERY_QUEUE}
        known = {*waiting, *named, *queues_seen(db, actor, None), *(queue for (queue,) in db.execute(CONFIGURED))}
        limit = queues_open_to(db, actor)
        seen = sorted(known if limit is None else known & limit)
        today = figures_of_today(db, seen, now)
        return LiveView(
            as_of=now,
            queues=tuple(
                LiveQueue(
                    queue=queue,
                    waiting=waiting[queue][0] if queue in waiting else 0,
                    longest_wait_seconds=_since(waiting[queue][1], now) if queue in waiting else None,
                    agents=_counts(queue, agents),
                    today=today[queue],
                )
                for queue in seen
            ),
            agents=tuple(agent.shown for agent in agents if limit is None or not limit.isdisjoint(agent.queues)),
            quotas=self._quotas.seen(db, actor, now),
        )


def figures_of_today(db: Cursor, queues: list[str], now: datetime) -> dict[str, ServiceLevelRow]:
    """The figures of each queue since midnight in its own zone."""
    zones = queue_zones(db, queues)
    figures: dict[str, ServiceLevelRow] = {}
    for zone in set(zones.values()):
        here = [queue for queue in queues if zones[queue] == zone]
        asked = ServiceLevelOf(from_=floor(now, "P1D", zone), to=now, interval="total")
        judgement = judged(db, asked, asked.from_, asked.to, here)
        figures |= {row.queue: row for row in rows(db, judgement, asked.from_, asked.to, here)}
    return figures


def working(db: Cursor) -> list[Working]:
    """The agents who are signed in, by name."""
    presences: dict[str, Presence] = {}
    for agent, kind, queue, kind_of_fact, at, activity in db.execute(MARKS):
        presences.setdefault(agent, Presence()).hear(kind, queue, Word(kind_of_fact, at, activity))
    here = {agent: presence for agent, presence in presences.items() if presence.queues()}
    legs = {agent: (wrapping, since) for agent, wrapping, since in db.execute(LEGS_OPEN)}
    last = dict(db.execute(LEGS_LAST, (list(here),)).fetchall())
    return [_working(agent, here[agent], legs.get(agent), last.get(agent)) for agent in sorted(here)]


def _working(agent: str, presence: Presence, leg: tuple[bool, datetime] | None, freed: datetime | None) -> Working:
    queues = presence.queues()
    pauses = {queue: presence.pause(queue) for queue in queues}
    if leg is not None:
        state: AgentState = "wrapup" if leg[0] else "on_call"
        return Working(LiveAgent(agent, state, leg[1], None, late=False), dict.fromkeys(queues, state))
    states: dict[str, AgentState] = {queue: "paused" if pauses[queue] else "available" for queue in queues}
    if "available" in states.values():
        since = max(presence.since(), freed or presence.since())
        return Working(LiveAgent(agent, "available", since, None, late=False), states)
    newest = max((pause for pause in pauses.values() if pause), key=lambda pause: pause.at)
    return Working(LiveAgent(agent, "paused", newest.at, newest.activity, late=False), states)


def _counts(queue: str, agents: Iterable[Working]) -> AgentCounts:
    states = [agent.queues.get(queue, agent.queues.get(EVERY_QUEUE)) for agent in agents]
    return AgentCounts(*(states.count(name) for name in AgentCounts.__dataclass_fields__))


def _since(begin: datetime, now: datetime) -> Decimal:
    return seconds(max(0, int((now - begin).total_seconds() * 1000)))
