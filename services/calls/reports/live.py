"""The floor now: who waits, who works, and today's figures so far."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from services.calls.domain.presence import EVERY_QUEUE
from services.calls.domain.timelines import Stretch, Timeline
from services.calls.projections.stories import microseconds
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
from services.calls.reports.floor import Agent, agents_now, instant, restarts_known
from services.calls.reports.intervals import floor
from services.calls.reports.judged_visits import judged, queue_zones, queues_seen
from services.calls.reports.live_quotas import LiveQuotas
from services.calls.reports.service_level import rows
from services.calls.reports.visibility import is_shown, names_in_calls, queues_open_to
from services.kernel.database import Cursor
from services.kernel.projections import answers
from services.kernel.values import Actor, seconds

WAITING = """SELECT queue, count(*), min(entered_at) FROM visits
    WHERE outcome = 'in_progress' AND NOT excluded GROUP BY queue"""
CONFIGURED = "SELECT queue FROM queues"


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
        agents = working(db, now)
        waiting = {queue: (count, since) for queue, count, since in db.execute(WAITING)}
        named = {queue for agent in agents for queue in agent.queues if queue != EVERY_QUEUE}
        known = {*waiting, *named, *queues_seen(db, actor, None), *(queue for (queue,) in db.execute(CONFIGURED))}
        limit, known_names = queues_open_to(db, actor), names_in_calls(db, actor)
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
            agents=tuple(
                each.shown for each in agents if _open_to(each, limit) and is_shown(known_names, each.shown.agent, now)
            ),
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
        figures |= {row.queue: row for row in rows(db, judgement, here)}
    return figures


def working(db: Cursor, now: datetime) -> list[Working]:
    """The agents who are signed in, by name."""
    moment, restarts = microseconds(now), restarts_known(db)
    found = (_working(agent, restarts, moment) for agent in agents_now(db, now))
    return [each for each in found if each]


def _working(agent: Agent, restarts: Mapping[str, Sequence[int]], now: int) -> Working | None:
    present = agent.present(restarts, now)
    timeline = Timeline(present, agent.legs, now)
    doing = _doing(timeline, None)
    if doing is None:
        return None
    shown = LiveAgent(agent.name, doing.state, instant(doing.begin), doing.activity, late=False)
    told = {queue for each in present if each.end == now for queue, signed_in in each.signed_in.items() if signed_in}
    states = {queue: _doing(timeline, frozenset({queue})) for queue in told}
    return Working(shown, {queue: each.state for queue, each in states.items() if each})


def _doing(timeline: Timeline, queues: frozenset[str] | None) -> Stretch | None:
    """What the agent is doing, as these queues see it; None where they are not signed in."""
    last = next(reversed(timeline.stretches(queues)), None)
    return last if last and last.end == timeline.now and last.signed_in else None


def _open_to(agent: Working, limit: frozenset[str] | None) -> bool:
    return limit is None or EVERY_QUEUE in agent.queues or not limit.isdisjoint(agent.queues)


def _counts(queue: str, agents: Iterable[Working]) -> AgentCounts:
    states = [agent.queues.get(queue, agent.queues.get(EVERY_QUEUE)) for agent in agents]
    return AgentCounts(*(states.count(name) for name in AgentCounts.__dataclass_fields__))


def _since(begin: datetime, now: datetime) -> Decimal:
    return seconds(max(0, int((now - begin).total_seconds() * 1000)))
