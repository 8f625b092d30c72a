"""The agents' report: what each handled, and how their time was spent (MEASURES sections 1 and 3)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate, chain, islice, takewhile
from typing import NamedTuple

from services.calls.domain.presence import EVERY_QUEUE, Attendance
from services.calls.domain.timelines import Timeline
from services.calls.projections.stories import microseconds
from services.calls.queries import AgentReport, AgentRow, AgentsOf
from services.calls.reports.agent_figures import RING_COUNTS, UNSTATED, Figures, of_inferred, of_legs, of_states
from services.calls.reports.agents_as_known import viewed_then
from services.calls.reports.agents_viewed import LATEST, Row, Sight, View, Window
from services.calls.reports.floor import Agent, agents_near, instant, legs_of, restarts_known
from services.calls.reports.ranges import too_long
from services.kernel.cursors import decode, encode
from services.kernel.database import Cursor
from services.kernel.decider import Rejected
from services.kernel.projections import answers
from services.kernel.values import Actor

MOST_LEGS = 600_000  # of one answer: twelve seconds of an idle processor, by quarters of an hour sixteen, of twenty
ALONE, FOR_EACH = 0.6, 0.4  # of the cost of a leg in a total: what it costs anyway, and for each queue that looks at it
WORK_OF_PAGE = 60_000  # legs with which a page of agents is full, however few rows it has
WITHOUT_LEGS = 100  # legs that cost as much as an agent without any
RINGS = """SELECT queue, width_bucket(began_at, %(edges)s::timestamptz[]) - 1, result, count(*),
        coalesce(sum(ring_ms), 0)::bigint
    FROM rings WHERE agent = %(agent)s AND NOT excluded AND began_at >= %(begin)s AND began_at < %(end)s
    GROUP BY 1, 2, 3"""

Places = defaultdict[int, Figures]


class AgentReports:
    """Answers with the agents' report."""

    @answers(AgentsOf)
    def report(self, asked: AgentsOf, db: Cursor, actor: Actor) -> AgentReport | Rejected | None:
        """Rows by agent, queue or team, and interval; None where the actor may not know of the one that is named."""
        if refused := too_long(asked.from_, asked.to):
            return refused
        view = viewed_then(db, actor, asked)
        if not isinstance(view, View):
            return view
        after, now = BEGINNING, asked.as_known_at or datetime.now(UTC)
        if asked.cursor:
            agent, start, as_of = decode(asked.cursor, datetime.now(UTC), str, int, int)
            after, now = Place(agent, start), instant(as_of)  # so that all pages are as of one instant
        if view.group == "agent":
            items, following = _page(db, view, after, now)
        else:
            legs = legs_of(db, view.agents, asked.from_, asked.to)
            together = None if sum(legs.values()) > MOST_LEGS else _together(db, view, legs, now)
            if together is None:
                return too_many()
            items, following = list(together), None
        return AgentReport(
            items=tuple(items),
            group_by=view.group,
            interval=asked.interval,
            timezone=None if asked.timezone is None else asked.timezone.key,
            utilisation_of="signed_in_seconds",
            as_of=now,
            next=following and encode(datetime.now(UTC), *following, microseconds(now)),
        )


def too_many() -> Rejected:
    """The refusal of what cannot be folded at once."""
    detail = f"These are more than {MOST_LEGS} legs: ask for a shorter range, for one queue or agent, or by agent."
    return Rejected("calls.report.too_many_legs", detail, 422)


class Place(NamedTuple):
    """Where a row stands in a list by agents: whose it is, and when its interval begins, in microseconds."""

    agent: str
    start: int


BEGINNING = Place("", -LATEST)


def _page(db: Cursor, view: View, after: Place, now: datetime) -> tuple[list[AgentRow], Place | None]:
    """The rows behind a place, as many as fit into a page, and the place of the last of them where there are more."""
    page: list[AgentRow] = []
    last = after
    behind = sorted(agent for agent in view.agents if Place(agent, LATEST) > after)
    left = legs_of(db, behind, view.asked.from_, view.asked.to)
    fitting = _fitting(left)
    for seen in agents_seen(db, view, fitting, now):
        row = Row(seen.agent.name, view.asked.queue)
        places: Places = defaultdict(Figures)
        window = view.shown(view.window(row, now), row, seen.agent.name)
        _collect(places, seen, view.sight(row), window)
        for shown in _shown(view, row, places):
            place = Place(seen.agent.name, microseconds(shown.interval_start))
            if place > after:
                if len(page) == view.asked.limit:
                    return page, last
                page.append(shown)
                last = place
    return page, Place(next(reversed(fitting)), LATEST) if len(fitting) < len(left) else None


