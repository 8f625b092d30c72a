"""Agents' parts in a call: legs, and the rings that may come before them."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

Transfer = Literal["blind", "attended", "unstated"]
WrapUp = Literal["none", "open", "closed"]


@dataclass(slots=True)
class AgentLeg:
    """One agent's part in a call; its id is that of the event that opens it.

    Instants in microseconds since 1970, durations in milliseconds, talk net of hold. `inferred`: its end
    was never told, so that it counts in no handle time. `holds` are spans; `wrapup_at` is where its wrap-up began.
    """

    id: UUID
    number: int
    visit_id: UUID | None
    queue: str | None
    agent: str | None
    answered_at: int
    ended_at: int | None
    ring_ms: int | None
    talk_ms: int | None
    hold_ms: int
    wrapup_ms: int
    wrapup: WrapUp
    inferred: bool
    transferred: Transfer | None
    holds: tuple[tuple[int, int], ...] = ()
    wrapup_at: int | None = None

    @property
    def handled(self) -> bool:
        """Whether all of it is known: it counts in the average handle time."""
        return self.ended_at is not None and self.wrapup != "open" and not self.inferred

    @property
    def pending(self) -> bool:
        """Whether only the end of its wrap-up is still to come."""
        return self.ended_at is not None and self.wrapup == "open"


RingResult = Literal["ringing", "answered", "missed", "cancelled"]


@dataclass(slots=True)
class Ring:
    """One attempt to reach an agent, for a queue if that is known.

    `at` in microseconds since 1970, `ring_ms` where it is known.
    """

    visit_id: UUID | None
    queue: str | None
    agent: str | None
    at: int
    ring_ms: int | None = None
    result: RingResult = "ringing"

    def end(self, result: RingResult, at: int, stated: int | None) -> None:
        """What has become of it by then; how long it rang is as stated, else the difference of instants."""
        self.result = result
        if stated is not None:
            self.ring_ms = stated
        elif at > self.at:
            self.ring_ms = (at - self.at) // 1000


@dataclass(slots=True)
class OpenLeg:
    """A leg while its facts are read."""

    id: UUID
    number: int
    visit_id: UUID | None
    queue: str | None
    agent: str | None
    answered_at: int
    ring_ms: int | None
    ended_at: int | None = None
    stated_talk: int | None = None
    stated_hold: int | None = None
    talk_includes_hold: bool = False
    held_since: int | None = None
    holds: tuple[tuple[int, int], ...] = ()
    wrapups_begun: tuple[int, ...] = ()
    wrapups_ended: tuple[tuple[int, int | None], ...] = ()
    transferred: Transfer | None = None
    inferred: bool = False

    def hold(self, at: int) -> None:
        """The customer is put on hold."""
        if self.ended_at is None and self.held_since is None:
            self.held_since = at

    def resume(self, at: int) -> None:
        """The customer is back."""
        if self.held_since is not None:
            self.holds += ((self.held_since, at),)
            self.held_since = None

    def end(
        self, at: int, talk: int | None = None, hold: int | None = None, *, talk_includes_hold: bool = False
    ) -> None:
        """Ends the leg, a running hold with it; told of the end again, it learns what was not stated before."""
        if self.ended_at is None:
            self.resume(at)
            self.ended_at = at
        if self.stated_talk is None:
            self.stated_talk, self.talk_includes_hold = talk, talk_includes_hold
        if self.stated_hold is None:
            self.stated_hold = hold

    def infer_end(self, at: int) -> None:
        """Ends at `at` whatever of it still runs."""
        if self.ended_at is None or self.wrapping:
            self.inferred = True
            self.end(at)
            self.wrapups_ended += ((at, None),) * (len(self.wrapups_begun) - len(self.wrapups_ended))

    @property
    def wrapping(self) -> bool:
        """Whether a wrap-up has begun that has not ended."""
        return len(self.wrapups_begun) > len(self.wrapups_ended)

    def result(self, notes: dict[str, None]) -> AgentLeg:
        """The leg as its facts leave it."""
        held = sum(until - since for since, until in self.holds)
        hold = held // 1000 if self.stated_hold is None else self.stated_hold
        talk, ended_at = self.stated_talk, self.ended_at
        if talk is not None and self.talk_includes_hold:
            talk = max(talk - hold, 0)
        if ended_at is not None:
            if talk is None:
                talk = (ended_at - self.answered_at) // 1000 - hold
                if talk < 0:
                    notes["negative_talk"] = None
                    talk = 0
            ended_at = max(ended_at, self.answered_at)
        return AgentLeg(
            self.id,
            self.number,
            self.visit_id,
            self.queue,
            self.agent,
            self.answered_at,
            ended_at,
            self.ring_ms,
            talk,
            hold,
            self._wrapup(notes) if self.wrapups_ended else 0,
            "open" if self.wrapping else "closed" if self.wrapups_ended else "none",
            self.inferred,
            self.transferred,
            self.holds,
            self._wrapup_at(),
        )

    def _wrapup_at(self) -> int | None:
        if self.wrapups_begun:
            return self.wrapups_begun[0]
        return self.ended_at if self.wrapups_ended else None

    def _wrapup(self, notes: dict[str, None]) -> int:
        """Each end with its beginning, the first with the first; what no fact begins began when the line was free."""
        total = 0
        for position, (ended, stated) in enumerate(self.wrapups_ended):
            if stated is not None:
                total += stated
                continue
            begun = self.wrapups_begun[position] if position < len(self.wrapups_begun) else self.ended_at
            if begun is None:
                continue
            if ended < begun:
                notes["negative_wrapup"] = None
            total += max(ended - begun, 0) // 1000
        return total
