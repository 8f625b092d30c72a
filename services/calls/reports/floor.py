"""Who was on the floor: what was said of agents and which calls they took, as far as it bears on a range of time.

The live view and the agents' report are folded from the same, so that both agree, and so that an answer does not depend
on where its range begins: what an agent was before is told by the newest mark of each kind.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import starmap
from typing import Any, NamedTuple, cast
from uuid import UUID

from services.calls.domain.agents_time import Work, life, with_lost_ends
from services.calls.domain.presence import SILENCE, Attendance, Mark, attendances, since_when_present
from services.calls.projections.stories import EPOCH, microseconds
from services.calls.reports.judged_visits import QUEUES as VISITED
from services.kernel.database import Cursor

AT_ONCE = 2_000  # legs, or a hundredth as many agents: so that they do not fill the memory
LONGEST_CALL = timedelta(days=1)  # who answered before that is not on the line any more
HEARD_FOR = timedelta(microseconds=SILENCE)
SURELY_GONE = LONGEST_CALL + HEARD_FOR  # behind an answer after which none follows
OFFSET = "coalesce(clock_offset_us, 0) * interval '1 microsecond'"
ORDER = 'occurred_at {0}, sequence {0}, rank {0}, fact COLLATE "C" {0}'
MARK = "SELECT occurred_at, sequence, rank, fact, type, says, stream, event FROM agent_marks AS mark"
OF_HEARD = """(mark.agent, mark.source, mark.kind, mark.about) = (heard.agent, heard.source, heard.kind, heard.about)
    AND mark.counts"""

# Of each agent, source, kind and queue: the marks within a range, the newest before it and the first behind it; and the
# newest sign-in before it, even where a sign-out followed: it tells when a shift began.
MARKS = f"""
    SELECT heard.agent, heard.source, heard.kind, heard.about, near.occurred_at + heard.shift, sequence, rank, fact,
        type, CASE WHEN kind = 'state' THEN reasons ->> about ELSE coalesce(reasons ->> says, says) END, stream, event
    FROM (SELECT agents_heard.*, {OFFSET} AS shift, pause_reasons AS reasons
        FROM agents_heard LEFT JOIN sources USING (source)
        WHERE {{wanted}}) AS heard
    CROSS JOIN LATERAL (
        ({MARK} WHERE {OF_HEARD} AND occurred_at < %(begin)s - heard.shift ORDER BY {ORDER.format("DESC")} LIMIT 1)
        UNION ALL
        ({MARK} WHERE {OF_HEARD} AND heard.kind = 'sign' AND type = 'agent.signed_in'
            AND occurred_at < %(begin)s - heard.shift ORDER BY {ORDER.format("DESC")} LIMIT 1)
        UNION ALL
        ({MARK} WHERE {OF_HEARD} AND occurred_at >= %(begin)s - heard.shift AND occurred_at < %(end)s - heard.shift)
        UNION ALL
        ({MARK} WHERE {OF_HEARD} AND occurred_at >= %(end)s - heard.shift ORDER BY {ORDER.format("")} LIMIT 1)
    ) AS near"""  # noqa: S608 - constants
OF_AGENTS = MARKS.format(wanted="%(agents)s::text[] IS NULL OR agent = ANY(%(agents)s)")
# What says who was there: sign-ins and sign-outs, and states of the agents of whom nobody tells these.
SIGNS = MARKS.format(
    wanted="""kind = 'sign' OR (kind = 'state' AND NOT EXISTS (
        SELECT FROM agents_heard AS signed WHERE signed.kind = 'sign'
            AND (signed.agent, signed.source) = (agents_heard.agent, agents_heard.source)))"""
)
RESTARTS = f"""SELECT source, occurred_at + {OFFSET} FROM source_restarts LEFT JOIN sources USING (source)
    ORDER BY 2"""  # noqa: S608 - constants
MICROSECONDS = "(extract(epoch FROM {0}) * 1000000)::bigint"
# As `Work` has them. Which leg it was is read only where somebody wants to know: an id costs as much as all the rest.
LEG = f"""legs.queue, {MICROSECONDS.format("answered_at")}, {MICROSECONDS.format("ended_at")},
    talk_ms, hold_ms, wrapup_ms, wrapup, {MICROSECONDS.format("wrapup_at")}, holds, inferred, transferred,
    CASE WHEN %(named)s THEN id END, CASE WHEN %(named)s THEN call END, CASE WHEN %(named)s THEN visit END"""
# Of each agent: the legs that lie behind an instant at least in part, and the first behind the range, which may show
# that the agent was there until then.
LEGS = f"""WITH wanted AS (
        SELECT * FROM unnest(%(agents)s::text[], %(since)s::timestamptz[]) AS wanted(name, since))
    SELECT {LEG}, name FROM wanted JOIN legs ON legs.agent = name
        AND answered_at >= since - %(longest)s AND answered_at < %(until)s
    WHERE NOT excluded AND (answered_at >= since OR ended_at IS NULL OR wrapup = 'open'
        OR greatest(ended_at, wrapup_at + wrapup_ms * interval '1 millisecond') > since)
    UNION ALL
    SELECT later.*, name FROM wanted CROSS JOIN LATERAL (
        SELECT {LEG} FROM legs WHERE legs.agent = name AND NOT excluded AND answered_at >= %(until)s
        ORDER BY answered_at LIMIT 1) AS later"""  # noqa: S608 - constants
# Those whose calls lie so far apart somewhere that they were not there all the time until the range, each step as far
# as nobody is silent who is still there. A sign-in years ago that nobody ended would else have all calls since read.
SILENT = """WITH RECURSIVE heard AS (
        SELECT * FROM unnest(%(agents)s::text[], %(since)s::timestamptz[]) AS wanted(name, at)
        UNION ALL
        SELECT name, (SELECT max(answered_at) FROM legs WHERE legs.agent = name AND NOT excluded
            AND answered_at > at AND answered_at <= at + %(silence)s) FROM heard WHERE at < %(begin)s)
    SELECT name FROM heard WHERE at IS NULL"""
HOW_MANY = """SELECT agent, count(*) FROM legs
    WHERE agent = ANY(%s) AND answered_at >= %s AND answered_at < %s GROUP BY agent"""
LATEST_LEGS = f"""SELECT {LEG}, agent FROM legs
        WHERE agent IS NOT NULL AND NOT inferred AND NOT excluded AND (ended_at IS NULL OR wrapup = 'open')
    UNION
    SELECT latest.* FROM unnest(%(agents)s::text[]) AS wanted(agent) CROSS JOIN LATERAL (
        SELECT {LEG}, agent FROM legs WHERE legs.agent = wanted.agent AND NOT excluded
        ORDER BY answered_at DESC LIMIT 2) AS latest"""  # noqa: S608 - constants
# Each name found by one step in the index, however many rows there are.
NAMES = """WITH RECURSIVE {0}_names AS (
        SELECT min(agent) AS agent FROM {0}
        UNION ALL
        SELECT (SELECT min(agent) FROM {0} WHERE agent > {0}_names.agent) FROM {0}_names WHERE agent IS NOT NULL)
    SELECT agent FROM {0}_names WHERE agent IS NOT NULL"""
QUEUES = f"""SELECT queue FROM queues UNION ({VISITED})
    UNION SELECT about FROM agents_heard WHERE kind <> 'state' AND about <> ''
    ORDER BY queue"""  # noqa: S608 - constants
AGENTS = f"""SELECT agent FROM agents_heard UNION ({NAMES.format("legs")}) UNION ({NAMES.format("rings")})
    ORDER BY agent"""  # noqa: S608 - constants


class Said(NamedTuple):
    """A mark, and the stored fact that made it."""

    source: str
    mark: Mark
    stream: UUID
    event: UUID


@dataclass(slots=True)
class Agent:
    """An agent near a range: what was said of them, and their legs in the order in which they were answered."""

    name: str
    said: list[Said] = field(default_factory=list)
    legs: list[Work] = field(default_factory=list)

    def by_source(self) -> dict[str, list[Mark]]:
        """The marks of each source."""
        marks: dict[str, list[Mark]] = {}
        for each in self.said:
            marks.setdefault(each.source, []).append(each.mark)
        return marks

    def present(self, restarts: Mapping[str, Sequence[int]], now: int) -> list[Attendance]:
        """When the agent was signed in, by any source."""
        worked = life(self.legs, now)
        return [
            each
            for source, marks in sorted(self.by_source().items())
            for each in attendances(marks, worked, restarts.get(source, ()), now)
        ]

    def present_since(self, moment: datetime) -> datetime | None:
        """When the last was said of the agent before a moment, if that leaves them signed in."""
        before = microseconds(moment)
        sources = [[mark for mark in marks if mark.at < before] for marks in self.by_source().values()]
        present = [at for marks in sources if (at := since_when_present(marks)) is not None]
        return instant(min(present)) if present else None

    def heard_since(self, begin: datetime) -> datetime:
        """From when on the agent's calls bear on what lies behind `begin`."""
        return self.present_since(begin) or begin


