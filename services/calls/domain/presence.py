"""Presence: when an agent was signed in, to which queues, and paused from which, as what was said of them tells.

A fold over the marks of one agent from one source, in the order of facts. Where a sign-out is missing, the end is
inferred: at the next sign-in, at a restart of the source, or, after 12 hours without any sign of the agent, where they
were last heard of. Who signs in more than 12 hours after they did to another queue begins a new shift, and is in that
one no more. Whatever is said later undoes the inference, because all of it is folded anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Literal, NamedTuple

EVERY_QUEUE = ""
HOUR = 3_600_000_000
SAID_TWICE = HOUR // 60  # two feeds that tell of one sign-in are no further apart
SILENCE = 12 * HOUR  # longer than any shift, and shorter than a night between two

# What sources that tell of no sign-ins call the two states that mean one (TaskRouter, Amazon Connect, FreeSWITCH).
AVAILABLE = frozenset({"available", "available (on demand)", "ready"})
OFFLINE = frozenset({"offline", "logged out", "logged_out", "signed_out"})
SIGNED_IN = "agent.signed_in"


class Mark(NamedTuple):
    """What a fact says of an agent for one queue (`EVERY_QUEUE`: for all), or of their state.

    `at` in microseconds since 1970, the source's clock offset applied. `about` is the queue, or the name of the state.
    `activity` is what a pause is for, or what the source's settings make of the state.
    """

    at: int
    sequence: int
    rank: int
    fact: str
    kind: Literal["sign", "pause", "state"]
    about: str
    type: str
    activity: str | None = None


class Pause(NamedTuple):
    """Since when, and what for if it was said."""

    at: int
    activity: str | None


@dataclass(frozen=True, slots=True)
class Attendance:
    """A time in which an agent was signed in and nothing was said; half-open, in microseconds since 1970.

    `signed_in` and `pauses` are by queue; `EVERY_QUEUE` stands for those that are not named. `inferred`: no fact tells
    of its end, and nothing later shows that it went on.
    """

    begin: int
    end: int
    signed_in: Mapping[str, bool]
    pauses: Mapping[str, Pause | None]
    inferred: bool

    def to(self, queues: frozenset[str] | None) -> Pause | Literal["away", "available"]:
        """What the agent is to these queues together (None: all): away, available to one of them, or paused."""
        everywhere = self.signed_in.get(EVERY_QUEUE, False)
        if queues is None:
            here = [queue for queue, signed_in in self.signed_in.items() if signed_in]
        else:
            here = [queue for queue in queues if self.signed_in.get(queue, everywhere)]
        if not here:
            return "away"
        pauses = [pause for queue in here if (pause := self.pauses.get(queue, self.pauses.get(EVERY_QUEUE)))]
        if len(pauses) < len(here):
            return "available"
        return max(pauses, key=lambda pause: (pause.at, pause.activity or ""))


@dataclass(slots=True)
class Register:
    """The newest of what was said, by queue; `signed_at` is when somebody signed in or out."""

    states: bool
    signed_in: dict[str, bool] = field(default_factory=dict)
    signed_at: dict[str, int] = field(default_factory=dict)
    pauses: dict[str, Pause | None] = field(default_factory=dict)

    @property
    def present(self) -> bool:
        """Whether the agent is signed in to any queue."""
        return any(self.signed_in.values())

    def hear(self, mark: Mark) -> None:
        """Takes what was said next; states count only where the source never tells of sign-ins."""
        match mark.kind:
            case "sign":
                self._sign(mark.about, mark.at, signed_in=mark.type == SIGNED_IN)
            case "pause":
                self._pause(mark.about, Pause(mark.at, mark.activity) if mark.type == "agent.paused" else None)
            case "state" if self.states:
                if mark.activity is not None:
                    self._sign(EVERY_QUEUE, mark.at, signed_in=True)
                    self._pause(EVERY_QUEUE, Pause(mark.at, mark.activity))
                elif mark.about.lower() in AVAILABLE | OFFLINE:
                    self._sign(EVERY_QUEUE, mark.at, signed_in=mark.about.lower() in AVAILABLE)

    def is_told_again(self, mark: Mark) -> bool:
        """Whether the mark signs in where the agent is signed in already, so that a sign-out is missing."""
        if mark.type != SIGNED_IN:
            return False
        return self.present if mark.about == EVERY_QUEUE else self.signed_in.get(mark.about, False)

    def comes_back(self, mark: Mark) -> bool:
        """Whether the mark signs in who is on a break: some systems have one word for both (FreeSWITCH's Available)."""
        return mark.about == EVERY_QUEUE and self.pauses.get(EVERY_QUEUE) is not None

    def leave(self) -> None:
        """Nobody is there any more."""
        self.signed_in, self.signed_at, self.pauses = {}, {}, {}

    def _sign(self, queue: str, at: int, *, signed_in: bool) -> None:
        if queue == EVERY_QUEUE:
            self.leave()
        elif signed_in:  # what was said in an earlier shift does not hold in this one
            told = self.signed_in.items()
            self.signed_in = {each: there for each, there in told if at - self.signed_at[each] <= SILENCE}
        self.signed_in = {**self.signed_in, queue: signed_in}
        self.signed_at[queue] = at
        self.pauses = {**self.pauses, queue: None}  # whoever signs in is not paused

    def _pause(self, queue: str, pause: Pause | None) -> None:
        self.pauses = {queue: pause} if queue == EVERY_QUEUE else {**self.pauses, queue: pause}


def attendances(
    marks: Sequence[Mark], life: Sequence[tuple[int, int]], restarts: Sequence[int], now: int
) -> list[Attendance]:
    """The agent's attendances, in order and apart.

    `marks` are those of one source, in any order; `life` is when the agent worked on calls (beginning, end), sorted;
    `restarts` are the instants at which the source restarted, sorted. Nothing lies after `now`.
    """
    register = Register(states=all(mark.kind != "sign" for mark in marks))
    story = in_order(marks)
    found: list[Attendance] = []
    for mark, later in zip_longest(story, story[1:]):
        register.hear(mark)
        until = now if later is None else min(later.at, now)
        if not register.present or until <= mark.at:
            continue
        end, inferred = until, False
        if later is None or register.is_told_again(later):
            end, inferred = _end(mark.at, until, life, restarts)
            inferred = inferred or (
                later is not None and later.at - mark.at > SAID_TWICE and not register.comes_back(later)
            )
        elif later.type == SIGNED_IN:
            end, inferred = _end(mark.at, until, life, ())
        if end > mark.at:
            found.append(Attendance(mark.at, end, register.signed_in, register.pauses, inferred))
        if end < until:
            register.leave()
    return found


def missing_sign_outs(
    marks: Sequence[Mark], life: Sequence[tuple[int, int]], restarts: Sequence[int], now: int
) -> list[Mark]:
    """The marks after which an agent must have left unsaid: they signed in anew, or were not heard of any more.

    The parameters are those of `attendances`, with which it agrees, but for two things: it knows of agents who signed
    in and did nothing at all, and not of a shift that only a sign-in to other queues shows to be over.
    """
    register = Register(states=all(mark.kind != "sign" for mark in marks))
    story = in_order(marks)
    missing = []
    for mark, later in zip_longest(story, story[1:]):
        register.hear(mark)
        if not register.present or mark.at >= now:
            continue
        if later is None:
            unsaid = _end(mark.at, now, life, restarts)[1]
        else:
            unsaid = (
                register.is_told_again(later)
                and later.at - mark.at > SAID_TWICE
                and (not register.comes_back(later) or _end(mark.at, later.at, life, restarts)[1])
            )
        if unsaid:
            missing.append(mark)
    return missing


def in_order(marks: Iterable[Mark]) -> list[Mark]:
    """The marks as they follow each other; none of them is a repeat."""
    return sorted(set(marks), key=lambda mark: mark[:-1])


def since_when_present(marks: Sequence[Mark]) -> int | None:
    """When the last of the marks was made, if they leave the agent signed in, as far as they tell."""
    register = Register(states=all(mark.kind != "sign" for mark in marks))
    for mark in in_order(marks):
        register.hear(mark)
    return max(mark.at for mark in marks) if register.present else None


def _end(since: int, until: int, life: Sequence[tuple[int, int]], restarts: Sequence[int]) -> tuple[int, bool]:
    """Where an attendance ends that no fact ends, and whether that is before `until`."""
    last = since
    for begin, end in life:
        if begin >= until or begin - last > SILENCE:
            break
        last = max(last, min(end, until))
    restart = next((each for each in restarts if last < each < until and each - last <= SILENCE), None)
    if restart is not None:
        return restart, True
    return (last, True) if until - last > SILENCE else (until, False)
