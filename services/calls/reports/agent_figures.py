"""The figures of agents: what legs, rings and states add to which interval, and what comes of it in a row."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from services.calls.domain.agents_time import Span, Work, talks
from services.calls.domain.presence import Attendance
from services.calls.domain.timelines import Timeline
from services.calls.queries import AgentRow
from services.calls.reports.agents_viewed import Sight, Window
from services.kernel.values import mean_seconds, ratio, seconds

UNSTATED = "unstated"  # the activity of a pause of which nobody said what it was for
# What a ring of each result counts as. Cancelled ones are in no rate.
RING_COUNTS = {
    "ringing": ("rings",),
    "answered": ("rings", "rings_answered"),
    "missed": ("rings", "rings_missed"),
    "cancelled": ("rings_cancelled",),
}


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

    queue: str | None
    at: int
    result: str
    ring_ms: int | None
    call: UUID
    visit: UUID | None
    number: int


def of_legs(timeline: Timeline, sight: Sight, window: Window) -> Iterator[tuple[int, str, int, Work]]:
    """What legs add to which interval: its place, the name of the count, how much, and the leg."""
    place, low, high = window.around(window.end)
    for leg, line, wrapup in zip(timeline.legs, timeline.lines, timeline.wrapups, strict=True):
        if sight is not None and leg.queue not in sight:
            continue
        if not low <= leg.answered_at < high:
            place, low, high = window.around(leg.answered_at)
        if place >= 0:
            for name, much in _counted(leg):
                yield place, name, much, leg
        talked = None if leg.talk_ms is not None else talks(leg, timeline.now)
        talk = leg.talk_ms if talked is None else _length(talked)
        wrapup_ms = _length([wrapup]) if wrapup and leg.wrapup == "open" else leg.wrapup_ms
        begin, end = _whole(line, wrapup, leg.holds)
        if begin < low or end > high:
            talked = talked or talks(leg, timeline.now)
            for name, total, spans in (
                ("talk", talk, talked),
                ("hold", leg.hold_ms, leg.holds or talked),
                ("wrapup", wrapup_ms, [wrapup] if wrapup else []),
            ):
                for at, much in window.share(total or 0, spans):
                    yield at, name, much, leg
        elif place >= 0:
            if talk:
                yield place, "talk", talk, leg
            if leg.hold_ms:
                yield place, "hold", leg.hold_ms, leg
            if wrapup and wrapup_ms:
                yield place, "wrapup", wrapup_ms, leg


def _whole(line: Span, wrapup: Span | None, holds: Sequence[Span] | None) -> Span:
    """From when until when a leg takes any time."""
    begin, end = line
    if wrapup:
        begin, end = min(begin, wrapup[0]), max(end, wrapup[1])
    if holds:
        begin, end = min(begin, holds[0][0]), max(end, holds[-1][1])
    return begin, end


def of_rings(rings: Iterable[Ring], sight: Sight, window: Window) -> Iterator[tuple[int, str, int, Ring]]:
    """What rings add to which interval, likewise."""
    for ring in rings:
        place = window.place(ring.at)
        if place >= 0 and (sight is None or ring.queue in sight):
            for name in RING_COUNTS[ring.result]:
                yield place, name, 1, ring
            yield place, "ring", ring.ring_ms or 0, ring


def of_states(timeline: Timeline, sight: Sight, window: Window) -> Iterator[tuple[int, str, str | None, int]]:
    """How time was spent: the place of the interval, the state, what a pause was for, and microseconds."""
    place, low, high = window.around(window.end)
    for begin, end, told, activity, here, signed_in in timeline.pieces(sight):
        state: str = told
        if not signed_in:
            if not here:
                continue
            state = "signed_out"
        elif not here:
            state = "elsewhere"
        if not low <= begin < high:
            place, low, high = window.around(begin)
        if end > high:
            for at, much in window.cut(begin, end):
                yield at, state, activity, much
        elif place >= 0:
            yield place, state, activity, end - begin


def of_inferred(present: Iterable[Attendance], sight: Sight, window: Window) -> Iterator[int]:
    """The place of the interval of each end of signed-in time that no fact tells."""
    for each in present:
        if each.inferred and each.to(sight) != "away" and (place := window.place(each.end)) >= 0:
            yield place


def _counted(leg: Work) -> Sequence[tuple[str, int]]:
    if leg.pending:
        return [("pending", 1)]
    if not leg.handled:
        return []
    counts = [("handled", 1), ("handle", leg.handle_ms)]
    if leg.transferred:
        counts += [("transferred", 1), (f"transferred_{leg.transferred}", 1)]
    return counts


def _length(spans: Iterable[Span]) -> int:
    return sum(end - begin for begin, end in spans) // 1000
