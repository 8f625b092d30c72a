"""From a figure of the agents' report to the legs, rings and facts of agents behind it."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from heapq import nsmallest
from operator import itemgetter
from uuid import UUID

from services.calls.queries import AgentsOf, Explain, ExplainedFact, ExplainedVisit, Explanation
from services.calls.reports.agents import MOST_LEGS, agents_seen, too_many
from services.calls.reports.agents_as_known import viewed_then
from services.calls.reports.agents_viewed import Row, View
from services.calls.reports.behind_agents import FIRST, Behind, additions, figure_of
from services.calls.reports.facts import facts_of
from services.calls.reports.floor import legs_of
from services.calls.reports.judged_visits import queue_zones
from services.calls.reports.ranges import explained
from services.kernel.cursors import decode, encode
from services.kernel.database import Cursor
from services.kernel.decider import Rejected, of
from services.kernel.store import COLUMNS, StoredEvent
from services.kernel.values import Actor

MARKED = f"""SELECT {COLUMNS} FROM store.events
    JOIN unnest(%s::uuid[], %s::uuid[]) AS wanted(stream_id, event_id) USING (stream_id, event_id)
    ORDER BY occurred_at, version"""  # noqa: S608 - a constant


def agents_explained(db: Cursor, actor: Actor, asked: Explain) -> Explanation | Rejected | None:
    """The figure, and a page of what is behind it in the order in which it began."""
    # Who may explain reports may not by that see agents; whoever asks from inside has no scopes at all.
    if actor.scopes and not actor.may("agents:read"):
        return Rejected("auth.not_allowed", "This needs the scope agents:read. Ask an administrator for it.", 403)
    if actor.party == "client":
        return Rejected("calls.report.names_not_shown", "What agents did is explained to the centre only.", 403)
    if asked.reason is not None:
        return Rejected("request.invalid", "This is asked of the service level only.", 422, "/reason")
    time = explained(asked, {queue_zones(db, [asked.queue or ""])[asked.queue or ""]})
    if isinstance(time, Rejected):
        return time
    begin, end = time
    wanted = of(AgentsOf, asked, from_=begin, to=end, interval="total")
    view = viewed_then(db, actor, wanted)
    if not isinstance(view, View):
        return view
    rows = view.named or ({Row(None, asked.queue)} if view.group == "team" else set())
    if not rows:
        return Rejected("request.invalid", f"Name the {view.group} of the row.", 422, f"/{view.group}")
    legs = legs_of(db, view.agents, begin, end)
    if sum(legs.values()) > MOST_LEGS:
        return too_many()
    now = asked.as_known_at or datetime.now(UTC)
    (row,) = rows
    whole, sight = view.window(row, now), view.sight(row)
    after = tuple(decode(asked.cursor, datetime.now(UTC), int, UUID) if asked.cursor else FIRST)
    figure = figure_of(asked)
    dividend, total, page = 0, 0, list[Behind]()
    for seen in agents_seen(db, view, legs, now, named=True):
        behind = set(page)
        window = view.shown(whole, row, seen.agent.name)
        if figure.above is not None:
            dividend += sum(much for much, _ in additions(db, figure.above, seen, sight, window))
        for much, each in additions(db, figure.below, seen, sight, window):
            total += much
            behind.update(one for one in each if one[:2] > after)
        page = nsmallest(asked.limit + 1, behind, key=itemgetter(0, 1))
    first = page[: asked.limit]
    return Explanation(
        value=figure.shown(dividend, total),
        policy=(),
        items=tuple(_explained(db, first, asked.as_known_at)),
        next=encode(datetime.now(UTC), str(first[-1].at), str(first[-1].id)) if len(page) > asked.limit else None,
    )


def _explained(db: Cursor, page: list[Behind], known_at: datetime | None) -> Iterator[ExplainedVisit]:
    of_calls = facts_of(db, {each.call for each in page if each.call}, known_at)
    for each in page:
        facts = of_calls[each.call] if each.call else _marked(db, each.marks)
        yield ExplainedVisit(each.call, each.visit, tuple(map(shown, facts)), each.leg)


def _marked(db: Cursor, marks: Iterable[tuple[UUID, UUID]]) -> list[StoredEvent]:
    streams, events = zip(*marks, strict=True)
    return [StoredEvent(*row) for row in db.execute(MARKED, (list(streams), list(events)))]


def shown(fact: StoredEvent) -> ExplainedFact:
    """A stored fact as an explanation names it."""
    return ExplainedFact(fact.data["id"], fact.data["source"], fact.type, fact.occurred_at, fact.recorded_at)
