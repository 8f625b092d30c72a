"""Who may see what of agents, and in which rows and intervals a report shows it."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.calls.domain.agents_time import Span, pieces, spread
from services.calls.projections.stories import microseconds
from services.calls.queries import AgentGroup, AgentsOf, Interval
from services.calls.reports.floor import agents_known, queues_known
from services.calls.reports.intervals import starts
from services.calls.reports.judged_visits import UTC, queue_zones
from services.calls.reports.visibility import names_open_to, queues_open_to
from services.kernel.copying import instant_text
from services.kernel.database import Cursor
from services.kernel.decider import Rejected
from services.kernel.values import Actor

LATEST = 1 << 62  # later than any instant, in microseconds
Sight = frozenset[str] | None  # the queues as which somebody looks at agents; None: all of them


@dataclass(frozen=True)
class Window:
    """The intervals of a report: their edges, up to `end`, in microseconds; nothing happens behind `now`."""

    edges: tuple[int, ...]
    end: int
    now: int

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
        return bisect_right(self.edges, at) - 1 if at < self.end else -1

    def around(self, at: int) -> tuple[int, int, int]:
        """The interval in which an instant lies (-1: in none), and from when until when that is so."""
        edge = bisect_right(self.bounds, at) - 1
        if edge < 0:
            return -1, at, self.bounds[0]
        return (self.place(at), self.bounds[edge], self.bounds[edge + 1]) if at < self.end else (-1, self.end, LATEST)

    def cut(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """A span by intervals: the place of each, and how much lies in it."""
        for place, until in pieces(begin, min(end, self.end), self.edges):
            if place >= 0:
                yield place, until - max(begin, self.edges[place])

    def share(self, total: int, spans: Sequence[Span]) -> Iterator[tuple[int, int]]:
        """A total spread over spans by intervals, likewise."""
        for place, much in spread(total, spans, self.bounds):
            if place < len(self.edges):
                yield place, much


class Row(NamedTuple):
    """Whose figures a row shows."""

    agent: str | None
    queue: str | None


@dataclass(frozen=True)
class View:
    """What is shown: rows by agent, by queue or one, of these agents, as far as those who ask may see.

    `named` rows are shown with their empty intervals; `open_to` are the queues that may be seen (None: all).
    """

    asked: AgentsOf
    group: AgentGroup
    agents: Sequence[str]
    queues: Sequence[str]
    open_to: Sight
    zones: Mapping[str, ZoneInfo]

    @property
    def named(self) -> frozenset[Row]:
        """The rows that were asked for by name; of a total, the one there is."""
        match self.group:
            case "agent":
                return frozenset({Row(self.asked.agent, self.asked.queue)} if self.asked.agent else ())
            case "queue":
                return frozenset({Row(None, self.asked.queue)} if self.asked.queue else ())
        return frozenset({Row(None, self.asked.queue)})

    @cached_property
    def rows(self) -> Sequence[Row]:
        """The rows that there may be where they are not by agent, in order."""
        if self.group == "queue":
            return [Row(None, queue) for queue in sorted(self.queues)]
        return [Row(None, self.asked.queue)]

    def rows_of(self, agent: str, queues: Sight) -> Iterator[Row]:
        """The rows to which an agent adds who has to do with these queues."""
        match self.group:
            case "agent":
                yield Row(agent, self.asked.queue)
            case "queue":
                yield from (Row(None, queue) for queue in self.queues if queues is None or queue in queues)
            case "total":
                yield Row(None, self.asked.queue)

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
    names, open_to = names_open_to(actor), queues_open_to(db, actor)
    group = asked.group_by or ("queue" if names == frozenset() else "agent")
    if names == frozenset() and (group == "agent" or asked.agent is not None):
        return Rejected("calls.report.names_not_shown", "Leave `agent` out, and group by queue or total.", 403)
    if asked.queue is not None and open_to is not None and asked.queue not in open_to:
        return None
    if asked.agent is not None and names and asked.agent not in names:
        return None
    agents = [asked.agent] if asked.agent is not None else sorted(names) if names else agents_known(db)
    queues = [asked.queue] if asked.queue is not None else queues_known(db) if group == "queue" else []
    seen = [queue for queue in queues if open_to is None or queue in open_to]
    return View(asked, group, agents, seen, open_to, queue_zones(db, seen or [asked.queue or ""]))
