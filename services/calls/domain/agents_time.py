"""Agents' work: when an agent was on a call or in wrap-up, and how much of either lies in which interval.

Instants in microseconds since 1970, spans half-open. What this says of each leg is asked of hundreds of thousands for
the month of a centre.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

from services.calls.domain.legs import Transfer, WrapUp
from services.calls.domain.presence import Attendance

Span = tuple[int, int]


class Work(NamedTuple):
    """A leg as its agent's time sees it; durations in milliseconds, `holds` are spans, `wrapup_at` its beginning.

    `id`, `call` and `visit` are there where somebody wants to know which leg it was, and `agent` who had it. `left_at`
    is where it is left though no end is told (see `with_lost_ends`).
    """

    queue: str | None
    answered_at: int
    ended_at: int | None
    talk_ms: int | None
    hold_ms: int
    wrapup_ms: int
    wrapup: WrapUp
    wrapup_at: int | None
    holds: tuple[Span, ...] | None
    inferred: bool
    transferred: Transfer | None
    id: UUID | None = None
    call: UUID | None = None
    visit: UUID | None = None
    agent: str | None = None
    left_at: int | None = None

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


def with_lost_ends(legs: list[Work]) -> list[Work]:
    """One agent's legs; one of which no end is told is left where they answer the next: nobody talks on two lines.

    Else the line of a call whose end was lost would be theirs for hours, beside all calls that they have taken since.
    """
    if all(leg.ended_at is not None for leg in legs):
        return legs
    answers = sorted(leg.answered_at for leg in legs)
    return [
        leg._replace(left_at=answers[place])
        if leg.ended_at is None and (place := bisect_right(answers, leg.answered_at)) < len(answers)
        else leg
        for leg in legs
    ]


def life(legs: Iterable[Work], now: int) -> list[Span]:
    """When the agent worked on calls, as far as it is told, for `attendances`: sorted, and apart."""
    spans: list[Span] = []
    for leg in legs:
        begin, end = on_call(leg, now)
        if leg.wrapup_at is not None:
            end = max(end, min(leg.wrapup_at + leg.wrapup_ms * 1000, now))
        spans.append((begin, end if begin < now else now))
    spans.sort()
    return list(_united(spans))


def _united(spans: Iterable[Span]) -> Iterator[Span]:
    last: Span | None = None
    for span in spans:
        if last and span[0] <= last[1]:
            if span[1] > last[1]:
                last = (last[0], span[1])
            continue
        if last:
            yield last
        last = span
    if last:
        yield last


def on_call(leg: Work, now: int) -> Span:
    """From the answer to when the line was free, or the agent was on another."""
    begin, end = leg.answered_at, leg.left_at if leg.ended_at is None else leg.ended_at
    if end is None or end > now:
        end = now
    return begin, end if end > begin else begin


def wrapups(present: Iterable[Attendance], legs: Sequence[Work], now: int) -> list[Span | None]:
    """The wrap-up of each leg, if it has one; the legs in the order in which they were answered.

    One that no fact ends lasts until the agent takes the next call or is away.
    """
    found: list[Span | None] = []
    open_ = False
    for leg in legs:
        begin = leg.wrapup_at
        if begin is None:
            found.append(None)
            continue
        open_ = open_ or leg.wrapup == "open"
        end = begin + leg.wrapup_ms * 1000
        end = min(end, now)
        found.append((begin, end) if end > begin else None)
    if open_:
        answers = [leg.answered_at for leg in legs]
        absences = sorted({each.end for each in present} - {each.begin for each in present})
        for place, leg in enumerate(legs):
            if leg.wrapup == "open" and leg.wrapup_at is not None:
                found[place] = _open_wrapup(leg.wrapup_at, answers, absences, now)
    return found


def _open_wrapup(begin: int, answers: Sequence[int], absences: Sequence[int], now: int) -> Span | None:
    ends = [each[place] for each in (answers, absences) if (place := bisect_right(each, begin)) < len(each)]
    end = min([now, *ends])
    return (begin, end) if end > begin else None


def talks(leg: Work, now: int) -> tuple[Span, ...]:
    """The leg less its holds; where nothing would be left, the whole of it."""
    begin, end = on_call(leg, now)
    spans = []
    for held, resumed in leg.holds or ():
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
