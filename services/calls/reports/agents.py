"""The agents' report: what each handled, and how their time was spent (MEASURES sections 1 and 3)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from services.calls.domain.agents_time import Span, Work, stretches, talks, wrapups
from services.calls.domain.presence import EVERY_QUEUE, Attendance
from services.calls.projections.stories import microseconds
from services.calls.queries import AgentReport, AgentRow, AgentsOf
from services.calls.reports.agents_viewed import Row, Sight, View, Window, viewed_by
from services.calls.reports.floor import Agent, agents_near, restarts_known, too_many
from services.calls.reports.ranges import too_long
from services.kernel.database import Cursor
from services.kernel.decider import Rejected
from services.kernel.projections import answers
from services.kernel.values import Actor, mean_seconds, ratio, seconds

RINGS = """SELECT agent, queue, began_at, result, ring_ms, call, visit, number FROM rings
    WHERE agent = ANY(%s) AND NOT excluded AND began_at >= %s AND began_at < %s ORDER BY began_at, call, number"""
UNSTATED = "unstated"  # the activity of a pause of which nobody said what it was for


@dataclass(slots=True)
class Figures:
    """What comes to one row; times in microseconds but for those of legs and rings, which are in milliseconds."""

    counts: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    activities: Counter[str] = field(default_factory=Counter)

    def row(self, agent: str | None, queue: str | None, team: str | None, start: datetime) -> AgentRow:
        """The figures as they are shown."""
        counts, states = self.counts, self.states
        handling = states["on_call"] + states["wrapup"]
        signed_in = handling + states["elsewhere"] + states["available"] + states["paused"]
        return AgentRow(
            agent=agent,
            queue=queue,
            team=team,
            interval_start=start,
            handled=counts["handled"],
            pending=counts["pending"],
            handle_seconds=seconds(counts["handle"]),
            aht_seconds=mean_seconds(counts["handle"], counts["handled"]),
            talk_seconds=seconds(counts["talk"]),
            hold_seconds=seconds(counts["hold"]),
            wrapup_seconds=seconds(counts["wrapup"]),
            rings=counts["rings"],
            rings_answered=counts["rings_answered"],
            rings_missed=counts["rings_missed"],
            rings_cancelled=counts["rings_cancelled"],
            ring_seconds=seconds(counts["ring"]),
            ring_no_answer_rate=ratio(counts["rings_missed"], counts["rings"]),
            transferred=counts["transferred"],
            transferred_blind=counts["transferred_blind"],
            transferred_attended=counts["transferred_attended"],
            transfer_rate=ratio(counts["transferred"], counts["handled"]),
            signed_in_seconds=_seconds(signed_in),
            handling_seconds=_seconds(handling),
            elsewhere_seconds=_seconds(states["elsewhere"]),
            available_seconds=_seconds(states["available"]),
            paused_seconds=_seconds(states["paused"]),
            state_seconds={name: _seconds(states[name]) for name in ("available", "on_call", "wrapup", "paused")},
            activity_seconds={name: _seconds(time) for name, time in sorted(self.activities.items())},
            signed_out_handling_seconds=_seconds(states["signed_out"]),
            inferred_sign_outs=counts["inferred_sign_outs"],
            occupancy=ratio(handling, handling + states["available"]),
            utilisation=ratio(handling, signed_in),
        )


def _seconds(microseconds_: int) -> Decimal:
    return seconds(microseconds_ // 1000)


class Ring(NamedTuple):
    """An attempt to reach an agent."""

    agent: str
    queue: str | None
    at: int
    result: str
    ring_ms: int | None
    call: UUID
    visit: UUID | None
    number: int


def of_legs(
    legs: Sequence[Work], present: Sequence[Attendance], sight: Sight, window: Window
) -> Iterator[tuple[int, str, int, Work]]:
    """What legs add to which interval: its place, the name of the count, how much, and the leg."""
    for leg, wrapup in zip(legs, wrapups(present, legs, window.now), strict=True):
        if sight is not None and leg.queue not in sight:
            continue
        if (place := window.place(leg.answered_at)) >= 0:
            yield from ((place, name, much, leg) for name, much in _counted(leg))
        talked = talks(leg, window.now)
        for name, total, spans in (
            ("talk", _length(talked) if leg.talk_ms is None else leg.talk_ms, talked),
            ("hold", leg.hold_ms, leg.holds or talked),
            ("wrapup", _length([wrapup]) if wrapup and leg.wrapup == "open" else leg.wrapup_ms, [wrapup]),
        ):
            lengths = [span for span in spans if span]
            yield from ((place, name, much, leg) for place, much in window.share(total, lengths))


def of_rings(rings: Iterable[Ring], sight: Sight, window: Window) -> Iterator[tuple[int, str, int, Ring]]:
    """What rings add to which interval, likewise."""
    for ring in rings:
        place = window.place(ring.at)
        if place >= 0 and (sight is None or ring.queue in sight):
            if ring.result != "cancelled":
                yield place, "rings", 1, ring
            if ring.result != "ringing":
                yield place, f"rings_{ring.result}", 1, ring
            yield place, "ring", ring.ring_ms or 0, ring


def of_states(
    present: Sequence[Attendance], legs: Sequence[Work], sight: Sight, window: Window
) -> Iterator[tuple[int, str, str | None, int]]:
    """How time was spent: the place of the interval, the state, what a pause was for, and microseconds."""
    for each in stretches(present, legs, sight, window.now):
        state: str = each.state
        if not each.signed_in:
            if not each.here:
                continue
            state = "signed_out"
        elif not each.here:
            state = "elsewhere"
        for place, much in window.cut(each.begin, each.end):
            yield place, state, each.activity, much


def _counted(leg: Work) -> Iterator[tuple[str, int]]:
    if leg.pending:
        yield "pending", 1
    if leg.handled:
        yield "handled", 1
        yield "handle", leg.handle_ms
        if leg.transferred:
            yield "transferred", 1
            yield f"transferred_{leg.transferred}", 1


def _length(spans: Iterable[Span]) -> int:
    return sum(end - begin for begin, end in spans) // 1000


class AgentReports:
    """Answers with the agents' report."""

    @answers(AgentsOf)
    def report(self, asked: AgentsOf, db: Cursor, actor: Actor) -> AgentReport | Rejected | None:
        """Rows by agent or queue, and interval; None where the actor may not know of the agent or the queue."""
        if refused := too_long(asked.from_, asked.to):
            return refused
        view = viewed_by(db, actor, asked)
        if not isinstance(view, View):
            return view
        now = datetime.now(UTC)
        if refused := too_many(db, view.agents, asked.from_, asked.to):
            return refused
        figures: dict[Row, defaultdict[int, Figures]] = {row: defaultdict(Figures) for row in view.named}
        windows: dict[Row, Window] = {}
        for seen in agents_seen(db, view, now):
            for row in view.rows_of(seen.agent.name, seen.queues()):
                window = windows.get(row) or windows.setdefault(row, view.window(row, now))
                window = view.shown(window, row, seen.agent.name)
                _collect(figures.setdefault(row, defaultdict(Figures)), seen, view.sight(row), window)
        return AgentReport(
            items=tuple(
                places[place].row(*row, start)
                for row, places in sorted(figures.items(), key=lambda item: item[0].place)
                for place, start in enumerate(view.starts(row))
                if place in places or row in view.named
            ),
            group_by=view.group,
            interval=asked.interval,
            timezone=None if asked.timezone is None else asked.timezone.key,
            utilisation_of="signed_in_seconds",
            as_of=now,
        )


