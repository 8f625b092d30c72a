"""Agents' time: what an agent was doing when, each moment once, and how much of it lies in which interval.

Attendances and legs overlap: of two telephone systems, of a consultation within a call, of a wrap-up and the next
call. At each moment the agent is in one state: on a call before in wrap-up, in wrap-up before available, available (to
any of the queues asked about) before paused. Instants in microseconds since 1970, spans half-open.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple
from uuid import UUID

from services.calls.domain.legs import Transfer, WrapUp
from services.calls.domain.presence import Attendance, Pause

State = Literal["available", "on_call", "wrapup", "paused"]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Work:
    """A leg as the agent's time sees it; durations in milliseconds, `holds` are spans, `wrapup_at` its beginning."""

    id: UUID
    call: UUID
    visit: UUID | None
    queue: str | None
    answered_at: int
    ended_at: int | None
    talk_ms: int | None
    hold_ms: int
    wrapup_ms: int
    wrapup: WrapUp
    wrapup_at: int | None
    holds: tuple[Span, ...]
    inferred: bool
    transferred: Transfer | None

    @property
    def handled(self) -> bool:
        """Whether all of it is known: it counts in the average handle time."""
        return self.ended_at is not None and self.wrapup != "open" and not self.inferred

    @property
    def pending(self) -> bool:
        """Whether only the end of its wrap-up is still to come."""
        return self.ended_at is not None and self.wrapup == "open"

    @property
    def handle_ms(self) -> int:
        """Talk, hold and wrap-up, as far as they are known."""
        return (self.talk_ms or 0) + self.hold_ms + self.wrapup_ms


class Stretch(NamedTuple):
    """A time in one state. `here`: on a call of the queues asked about; `signed_in`: as far as anything tells."""

    begin: int
    end: int
    state: State
    activity: str | None
    here: bool
    signed_in: bool


class _Claim(NamedTuple):
    """What would be the state of a time if nothing stronger were."""

    begin: int
    end: int
    strength: tuple[int, int, str]
    state: State
    activity: str | None
    here: bool


def stretches(
    present: Sequence[Attendance], legs: Sequence[Work], queues: frozenset[str] | None, now: int
) -> list[Stretch]:
    """What the agent was doing, as these queues see it (None: all of them), in order and apart."""
    presence = [claim for each in present if (claim := _presence(each, queues))]
    return list(_merged(_strongest([*presence, *_work(present, legs, queues, now)])))


def life(legs: Iterable[Work], now: int) -> list[Span]:
    """When the agent worked on calls, as far as it is told, for `attendances`."""
    spans = []
    for leg in legs:
        begin, end = on_call(leg, now)
        told = [leg.wrapup_at + leg.wrapup_ms * 1000] if leg.wrapup_at is not None else []
        spans.append((begin, min(max(end, *told, begin), now)))
    return sorted(spans)


def on_call(leg: Work, now: int) -> Span:
    """From the answer to when the line was free."""
    return leg.answered_at, max(leg.answered_at, now if leg.ended_at is None else min(leg.ended_at, now))


def wrapups(present: Sequence[Attendance], legs: Sequence[Work], now: int) -> list[Span | None]:
    """The wrap-up of each leg, if it has one.

    One that no fact ends lasts until the agent takes the next call or is away.
    """
    answers = sorted(leg.answered_at for leg in legs)
    absences = sorted({each.end for each in present} - {each.begin for each in present})
    return [_wrapup(leg, answers, absences, now) for leg in legs]


def _wrapup(leg: Work, answers: Sequence[int], absences: Sequence[int], now: int) -> Span | None:
    if leg.wrapup_at is None:
        return None
    end = min(leg.wrapup_at + leg.wrapup_ms * 1000, now)
    if leg.wrapup == "open":
        ends = [each[place] for each in (answers, absences) if (place := bisect_right(each, leg.wrapup_at)) < len(each)]
        end = min([now, *ends])
    return (leg.wrapup_at, end) if end > leg.wrapup_at else None


def talks(leg: Work, now: int) -> tuple[Span, ...]:
    """The leg less its holds; where nothing would be left, the whole of it."""
    begin, end = on_call(leg, now)
    spans = []
    for held, resumed in leg.holds:
        if held > begin:
            spans.append((begin, min(held, end)))
        begin = max(begin, resumed)
    if end > begin:
        spans.append((begin, end))
    return tuple(spans) or ((leg.answered_at, end),)


def spread(total: int, spans: Sequence[Span], edges: Sequence[int]) -> Iterator[tuple[int, int]]:
    """A total over spans, cut at sorted edges: how much lies behind which edge. What is before the first is left out.

    The parts come to the total however the edges lie, also where the source measured otherwise than its stamps tell.
    """
    if not total or not spans:
        return
    length = sum(end - begin for begin, end in spans)
    if not length:
        if (place := bisect_right(edges, spans[0][0]) - 1) >= 0:
            yield place, total
        return
    passed = given = 0
    for begin, end in spans:
        for place, until in pieces(begin, end, edges):
            share = total * (passed + until - begin) // length - given
            given += share
            if place >= 0 and share:
                yield place, share
        passed += end - begin


def pieces(begin: int, end: int, edges: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The span cut at the edges: behind which edge (-1: before the first), and up to where."""
    place = bisect_right(edges, begin) - 1
    while begin < end:
        until = min(end, edges[place + 1]) if place + 1 < len(edges) else end
        yield place, until
        begin, place = until, place + 1


def _presence(each: Attendance, queues: frozenset[str] | None) -> _Claim | None:
    match each.to(queues):
        case "away":
            return None
        case Pause(at, activity):
            return _Claim(each.begin, each.end, (0, at, activity or ""), "paused", activity, here=True)
        case _:
            return _Claim(each.begin, each.end, (1, 0, ""), "available", None, here=True)


def _work(
    present: Sequence[Attendance], legs: Sequence[Work], queues: frozenset[str] | None, now: int
) -> Iterator[_Claim]:
    for leg, wrapup in zip(legs, wrapups(present, legs, now), strict=True):
        here = queues is None or leg.queue in queues
        yield _Claim(*on_call(leg, now), (4 + here, 0, ""), "on_call", None, here)
        if wrapup:
            yield _Claim(*wrapup, (2 + here, 0, ""), "wrapup", None, here)


def _strongest(claims: Iterable[_Claim]) -> Iterator[Stretch]:
    """At each moment the strongest claim."""
    waiting = sorted((claim for claim in claims if claim.end > claim.begin), key=lambda claim: -claim.begin)
    bounds = sorted({bound for claim in waiting for bound in (claim.begin, claim.end)})
    running: list[_Claim] = []
    for begin, end in pairwise(bounds):
        running = [claim for claim in running if claim.end > begin]
        while waiting and waiting[-1].begin <= begin:
            running.append(waiting.pop())
        if running:
            first = max(running, key=lambda claim: claim.strength)
            signed_in = any(claim.state in ("available", "paused") for claim in running)
            yield Stretch(begin, end, first.state, first.activity, first.here, signed_in)


def _merged(found: Iterable[Stretch]) -> Iterator[Stretch]:
    last: Stretch | None = None
    for each in found:
        if last and last.end == each.begin and last[2:] == each[2:]:
            last = last._replace(end=each.end)
            continue
        if last:
            yield last
        last = each
    if last:
        yield last