def agents_known(db: Cursor) -> list[str]:
    """Everybody of whom anything was ever said, or who had a call."""
    return [agent for (agent,) in db.execute(AGENTS)]


def queues_known(db: Cursor) -> list[str]:
    """Every queue that is configured, was visited, or that an agent was signed in to."""
    return [queue for (queue,) in db.execute(QUEUES)]


def restarts_known(db: Cursor) -> dict[str, list[int]]:
    """The restarts of each source in order."""
    restarts: dict[str, list[int]] = {}
    for source, at in db.execute(RESTARTS):
        restarts.setdefault(source, []).append(microseconds(at))
    return restarts


def legs_of(db: Cursor, names: Sequence[str], begin: datetime, end: datetime) -> dict[str, int]:
    """How many legs each of these agents has in a range, in the order of the names."""
    found: dict[str, int] = dict(db.execute(HOW_MANY, (list(names), begin, end)).fetchall())
    return {name: found.get(name, 0) for name in names}


def agents_near(
    db: Cursor, legs: Mapping[str, int], begin: datetime, end: datetime, *, named: bool = False
) -> Iterator[Agent]:
    """The agents of whom `legs_of` told, with all that bears on the range; `named`: with the ids of their legs.

    Others who wait for this process get their turn after each.
    """
    for names in _some_at_once(legs):
        agents = {name: Agent(name) for name in names}
        _hear(db, agents, begin, end, names)
        _take(agents, _legs(db, _since(db, agents.values(), begin), end, named=named))
        while agents:
            yield agents.pop(next(iter(agents)))
            time.sleep(0)


