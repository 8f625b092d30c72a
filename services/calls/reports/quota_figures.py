"""What a quota counts: the figure of its metric over the calls of its scope, counted anew whenever it is asked for."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg import sql

from services.calls.domain.memberships import ALWAYS
from services.calls.domain.pace import Figures
from services.calls.domain.quota_terms import QuotaTerms
from services.calls.domain.spans import Span
from services.calls.queries import ServiceLevelOf
from services.calls.reports.judged_visits import QUEUES, judged, judged_visits
from services.calls.reports.service_level import COUNTS, QUEUE, Sums
from services.calls.reports.teams import members
from services.kernel.database import Cursor
from services.kernel.decider import Rejected
from services.kernel.values import seconds

# The legs that these agents answered, each within spans of their own.
TAKEN = """unnest(%(agents)s::text[], %(begins)s::timestamptz[], %(ends)s::timestamptz[]) AS {0}_by(agent, begins, ends)
    JOIN legs AS {0} ON {0}.agent = {0}_by.agent
        AND {0}.answered_at >= {0}_by.begins AND {0}.answered_at < {0}_by.ends"""
# A leg counts when it was answered; a call with a disposition once, when it came to the scope first.
LEGS = """SELECT count(*), coalesce(sum(talk_ms + hold_ms + wrapup_ms), 0)::bigint
    FROM {legs} JOIN calls ON calls.id = legs.call
    WHERE {scope} AND legs.answered_at >= %(begin)s AND legs.answered_at < %(end)s AND NOT calls.excluded
        AND legs.ended_at IS NOT NULL AND legs.wrapup <> 'open' AND NOT legs.inferred"""
OF_PEOPLE = (TAKEN.format("legs"), "true")
OF_LEGS = {"campaign": ("legs", "calls.campaign = %(name)s"), "agent": OF_PEOPLE, "team": OF_PEOPLE}
DISPOSITIONS = """SELECT count(*) FROM ({came}) AS came JOIN calls ON calls.id = came.call
    WHERE NOT calls.excluded AND calls.disposition IS NOT NULL
        AND (%(flag)s::text IS NULL OR jsonb_exists(calls.disposition -> 'flags', %(flag)s))"""
CAME_TO_PEOPLE = f"""SELECT DISTINCT legs.call FROM {TAKEN.format("legs")}
        WHERE legs.answered_at >= %(begin)s AND legs.answered_at < %(end)s AND NOT EXISTS (
            SELECT FROM {TAKEN.format("earlier")} WHERE earlier.call = legs.call
                AND earlier.answered_at < %(begin)s)"""  # noqa: S608 - constants
CAME = {
    "queue": """SELECT DISTINCT call FROM visits WHERE queue = %(name)s AND NOT excluded
        AND entered_at >= %(begin)s AND entered_at < %(end)s AND NOT EXISTS (
            SELECT FROM visits AS earlier WHERE earlier.call = visits.call AND earlier.queue = visits.queue
                AND earlier.entered_at < %(begin)s)""",
    "campaign": """SELECT id AS call FROM calls WHERE campaign = %(name)s
        AND started_at >= %(begin)s AND started_at < %(end)s""",
    "agent": CAME_TO_PEOPLE,
    "team": CAME_TO_PEOPLE,
}
OF_CAMPAIGN = """SELECT judged.* FROM ({visits}) AS judged JOIN calls ON calls.id = judged.call
    WHERE calls.campaign = %(campaign)s"""


def figures_of(db: Cursor, terms: QuotaTerms, begin: datetime, end: datetime) -> Figures:
    """The figure of a quota's metric in a half-open range of time."""
    of_queue = terms.scope.kind == "queue"
    if terms.metric == "dispositions":
        came = sql.SQL(CAME[terms.scope.kind])  # type: ignore[arg-type]
        counted = db.execute(sql.SQL(DISPOSITIONS).format(came=came), _named(db, terms, begin, end)).fetchone() or (0,)
        return Figures(Decimal(counted[0]))
    if terms.metric in ("handled", "aht_seconds") and not of_queue:
        legs, scope = map(sql.SQL, OF_LEGS[terms.scope.kind])  # type: ignore[arg-type]
        counted = db.execute(sql.SQL(LEGS).format(legs=legs, scope=scope), _named(db, terms, begin, end))
        handled, worked = counted.fetchone() or (0, 0)
        return _handled(terms, handled, worked)
    if of_queue:
        sums = summed(db, [terms.scope.name], begin, end)
    else:
        sums = summed(db, [queue for (queue,) in db.execute(QUEUES)], begin, end, campaign=terms.scope.name)
    return _of_visits(terms, sums)


def summed(db: Cursor, queues: Sequence[str], begin: datetime, end: datetime, campaign: str | None = None) -> Sums:
    """What the visits to these queues come to, each judged by the policy of its queue; of one campaign, if given."""
    judgement = judged(db, ServiceLevelOf(from_=begin, to=end, interval="total"), begin, end, queues)
    sums = Sums()
    if isinstance(judgement, Rejected) or not judgement.spans:
        return sums
    visits, parameters = judged_visits(judgement)
    if campaign is not None:
        visits = sql.SQL(OF_CAMPAIGN).format(visits=visits)
        parameters["campaign"] = campaign
    for _, _, span, reason, *figures in db.execute(sql.SQL(COUNTS).format(visits=visits, group=QUEUE), parameters):
        sums.add(judgement.spans[span].policy, reason, figures)
    return sums


def _of_visits(terms: QuotaTerms, sums: Sums) -> Figures:
    match terms.metric:
        case "offered" | "answered" as name:
            return Figures(Decimal(sums.counts[name]))
        case "service_level":
            return _share(sums.level)
        case "answer_rate":
            return _share(sums.answered)
        case "abandon_rate":
            return _share(sums.abandoned)
        case "asa_seconds":
            return Figures(seconds(sums.waited), sums.counts["answered"])
    return _handled(terms, sums.handled, sums.talk + sums.hold + sums.wrapup)


def _share(fraction: tuple[int, int]) -> Figures:
    return Figures(Decimal(fraction[0]), fraction[1])


def _handled(terms: QuotaTerms, handled: int, worked: int) -> Figures:
    return Figures(Decimal(handled)) if terms.metric == "handled" else Figures(seconds(worked), handled)


def _named(db: Cursor, terms: QuotaTerms, begin: datetime, end: datetime) -> dict[str, Any]:
    """What the statements are given: the agents too whose legs are those of the scope, and when each was of it."""
    named = {"name": terms.scope.name, "flag": terms.flag, "begin": begin, "end": end}
    people: dict[str, list[Span]] = {}
    if terms.scope.kind == "agent":
        people = {terms.scope.name: [ALWAYS]}
    elif terms.scope.kind == "team":
        people = members(db, terms.scope.name, terms.period.timezone)
    taken = [(agent, *span) for agent, spans in people.items() for span in spans]
    return named | {name: [each[place] for each in taken] for place, name in enumerate(("agents", "begins", "ends"))}