def _fitting(legs: Mapping[str, int]) -> dict[str, int]:
    """The first agents, as many as can be folded for one page; an agent is some work without a leg too."""
    work = accumulate(count + WITHOUT_LEGS for count in legs.values())
    fitting = takewhile(lambda each: each[1] <= WORK_OF_PAGE, zip(legs.items(), work, strict=True))
    return dict(item for item, _ in fitting) or dict(islice(legs.items(), 1))


def _together(db: Cursor, view: View, legs: Mapping[str, int], now: datetime) -> Iterator[AgentRow] | None:
    """The rows of queues or teams, or of all together; None where these are too many legs."""
    windows = {row: view.window(row, now) for row in view.rows}
    figures: dict[Row, Places] = {row: defaultdict(Figures) for row in view.rows}
    folded = 0.0
    for seen in agents_seen(db, view, legs, now) if windows else ():
        rows = list(view.rows_of(seen.agent.name, seen.queues(windows[view.rows[0]])))
        folded += len(seen.agent.legs) * (ALONE + FOR_EACH * len(rows))
        if folded > MOST_LEGS:
            return None
        for row in rows:
            window = view.shown(windows[row], row, seen.agent.name)
            _collect(figures[row], seen, view.sight(row), window)
    return chain.from_iterable(_shown(view, row, figures[row]) for row in view.rows)


def _shown(view: View, row: Row, places: Places) -> Iterator[AgentRow]:
    named = row in view.named
    for place, start in enumerate(view.starts(row)):
        if place in places or named:
            yield places[place].row(*row, start)


@dataclass
class Seen:
    """An agent, when they were signed in, and what they were doing."""

    agent: Agent
    present: Sequence[Attendance]
    timeline: Timeline
    _db: Cursor
    _rings: dict[Window, Sequence[tuple[str | None, int, str, int, int]]] = field(default_factory=dict)

    def rings(self, window: Window) -> Sequence[tuple[str | None, int, str, int, int]]:
        """How often the agent was rung: queue, interval, result, how often, and milliseconds in all."""
        if window not in self._rings:
            span = {"begin": instant(window.edges[0]), "end": instant(window.end)}
            asked = {"agent": self.agent.name, "edges": window.edges_as_text, **span}
            self._rings[window] = [
                (queue, place, *counted)
                for queue, edge, *counted in self._db.execute(RINGS, asked)
                if (place := window.interval(edge)) >= 0
            ]
        return self._rings[window]

    def queues(self, window: Window) -> frozenset[str] | None:
        """The queues with which the agent has to do; None where these may be any."""
        signed_in = {queue for each in self.present for queue in each.signed_in}
        served = [*(leg.queue for leg in self.agent.legs), *(queue for queue, *_ in self.rings(window))]
        worked = {queue for queue in served if queue is not None}
        return None if EVERY_QUEUE in signed_in else frozenset(signed_in | worked)


def agents_seen(
    db: Cursor, view: View, legs: Mapping[str, int], now: datetime, *, named: bool = False
) -> Iterator[Seen]:
    """The agents of whom `legs_of` told, in turn; `named`: with the ids of their legs."""
    restarts, moment = restarts_known(db), microseconds(now)
    for agent in agents_near(db, legs, view.asked.from_, view.asked.to, named=named):
        present = agent.present(restarts, moment)
        yield Seen(agent, present, Timeline(present, agent.legs, moment), db)


def _collect(places: Places, seen: Seen, sight: Sight, window: Window) -> None:
    counts: defaultdict[tuple[int, str], int] = defaultdict(int)
    for place, name, much, _ in of_legs(seen.timeline, sight, window):
        counts[place, name] += much
    for (place, name), much in counts.items():
        places[place].counts[name] += much
    for queue, place, result, count, milliseconds in seen.rings(window):
        if sight is None or queue in sight:
            figures = places[place]
            figures.counts.update(dict.fromkeys(RING_COUNTS[result], count))
            figures.counts["ring"] += milliseconds
    spent: defaultdict[tuple[int, str, str | None], int] = defaultdict(int)
    for place, state, activity, much in of_states(seen.timeline, sight, window):
        spent[place, state, activity] += much
    for (place, state, activity), much in spent.items():
        figures = places[place]
        figures.states[state] += much
        if state == "paused":
            figures.activities[activity or UNSTATED] += much
    for place in of_inferred(seen.present, sight, window):
        places[place].counts["inferred_sign_outs"] += 1
