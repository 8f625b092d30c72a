"""What is known of a call while its facts are read: its visits, legs and rings so far, and how they begin and end."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal

from services.calls.domain.legs import OpenLeg, Ring
from services.calls.domain.story import Fact, sort_key
from services.calls.domain.visits import QueueVisit, Reason, VisitOutcome

State = Literal["started", "waiting", "talking", "wrapping", "ended"]

EXITS = frozenset({"call.answered", "call.abandoned", "call.queue_left"})


class Reading:
    """A call while its facts are read. `early` are facts that were read before their turn.

    `ended_at` is as told by call.ended or the reaper; `gone_at` is when the caller left or was transferred, until
    somebody takes the call up again.
    """

    __slots__ = (
        "_passages",
        "dispositions",
        "early",
        "ended_at",
        "excluded",
        "gone_at",
        "legs",
        "notes",
        "rings",
        "story",
        "visits",
    )

    def __init__(self, story: Sequence[Fact]) -> None:
        self.story = story
        self._passages: dict[str | None, tuple[list[Fact], list[Fact]]] | None = None
        self.early: list[Fact] = []
        self.ended_at: int | None = None
        self.gone_at: int | None = None
        self.visits: list[QueueVisit] = []
        self.legs: list[OpenLeg] = []
        self.rings: list[Ring] = []
        self.notes: dict[str, None] = {}
        self.dispositions: list[Fact] = []
        self.excluded = False

    @property
    def over_at(self) -> int | None:
        """When the line was free, if it is."""
        return self.gone_at if self.ended_at is None else self.ended_at

    def state(self) -> State:
        """Where the call is in its life."""
        waiting, running = self.waiting(), self.running()
        if waiting and not (running and running[0].answered_at > waiting[0].entered_at):
            return "waiting"
        if running:
            return "talking"
        if any(leg.wrapping for leg in self.legs):
            return "wrapping"
        return "started" if self.over_at is None else "ended"

    # Visits

    def waiting(self, queue: str | None = None) -> list[QueueVisit]:
        """The visits still open to a queue, or to any; the latest first."""
        return [v for v in reversed(self.visits) if v.outcome == "in_progress" and queue in (None, v.queue)]

    def enter(self, fact: Fact, at: int) -> QueueVisit:
        """A new visit to the queue that the fact names."""
        visit = QueueVisit(fact.event_id, len(self.visits) + 1, str(fact.queue), at)
        self.visits.append(visit)
        self.gone_at = None
        return visit

    def imply_entry(self, fact: Fact, at: int) -> QueueVisit:
        """A new visit that was never told of, but that the fact presupposes."""
        visit = self.enter(fact, at)
        visit.inferred = True
        return visit

    def leave(self, fact: Fact, waiting: Sequence[QueueVisit], outcome: VisitOutcome) -> QueueVisit:
        """Ends the visit that the fact belongs to: of those waiting, else one that is told of later, or never."""
        at, wait = fact.occurred_at, fact.milliseconds("wait_seconds")
        if waiting:
            # Clocks of a second, and a caller who goes round in a queue: who waited did not enter at this very instant.
            visit = next((v for v in waiting if not wait or v.entered_at != at), waiting[0])
        else:
            visit = self._entered_later(fact) or self.imply_entry(fact, at - (wait or 0) * 1000)
        visit.end(outcome, at, wait, self.notes)
        return visit

    def once(self, queue: str | None) -> tuple[Fact, Fact] | None:
        """The entry and the exit of a queue visited once: they belong together whatever their stamps say."""
        entries, exits = self._passages_of(queue)
        return (entries[0], exits[0]) if len(entries) == len(exits) == 1 else None

    def exit_to_come(self, visit: QueueVisit, after: Fact) -> Fact | None:
        """The exit of a visit that is told later than this fact, where its queue has as many exits as entries."""
        entries, exits = self._passages_of(visit.queue)
        if len(entries) != len(exits):
            return None
        left = next((left for entry, left in zip(entries, exits, strict=True) if entry.event_id == visit.id), None)
        return left if left is not None and sort_key(left) > sort_key(after) else None

    def _passages_of(self, queue: str | None) -> tuple[list[Fact], list[Fact]]:
        if self._passages is None:
            self._passages = {}
            for fact in self.story:
                if fact.type == "call.queued" or fact.type in EXITS:
                    entries, exits = self._passages.setdefault(fact.queue, ([], []))
                    (exits if fact.type in EXITS else entries).append(fact)
        return self._passages[queue]

    def _entered_later(self, fact: Fact) -> QueueVisit | None:
        once = self.once(fact.queue)
        if once is None or any(visit.queue == fact.queue for visit in self.visits):
            return None
        self.early.append(once[0])
        return self.enter(once[0], once[0].occurred_at)

    # Legs and rings

    def running(self) -> list[OpenLeg]:
        """The legs that have not ended; the latest first."""
        return [leg for leg in reversed(self.legs) if leg.ended_at is None]

    def connect(self, fact: Fact, visit: QueueVisit | None, at: int, ring_ms: int | None) -> OpenLeg:
        """A new leg of the agent that the fact names, out of a visit or none."""
        queue = fact.queue if visit is None else visit.queue
        visit_id = None if visit is None else visit.id
        leg = OpenLeg(fact.event_id, len(self.legs) + 1, visit_id, queue, fact.agent, at, ring_ms)
        self.legs.append(leg)
        self.gone_at = None
        return leg

    def leg_of(self, fact: Fact) -> OpenLeg | None:
        """The latest leg of the agent that the fact names, else the latest leg."""
        latest = self.legs[-1] if self.legs else None
        return next((leg for leg in reversed(self.legs) if leg.agent == fact.agent), latest)

    def ringing(self, agent: str | None) -> Ring | None:
        """The latest attempt to reach an agent of which nothing came yet."""
        return next((r for r in reversed(self.rings) if r.agent == agent and r.result == "ringing"), None)

    def ring(self, fact: Fact) -> Ring:
        """A new attempt to reach the agent that the fact names, on the visit open now."""
        waiting = self.waiting(fact.queue)
        visit_id, queue = (waiting[0].id, waiting[0].queue) if waiting else (None, fact.queue)
        ring = Ring(visit_id, queue, str(fact.agent), fact.occurred_at)
        self.rings.append(ring)
        return ring

    # What no fact tells

    def cancel_rings(self) -> None:
        """Ends the rings of which nothing came where the call went on without that agent, or was over.

        Nobody tells that they were missed: somebody else was quicker, or the caller gave up.
        """
        if not any(ring.result == "ringing" for ring in self.rings):
            return
        ends = [leg.answered_at for leg in self.legs]
        ends += [visit.ended_at for visit in self.visits if visit.ended_at is not None]
        ends += [] if self.over_at is None else [self.over_at]
        for ring in self.rings:
            if ring.result == "ringing" and (later := [end for end in ends if end >= ring.at]):
                ring.end("cancelled", min(later), None)

    def leave_at_restart(self, restarts: Sequence[int]) -> None:
        """Ends the visits that no fact ends and that were open when their source restarted."""
        for visit in self.waiting():
            first = bisect_left(restarts, visit.entered_at)
            if first < len(restarts):
                gone_at = restarts[first]
                self._infer_left(visit, gone_at, "restart")
                self.gone_at = gone_at if self.gone_at is None else max(gone_at, self.gone_at)

    def close(self) -> None:
        """Ends at the last fact whatever is still open."""
        last = self.story[-1].occurred_at
        waiting = self.waiting()
        for visit in waiting:
            self._infer_left(visit, last, "stale")
        for leg in self.legs:
            leg.infer_end(last)
        if self.over_at is None:
            self.ended_at = last
            if not waiting and not any(leg.inferred for leg in self.legs):
                self.notes["missing_end"] = None

    def _infer_left(self, visit: QueueVisit, at: int, reason: Reason) -> None:
        visit.end("overflowed", at, None, self.notes)
        visit.reason = reason
        visit.inferred = True