def _some_at_once(legs: Mapping[str, int]) -> Iterator[list[str]]:
    some: list[str] = []
    weight = 0
    for name, count in legs.items():
        weight += count + 100
        if some and weight > AT_ONCE:
            yield some
            some, weight = [], count + 100
        some.append(name)
    if some:
        yield some


def agents_now(db: Cursor, now: datetime) -> list[Agent]:
    """Those who are signed in as far as they were told of, with what bears on what they are doing now."""
    heard: dict[str, Agent] = {}
    _hear(db, heard, now, now, None)
    agents = {agent.name: agent for agent in heard.values() if agent.present_since(now) is not None}
    # Whether somebody has been silent for too long is known by all of their calls, else by the latest.
    quiet = {name for name, agent in agents.items() if agent.heard_since(now) < now - HEARD_FOR}
    others = [name for name in agents if name not in quiet]
    _take(agents, db.execute(LATEST_LEGS, {"agents": others, "named": True}))
    for name in quiet:
        agents[name].legs.clear()
    if quiet:
        since = _since(db, [agents[name] for name in quiet], now)
        _take(agents, _legs(db, since, now, named=False))
    return [agents[name] for name in sorted(agents)]


def instant(microseconds_: int) -> datetime:
    """Microseconds since 1970 as an instant."""
    return EPOCH + timedelta(microseconds=microseconds_)


def agents_signed_in(db: Cursor, begin: datetime, end: datetime) -> list[Agent]:
    """Everybody, with what tells who was there about the range, but without their calls."""
    agents: dict[str, Agent] = {}
    _take_in(agents, db.execute(SIGNS, {"begin": begin, "end": end}))
    return list(agents.values())


def _hear(db: Cursor, agents: dict[str, Agent], begin: datetime, end: datetime, names: list[str] | None) -> None:
    _take_in(agents, db.execute(OF_AGENTS, {"agents": names, "begin": begin, "end": end}))


def _take_in(agents: dict[str, Agent], marks: Iterable[tuple[Any, ...]]) -> None:
    for name, source, kind, about, at, *place, type_, activity, stream, event in marks:
        mark = Mark(microseconds(at), *place, kind, about, type_, activity)
        agents.setdefault(name, Agent(name)).said.append(Said(source, mark, stream, event))


def _since(db: Cursor, agents: Iterable[Agent], begin: datetime) -> dict[str, datetime]:
    """From when on the calls of each of these agents bear on what lies behind `begin`."""
    since = {agent.name: agent.heard_since(begin) for agent in agents}
    long_ago = {name: at for name, at in since.items() if at < begin - SURELY_GONE}
    if long_ago:
        asked = {"agents": list(long_ago), "since": list(long_ago.values()), "begin": begin, "silence": SURELY_GONE}
        since |= {name: begin for (name,) in db.execute(SILENT, asked)}
    return since


def _legs(db: Cursor, since: Mapping[str, datetime], until: datetime, *, named: bool) -> Sequence[tuple[Any, ...]]:
    instants = {"since": list(since.values()), "until": until, "longest": LONGEST_CALL}
    return db.execute(LEGS, {"agents": list(since), "named": named, **instants}).fetchall()


def _take(agents: Mapping[str, Agent], rows: Iterable[tuple[Any, ...]]) -> None:
    for leg in starmap(Work, rows):
        if (agent := agents.get(leg.agent or "")) is not None:
            agent.legs.append(_held(leg) if leg.holds else leg)
    for agent in agents.values():
        agent.legs = with_lost_ends(agent.legs)


def _held(leg: Work) -> Work:
    """With its holds as spans; the table has their bounds in turn, in milliseconds since the answer."""
    bounds = [leg.answered_at + each * 1000 for each in cast("Sequence[int]", leg.holds)]
    return leg._replace(holds=tuple(zip(bounds[::2], bounds[1::2], strict=True)))
