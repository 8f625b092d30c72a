"""Who may see what of agents, and in which rows and intervals a report shows it."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.calls.domain.agents_time import Span, pieces, spread
from services.calls.domain.spans import Span as Time
from services.calls.domain.spans import within
from services.calls.projections.stories import microseconds
from services.calls.queries import AgentGroup, AgentsOf, Interval
from services.calls.reports.floor import agents_known, queues_known
from services.calls.reports.intervals import starts
from services.calls.reports.judged_visits import queue_zones
from services.calls.reports.teams import members, teams_of
from services.calls.reports.visibility import UTC, names_open_to, queues_open_to
from services.kernel.copying import instant_text
from services.kernel.database import Cursor
from services.kernel.decider import Rejected
from services.kernel.values import Actor

LATEST = 1 << 62  # later than any instant, in microseconds
Times = Mapping[str, Sequence[Time]]  # of agents by name
Sight = frozenset[str] | None  # the queues as which somebody looks at agents; None: all of them


@dataclass(frozen=True)
class Window:
    """The intervals of a report: their edges, up to `end`, in microseconds; nothing happens behind `now`.

    Where only some of their time is looked at, there are edges within them too, and `places` says in which interval the
    time behind each edge is (-1: it is not looked at).
    """

    edges: tuple[int, ...]
    end: int
    now: int
    places: tuple[int, ...] | None = None

    @cached_property
    def bounds(self) -> tuple[int, ...]:
        """The edges and the end."""
        return (*self.edges, self.end)

    @cached_property
    def edges_as_text(self) -> str:
        """The edges as a PostgreSQL array of instants, which is asked about each agent."""
        return "{" + ",".join(str(instant_text(edge)) for edge in self.edges) + "}"

    def place(self, at: int) -> int:
        """The interval in which an instant lies; -1 where in none."""
        return self.interval(bisect_right(self.edges, at) - 1) if at < self.end else -1

    def around(self, at: int) -> tuple[int, int, int]:
        """The interval in which an instant lies (-1: in none), and from when until when that is so."""
        edge = bisect_right(self.bounds, at) - 1
        if edge < 0:
            return -1, at, self.bounds[0]
        return (self.interval(edge), *self.bounds[edge : edge + 2]) if at < self.end else (-1, self.end, LATEST)

    def interval(self, edge: int) -> int:
        """The interval of the time behind the edge of that number; -1 where it is in none."""
        return edge if self.places is None or edge < 0 else self.places[edge]

    def within(self, spans: Sequence[Time]) -> "Window":
        """The same intervals, of which only the time of some spans is looked at."""
        times = [(microseconds(begin), microseconds(end)) for begin, end in spans]
        if any(begin <= self.edges[0] and end >= self.end for begin, end in times):
            return self  # as of most agents: a year of quarters of an hour is not cut anew for each of them
        inner = {edge for span in times for edge in span if self.edges[0] < edge < self.end}
        edges = sorted({*self.edges, *inner})
        places = [self.place(edge) if any(begin <= edge < end for begin, end in times) else -1 for edge in edges]
        return Window(tuple(edges), self.end, self.now, tuple(places))

    def meets(self, begin: int, end: int) -> bool:
        """Whether any of a span is looked at."""
        return self.place(begin) >= 0 or any(True for _ in self.cut(begin, end))

    def cut(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """A span by intervals: the place of each, and how much lies in it."""
        for edge, until in pieces(begin, min(end, self.end), self.edges):
            if (place := self.interval(edge)) >= 0:
                yield place, until - max(begin, self.edges[edge])

    def share(self, total: int, spans: Sequence[Span]) -> Iterator[tuple[int, int]]:
        """A total spread over spans by intervals, likewise."""
        for edge, much in spread(total, spans, self.bounds):
            if edge < len(self.edges) and (place := self.interval(edge)) >= 0:
                yield place, much


class Row(NamedTuple):
    """Whose figures a row shows."""

    agent: str | None
    queue: str | None
    team: str | None = None


@dataclass(frozen=True)
class View:
    """What is shown: rows by agent, queue or team, or one, of these agents, as far as those who ask may see.

    `named` rows are shown with their empty intervals; `open_to` are the queues that may be seen (None: all). Of each
    agent only the time that lies in their spans of every one of `limits` is looked at; `teams` are their times in each
    team, and in none, where rows are by team.
    """

    asked: AgentsOf
    group: AgentGroup
    agents: Sequence[str]
    queues: Sequence[str]
    open_to: Sight
    zones: Mapping[str, ZoneInfo]
    limits: Sequence[Times]
    teams: Mapping[str, Mapping[str | None, Sequence[Time]]]

    @property
    def only(self) -> Sequence[str] | None:
        """The agents who alone are looked at; None where it may be anybody."""
        return self.agents if self.limits or self.asked.agent is not None else None

    @property
    def named(self) -> frozenset[Row]:
        """The rows that were asked for by name; of a total, the one there is."""
        match self.group:
            case "agent":
                return frozenset({Row(self.asked.agent, self.asked.queue)} if self.asked.agent else ())
            case "queue":
                return frozenset({Row(None, self.asked.queue)} if self.asked.queue else ())
            case "team":
                return frozenset({Row(None, self.asked.queue, self.asked.team)} if self.asked.team else ())
        return frozenset({Row(None, self.asked.queue)})

    @cached_property
    def rows(self) -> Sequence[Row]:
        """The rows that there may be where they are not by agent, in order; what is of no team, at the end."""
        match self.group:
            case "queue":
                return [Row(None, queue) for queue in sorted(self.queues)]
            case "team":
                teams = {row.team for row in self.named}.union(*self.teams.values())
                return [Row(None, self.asked.queue, team) for team in sorted(teams, key=lambda each: (not each, each))]
        return [Row(None, self.asked.queue)]

    def rows_of(self, agent: str, queues: Sight) -> Iterator[Row]:
        """The rows to which an agent adds who has to do with these queues."""
        match self.group:
            case "agent":
                yield Row(agent, self.asked.queue)
            case "queue":
                yield from (Row(None, queue) for queue in self.queues if queues is None or queue in queues)
            case "team":
                yield from (Row(None, self.asked.queue, team) for team in self.teams[agent])
            case "total":
                yield Row(None, self.asked.queue)

    def shown(self, window: Window, row: Row, agent: str) -> Window:
        """The intervals of a row, of which only that time is looked at that an agent adds to it."""
        for limit in self.limits:
            window = window.within(limit.get(agent, ()))
        return window.within(self.teams[agent].get(row.team, ())) if self.group == "team" else window

    def sight(self, row: Row) -> Sight:
        """The queues as which a row looks at agents."""
        return self.open_to if row.queue is None else frozenset({row.queue})

    def starts(self, row: Row) -> Sequence[datetime]:
        """The beginnings of the intervals of a row, in its zone."""
        zone = self.asked.timezone or self.zones.get(row.queue or "", UTC)
        return _starts(self.asked.from_, self.asked.to, self.asked.interval, zone)

    def window(self, row: Row, now: datetime) -> Window:
        """The intervals of a row."""
        _, *later = self.starts(row)
        edges = [self.asked.from_, *later]
        return Window(tuple(map(microseconds, edges)), microseconds(self.asked.to), microseconds(now))


@lru_cache(maxsize=64)
def _starts(begin: datetime, end: datetime, interval: Interval, zone: ZoneInfo) -> Sequence[datetime]:
    return tuple(starts(begin, end, interval, zone))


def viewed_by(db: Cursor, actor: Actor, asked: AgentsOf) -> View | Rejected | None:
    """What the actor may see of what is asked; None where they may not know of it."""
    open_to, queue = queues_open_to(db, actor), asked.queue or ""
    zone = asked.timezone or queue_zones(db, [queue])[queue]
    known = names_open_to(db, actor, zone)
    totals_only = known is not None and not known
    group = asked.group_by or ("queue" if totals_only else "agent")
    if totals_only and (group == "agent" or asked.agent is not None):
        return Rejected("calls.report.names_not_shown", "Leave `agent` out, and group by queue or total.", 403)
    if actor.party == "client" and (group == "team" or asked.team is not None):
        return Rejected("calls.report.names_not_shown", "Leave `team` out, and group by queue or total.", 403)
    if asked.queue is not None and open_to is not None and asked.queue not in open_to:
        return None
    if known and (asked.agent not in (None, *known) or asked.team not in (None, actor.team)):
        return None
    limits: list[Times] = [known] if known else []
    if asked.team is not None:
        limits.append(members(db, asked.team, zone, asked.as_known_at))
    agents = _agents(db, asked, limits)
    queues = [asked.queue] if asked.queue is not None else queues_known(db) if group == "queue" else []
    seen = [queue for queue in queues if open_to is None or queue in open_to]
    teams = teams_of(db, agents, zone, asked.as_known_at) if group == "team" else {}
    return View(asked, group, agents, seen, open_to, queue_zones(db, seen or [asked.queue or ""]), limits, teams)


def _agents(db: Cursor, asked: AgentsOf, limits: Sequence[Times]) -> list[str]:
    """Of whom anything is looked at."""
    if asked.agent is not None:
        return [asked.agent]
    if not limits:
        return agents_known(db)
    return [
        name for name in sorted(limits[0]) if all(within(each.get(name, ()), asked.from_, asked.to) for each in limits)
    ]
