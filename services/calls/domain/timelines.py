"""Timelines: what an agent was doing when, each moment once.

Attendances and legs overlap: of two telephone systems, of a consultation within a call, of a wrap-up and the next
call. At each moment the agent is in one state: on a call before in wrap-up, in wrap-up before available, available (to
any of the queues asked about) before paused. Instants in microseconds since 1970, spans half-open.

Nearly all legs overlap with no other. So they are laid over presence one by one, and only where some overlap is it
looked at each moment anew which of them is the strongest.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from operator import attrgetter, itemgetter
from typing import Literal, NamedTuple

from services.calls.domain.agents_time import Span, Work, on_call, wrapups
from services.calls.domain.presence import Attendance, Pause

State = Literal["available", "on_call", "wrapup", "paused"]


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


LEAST_WORK = 2  # the least strength of a claim that is work


# A leg as it takes time: from when and until when as a whole, on the line, and the wrap-up if any; and its queue. And a
# stretch as it comes of the fold. These two are made so often that they have no names for what is in them.
_Worked = tuple[int, int, Span, Span | None, str | None]
Piece = tuple[int, int, State, str | None, bool, bool]


class Timeline:
    """What one agent was doing, to be looked at as any queues see it; nothing lies after `now`."""

    def __init__(self, present: Sequence[Attendance], legs: Iterable[Work], now: int) -> None:
        """`legs` in any order."""
        self.present, self.now = present, now
        self.legs = sorted(legs, key=attrgetter("answered_at"))
        self.lines = [on_call(leg, now) for leg in self.legs]
        self.wrapups = wrapups(present, self.legs, now)
        self._worked: list[_Worked] = [
            (min(line[0], wrapup[0]), max(line[1], wrapup[1]), line, wrapup, leg.queue)
            if wrapup
            else (*line, line, None, leg.queue)
            for leg, line, wrapup in zip(self.legs, self.lines, self.wrapups, strict=True)
        ]
        self._worked.sort(key=itemgetter(0))

    def stretches(self, queues: frozenset[str] | None) -> list[Stretch]:
        """What the agent was doing, as these queues see it (None: all of them), in order and apart."""
        return list(_merged(self.pieces(queues)))

    def pieces(self, queues: frozenset[str] | None) -> Iterator[Piece]:
        """The same, where one state may come in several pieces that follow each other."""
        return _over(self._working(queues), list(_merged(_strongest(_presence(self.present, queues)))))

    def _working(self, queues: frozenset[str] | None) -> Iterator[Piece]:
        """The work, without knowing of any presence."""
        for together in _together(self._worked):
            _, _, (begin, end), wrapup, queue = together[0]
            if len(together) > 1 or (wrapup and wrapup[0] < end):
                yield from _strongest([claim for each in together for claim in _claims(each, queues)])
                continue
            here = queues is None or queue in queues
            if end > begin:
                yield begin, end, "on_call", None, here, False
            if wrapup:
                yield wrapup[0], wrapup[1], "wrapup", None, here, False


def _presence(present: Iterable[Attendance], queues: frozenset[str] | None) -> Iterator[_Claim]:
    for each in present:
        match each.to(queues):
            case "away":
                continue
            case Pause(at, activity):
                yield _Claim(each.begin, each.end, (0, at, activity or ""), "paused", activity, here=True)
            case _:
                yield _Claim(each.begin, each.end, (1, 0, ""), "available", None, here=True)


def _together(worked: Iterable[_Worked]) -> Iterator[list[_Worked]]:
    """What overlaps, all in the order of their beginnings."""
    some: list[_Worked] = []
    reach = -(1 << 62)
    for each in worked:
        if each[0] < reach:
            some.append(each)
            reach = max(reach, each[1])
            continue
        if some:
            yield some
        some, reach = [each], each[1]
    if some:
        yield some


def _claims(each: _Worked, queues: frozenset[str] | None) -> Iterator[_Claim]:
    _, _, line, wrapup, queue = each
    here = queues is None or queue in queues
    yield _Claim(*line, (4 + here, 0, ""), "on_call", None, here)
    if wrapup:
        yield _Claim(*wrapup, (2 + here, 0, ""), "wrapup", None, here)


def _over(working: Iterable[Piece], present: Sequence[Stretch]) -> Iterator[Piece]:
    """Work laid over presence: what is left of that, and of the work which was done while signed in."""
    rest = iter(present)
    there = next(rest, None)
    since = there.begin if there else 0  # from when on it is left
    for begin, end, state, _, here, _ in working:
        while there and since < end:
            if since < begin:
                until = min(there.end, begin)
                yield since, until, there.state, there.activity, there.here, True
                since = until
            else:
                if begin < since:
                    yield begin, since, state, None, here, False
                begin = until = min(there.end, end)  # noqa: PLW2901 - from when on the work is left
                yield since, until, state, None, here, True
                since = until
            if since == there.end:
                there = next(rest, None)
                since = there.begin if there else 0
        if begin < end:
            yield begin, end, state, None, here, False
    while there:
        yield since, there.end, there.state, there.activity, there.here, True
        there = next(rest, None)
        since = there.begin if there else 0


def _strongest(claims: Iterable[_Claim]) -> Iterator[Piece]:
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
            yield begin, end, first.state, first.activity, first.here, first.strength[0] < LEAST_WORK


def _merged(found: Iterable[Piece]) -> Iterator[Stretch]:
    last: Stretch | None = None
    for each in map(Stretch._make, found):
        if last and last.end == each.begin and last[2:] == each[2:]:
            last = last._replace(end=each.end)
            continue
        if last:
            yield last
        last = each
    if last:
        yield last
