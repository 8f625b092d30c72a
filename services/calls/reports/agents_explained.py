"""From a figure of the agents' report to the legs, rings and facts of agents behind it."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from heapq import nsmallest
from itertools import chain
from operator import itemgetter
from typing import NamedTuple
from uuid import UUID

from services.calls.domain.agents_time import Work, on_call
from services.calls.projections.stories import microseconds
from services.calls.queries import AgentsOf, Explain, ExplainedFact, ExplainedVisit, Explanation
from services.calls.reports.agent_figures import RING_COUNTS, Ring, of_inferred, of_legs, of_rings, of_states
from services.calls.reports.agents import MOST_LEGS, Seen, agents_seen, too_many
from services.calls.reports.agents_as_known import viewed_then
from services.calls.reports.agents_viewed import Row, Sight, View, Window
from services.calls.reports.facts import facts_of
from services.calls.reports.floor import instant, legs_of
from services.calls.reports.judged_visits import queue_zones
from services.calls.reports.ranges import explained
from services.kernel.cursors import decode, encode
from services.kernel.database import Cursor
from services.kernel.decider import Rejected, of
from services.kernel.store import COLUMNS, StoredEvent
from services.kernel.values import Actor, seconds

MARKED = f"""SELECT {COLUMNS} FROM store.events
    JOIN unnest(%s::uuid[], %s::uuid[]) AS wanted(stream_id, event_id) USING (stream_id, event_id)
    ORDER BY occurred_at, version"""  # noqa: S608 - a constant
RINGS = """SELECT queue, began_at, result, ring_ms, call, visit, number FROM rings
    WHERE agent = %s AND NOT excluded AND began_at >= %s AND began_at < %s ORDER BY began_at, call, number"""
STATES = {
    "signed_in_seconds": {"on_call", "wrapup", "elsewhere", "available", "paused"},
    "handling_seconds": {"on_call", "wrapup"},
    "available_seconds": {"available"},
    "paused_seconds": {"paused"},
    "elsewhere_seconds": {"elsewhere"},
    "signed_out_handling_seconds": {"signed_out"},
}
OF_RINGS = {"ring_seconds", *chain.from_iterable(RING_COUNTS.values())}
OF_LEGS = {"handling_seconds", "elsewhere_seconds", "signed_out_handling_seconds"}  # these stand on calls
FIRST = (0, UUID(int=0))


class Behind(NamedTuple):
    """What adds to a figure, by when it began and an id: a leg or a ring of a call, or marks of an agent."""

    at: int
    id: UUID
    call: UUID | None = None
    visit: UUID | None = None
    leg: UUID | None = None
    marks: tuple[tuple[UUID, UUID], ...] = ()


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
    value, page = 0, list[Behind]()
    for seen in agents_seen(db, view, legs, now, named=True):
        behind = set(page)
        window = view.shown(whole, row, seen.agent.name)
        for much, each in _behind(db, asked.measure, seen, sight, window):
            value += much
            behind.update(one for one in each if one[:2] > after)
        page = nsmallest(asked.limit + 1, behind, key=itemgetter(0, 1))
    first = page[: asked.limit]
    return Explanation(
        value=_shown(asked.measure, value),
        policy=(),
        items=tuple(_explained(db, first, asked.as_known_at)),
        next=encode(datetime.now(UTC), str(first[-1].at), str(first[-1].id)) if len(page) > asked.limit else None,
    )


def _shown(measure: str, value: int) -> Decimal:
    if measure in STATES:
        return seconds(value // 1000)
    return seconds(value) if measure.endswith("_seconds") else Decimal(value)


def _behind(
    db: Cursor, measure: str, seen: Seen, sight: Sight, window: Window
) -> Iterator[tuple[int, Iterable[Behind]]]:
    """How much an agent adds to the figure, and what that stands on; in microseconds, milliseconds or counts."""
    name = measure.removesuffix("_seconds")
    if measure in STATES:
        states = STATES[measure]
        much = sum(each for _, state, _, each in of_states(seen.timeline, sight, window) if state in states)
        if much:
            yield much, _calls(seen, sight, window, measure) if measure in OF_LEGS else [_marks(seen, window)]
    elif measure in OF_RINGS:
        for _, counted, much, ring in of_rings(_rings(db, seen, window), sight, window):
            if counted == name and much:
                yield much, [_ring(ring)]
    elif measure == "inferred_sign_outs":
        for _ in of_inferred(seen.present, sight, window):
            yield 1, [_marks(seen, window)]
    else:
        for _, counted, much, leg in of_legs(seen.timeline, sight, window):
            if counted == name and much:
                yield much, [_leg(leg)]


def _rings(db: Cursor, seen: Seen, window: Window) -> Iterator[Ring]:
    asked = (seen.agent.name, instant(window.edges[0]), instant(window.end))
    for queue, at, *rest in db.execute(RINGS, asked):
        yield Ring(queue, microseconds(at), *rest)


def _calls(seen: Seen, sight: Sight, window: Window, measure: str) -> Iterator[Behind]:
    for leg in seen.agent.legs:
        begin, end = on_call(leg, window.now)
        worked = max(end, (leg.wrapup_at or 0) + leg.wrapup_ms * 1000) if leg.wrapup != "open" else window.now
        here = sight is None or leg.queue in sight
        if window.meets(begin, worked) and here is (measure != "elsewhere_seconds"):
            yield _leg(leg)


def _marks(seen: Seen, window: Window) -> Behind:
    """What was said in the interval, and of each kind the newest before and the first behind it.

    Where the agent is seen for a part of it alone: what was said then, and of what was before the last.
    """
    said = sorted(seen.agent.said, key=lambda each: each.mark[:4])
    if window.places is not None:
        shown = [each for each in said if window.place(each.mark.at) >= 0]
        before = [each for each in said if each.mark.at < (shown[0].mark.at if shown else window.end)]
        said = [*before[-1:], *shown]
    events = tuple(dict.fromkeys((each.stream, each.event) for each in said))
    return Behind(max(said[0].mark.at, 0), said[0].event, marks=events)


def _leg(leg: Work) -> Behind:
    return Behind(leg.answered_at, leg.id or FIRST[1], leg.call, leg.visit, leg.id)


def _ring(ring: Ring) -> Behind:
    return Behind(ring.at, UUID(int=ring.call.int ^ ring.number), ring.call, ring.visit)


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