class Seen(NamedTuple):
    """An agent, when they were signed in, and the rings of the range."""

    agent: Agent
    present: Sequence[Attendance]
    rings: Sequence[Ring]

    def queues(self) -> frozenset[str] | None:
        """The queues with which the agent has to do; None where these may be any."""
        signed_in = {queue for each in self.present for queue in each.signed_in}
        worked = {each.queue for each in (*self.agent.legs, *self.rings) if each.queue is not None}
        return None if EVERY_QUEUE in signed_in else frozenset(signed_in | worked)


def agents_seen(db: Cursor, view: View, now: datetime) -> Iterator[Seen]:
    """The agents of a view in turn."""
    begin, end = view.asked.from_, view.asked.to
    rings: dict[str, list[Ring]] = {}
    for name, queue, began_at, *rest in db.execute(RINGS, (list(view.agents), begin, end)):
        rings.setdefault(name, []).append(Ring(name, queue, microseconds(began_at), *rest))
    restarts = restarts_known(db)
    for agent in agents_near(db, view.agents, begin, end):
        yield Seen(agent, agent.present(restarts, microseconds(now)), rings.get(agent.name, ()))


def _collect(places: defaultdict[int, Figures], seen: Seen, sight: Sight, window: Window) -> None:
    agent, present, rings = seen
    for place, name, much, _ in (*of_legs(agent.legs, present, sight, window), *of_rings(rings, sight, window)):
        places[place].counts[name] += much
    for place, state, activity, much in of_states(present, agent.legs, sight, window):
        figures = places[place]
        figures.states[state] += much
        if state == "paused":
            figures.activities[activity or UNSTATED] += much
    for each in present:
        if each.inferred and each.to(sight) != "away" and (place := window.place(each.end)) >= 0:
            places[place].counts["inferred_sign_outs"] += 1
