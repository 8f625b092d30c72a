"""What adds to a figure of the agents' report: legs and rings of calls, and what was said of the agents themselves."""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import chain
from typing import NamedTuple
from uuid import UUID

from services.calls.domain.agents_time import Work, on_call
from services.calls.projections.stories import microseconds
from services.calls.queries import Explain
from services.calls.reports.agent_figures import (
    RING_COUNTS,
    UNSTATED,
    Ring,
    of_inferred,
    of_legs,
    of_rings,
    of_states,
)
from services.calls.reports.agents import Seen
from services.calls.reports.agents_viewed import Sight, Window
from services.calls.reports.floor import instant
from services.kernel.database import Cursor
from services.kernel.values import mean_seconds, ratio, seconds

RINGS = """SELECT queue, began_at, result, ring_ms, call, visit, number FROM rings
    WHERE agent = %s AND NOT excluded AND began_at >= %s AND began_at < %s ORDER BY began_at, call, number"""


class Time(NamedTuple):
    """Time that agents spent in some states; calls stand behind some of them, marks of the agent behind others."""

    states: frozenset[str]
    on_calls: bool = False
    on_marks: bool = False
    activity: str | None = None


Basis = Time | str  # what a figure sums up: time, or a count of legs, rings or sign-outs


class Figure(NamedTuple):
    """A sum, or where `above` is given, what that sums up divided by it. `shown` makes the figure of both sums."""

    below: Basis
    above: Basis | None
    shown: Callable[[int, int], Decimal | None]


def _time(_: int, microseconds_: int) -> Decimal:
    return seconds(microseconds_ // 1000)


def _duration(_: int, milliseconds: int) -> Decimal:
    return seconds(milliseconds)


def _count(_: int, number: int) -> Decimal:
    return Decimal(number)


HANDLING, AVAILABLE, PAUSED, ELSEWHERE = (
    frozenset(states) for states in ({"on_call", "wrapup"}, {"available"}, {"paused"}, {"elsewhere"})
)
HANDLED = Time(HANDLING, on_calls=True)
SIGNED_IN = Time(HANDLING | AVAILABLE | PAUSED | ELSEWHERE, on_marks=True)
TIMES = {
    "signed_in_seconds": SIGNED_IN,
    "handling_seconds": HANDLED,
    "available_seconds": Time(AVAILABLE, on_marks=True),
    "paused_seconds": Time(PAUSED, on_marks=True),
    "elsewhere_seconds": Time(ELSEWHERE, on_calls=True),
    "signed_out_handling_seconds": Time(frozenset({"signed_out"}), on_calls=True),
}
DIVIDED = {
    "aht_seconds": Figure("handled", "handle", mean_seconds),
    "transfer_rate": Figure("handled", "transferred", ratio),
    "ring_no_answer_rate": Figure("rings", "rings_missed", ratio),
    "occupancy": Figure(Time(HANDLING | AVAILABLE, on_calls=True, on_marks=True), HANDLED, ratio),
    "utilisation": Figure(SIGNED_IN, HANDLED, ratio),
}
OF_RINGS = {"ring", *chain.from_iterable(RING_COUNTS.values())}
FIRST = (0, UUID(int=0))


class Behind(NamedTuple):
    """What adds to a figure, by when it began and an id: a leg or a ring of a call, or marks of an agent."""

    at: int
    id: UUID
    call: UUID | None = None
    visit: UUID | None = None
    leg: UUID | None = None
    marks: tuple[tuple[UUID, UUID], ...] = ()


def figure_of(asked: Explain) -> Figure:
    """What the figure that is asked about is made of."""
    measure = asked.measure
    if measure in DIVIDED:
        return DIVIDED[measure]
    if measure == "state_seconds":
        on_calls = asked.state in HANDLING
        return Figure(Time(frozenset({str(asked.state)}), on_calls=on_calls, on_marks=not on_calls), None, _time)
    if measure == "activity_seconds":
        return Figure(Time(PAUSED, on_marks=True, activity=asked.activity), None, _time)
    if measure in TIMES:
        return Figure(TIMES[measure], None, _time)
    counted = measure.removesuffix("_seconds")
    return Figure(counted, None, _count if counted == measure else _duration)


def additions(
    db: Cursor, basis: Basis, seen: Seen, sight: Sight, window: Window
) -> Iterator[tuple[int, Iterable[Behind]]]:
    """How much an agent adds, and what that stands on: microseconds of time, milliseconds of durations, or counts."""
    if isinstance(basis, Time):
        if much := _spent(basis, seen, sight, window):
            yield much, _stood_on(basis, seen, sight, window)
    elif basis in OF_RINGS:
        for _, counted, much, ring in of_rings(_rings(db, seen, window), sight, window):
            if counted == basis and much:
                yield much, [_ring(ring)]
    elif basis == "inferred_sign_outs":
        for _ in of_inferred(seen.present, sight, window):
            yield 1, [_marks(seen, window)]
    else:
        for _, counted, much, leg in of_legs(seen.timeline, sight, window):
            if counted == basis and much:
                yield much, [_leg(leg)]


def _spent(time: Time, seen: Seen, sight: Sight, window: Window) -> int:
    return sum(
        much
        for _, state, activity, much in of_states(seen.timeline, sight, window)
        if state in time.states and time.activity in (None, activity or UNSTATED)
    )


def _stood_on(time: Time, seen: Seen, sight: Sight, window: Window) -> Iterator[Behind]:
    if time.on_calls:
        yield from _calls(seen, sight, window, elsewhere=time.states == ELSEWHERE)
    if time.on_marks:
        yield _marks(seen, window)


def _rings(db: Cursor, seen: Seen, window: Window) -> Iterator[Ring]:
    asked = (seen.agent.name, instant(window.edges[0]), instant(window.end))
    for queue, at, *rest in db.execute(RINGS, asked):
        yield Ring(queue, microseconds(at), *rest)


def _calls(seen: Seen, sight: Sight, window: Window, *, elsewhere: bool) -> Iterator[Behind]:
    for leg in seen.agent.legs:
        begin, end = on_call(leg, window.now)
        worked = max(end, (leg.wrapup_at or 0) + leg.wrapup_ms * 1000) if leg.wrapup != "open" else window.now
        here = sight is None or leg.queue in sight
        if window.meets(begin, worked) and here is not elsewhere:
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
