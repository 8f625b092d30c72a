"""What is doubtful in what the sources said."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from services.calls.queries.calls import Name
from services.calls.queries.service_level import ExplainedFact
from services.kernel.decider import values
from services.kernel.lists import Paged
from services.kernel.values import Range

DoubtKind = Literal[
    "missing_end",
    "missing_sign_out",
    "negative_wait",
    "negative_talk",
    "negative_wrapup",
    "negative_duration",
    "end_without_leg",
    "unknown_agent",
    "unknown_queue",
    "unknown_campaign",
    "conflict",
    "duplicate",
    "skewed",
    "late",
    "versions_differ",
]
DoubtedThing = Literal["call", "visit", "leg", "fact", "record", "agent", "queue", "campaign", "source"]
Lateness = Annotated[int, Range(1, 31_622_400)]


@values
class DataQualityOf:
    """Count what is doubtful in what each source said, in 92 days at most.

    What is wrong with a fact is found by when the fact was recorded, wherever its own stamp lies: `late` came more than
    `late_after_seconds` after it happened; `skewed` is stamped more than 5 minutes ahead of our clock (of both, the
    clock offset of the source is taken off); `conflict` is a repeat with other content; `duplicate` one with the same,
    which changes nothing, counted by the hour in which it came. They are facts of calls, of agents and of sources.

    What is wrong with what happened is found by when it happened, as the figures that it moves, and only in calls that
    are not excluded. `missing_end`: a visit, a leg or a call closed by inference, a restart of the source included.
    `missing_sign_out`: an agent signed in anew, or was silent for 12 hours, where the last was heard of them.
    `negative_...`: durations that came out below zero and count as zero; `negative_duration`: one that a fact states.
    `end_without_leg`: the end of a leg that never began. `versions_differ`: versions of a record, or two feeds on one
    queue of a call, that contradict each other on whether it was answered, on queues or agents, or whose durations are
    more than a second apart.
    `unknown_...`: names that stand for nobody, once for each call and each agent that a source tells of. A name is
    known if any mapping leads to it, or if it is a configured queue. A source is judged if it has names of that kind
    mapped; its queues also if any queue is configured.
    """

    from_: datetime
    to: datetime
    source: Name | None = None
    late_after_seconds: Lateness = 3600


@values
class DoubtCount:
    """How often a source gave one kind of doubt, and the latest instant by which it was found."""

    source: str
    kind: DoubtKind
    count: int
    latest: datetime


@values
class DataQualityReport:
    """Rows by source and kind; what never came up has none."""

    items: tuple[DoubtCount, ...]
    as_of: datetime


@values
class DoubtsOf(Paged):
    """List what is behind a count of the data-quality report."""

    kind: DoubtKind
    from_: datetime
    to: datetime
    source: Name | None = None
    late_after_seconds: Lateness = 3600


@values
class DoubtItem:
    """One doubt: in which call, if in one, by which instant it was found, about what, and what is doubtful.

    `thing` is what `about` names: the id of a call, a visit, a leg or a fact, an outside record, or a name. `facts`
    are those that say so: of a call all of its facts; none where only their number is known. `count` is how often it
    came up, once but for duplicates; their sum is the count of the report.
    """

    source: str
    call_id: UUID | None
    at: datetime
    about: str
    detail: str | None
    thing: DoubtedThing
    count: int
    facts: tuple[ExplainedFact, ...]


@values
class DoubtList:
    """A page of them, by instant."""

    items: tuple[DoubtItem, ...]
    next: str | None
