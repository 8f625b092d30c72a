"""The fold: a call's facts, in any order and with any repetition, become its visits, legs and outcome.

Every figure of the product is decided here, and all inference happens here (FIELD 4.1, "How facts become visits and
legs"): adapters store only what the source said.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from services.calls.domain import dispositions
from services.calls.domain.contradictions import Contradiction, contradictions
from services.calls.domain.legs import AgentLeg, Ring
from services.calls.domain.names import Names
from services.calls.domain.reading import State
from services.calls.domain.rules import read
from services.calls.domain.story import Fact, in_order, sort_key
from services.calls.domain.tentative import settled
from services.calls.domain.visits import QueueVisit, VisitOutcome

__all__ = ["AgentLeg", "Call", "Fact", "QueueVisit", "Ring", "fold", "sort_key"]

Outcome = Literal[VisitOutcome, "not_offered"]


@dataclass(slots=True)
class Call:
    """One exchange with a customer as its facts tell it. Instants in microseconds since 1970.

    `customer` is the keyed hash of the customer's number. `customer_id` is what the source calls the customer, and
    `customer_name` who that is here, where it is known: mapped, or said as `system:value`.
    `numbers_event` is the event of the first fact that carries numbers; `facts` counts all that are known, superseded
    ones included; `notes` names doubts about the data: negative_wait, negative_talk, negative_wrapup, end_without_leg,
    negative_duration (a fact states one), missing_end (the reaper ended it, and nothing of it was open);
    `contradictions` are those between versions.
    """

    state: State
    outcome: Outcome
    started_at: int
    ended_at: int | None
    direction: str | None
    channel: str | None
    campaign: str | None
    customer: str | None
    customer_id: str | None
    customer_name: str | None
    numbers_event: UUID | None
    excluded: bool
    root_call_id: str | None
    parent_call_id: str | None
    disposition: Mapping[str, Any] | None
    facts: int
    notes: tuple[str, ...]
    contradictions: tuple[Contradiction, ...]
    visits: tuple[QueueVisit, ...]
    legs: tuple[AgentLeg, ...]
    rings: tuple[Ring, ...]


def fold(
    facts: Iterable[Fact],
    restarts: Sequence[int] = (),
    closed: int | None = None,
    names: Names | None = None,
    decided: Sequence[Fact] = (),
) -> Call:
    """The call that these facts tell; at least one.

    `decided` are the dispositions that people set and corrected, as facts would tell them. `restarts` are the
    instants at which the call's source restarted, sorted. `closed` is how many facts were known when the reaper closed
    the call: it holds only as long as no other fact has come. `names` are what the source's names mean here, where any
    of them is mapped.
    """
    known = {fact.id: fact for fact in facts}
    story = in_order(known.values())
    if names:
        story = names.applied(story)
    reading = read(settled(story))
    if restarts:
        reading.leave_at_restart(restarts)
    if closed == len(known):
        reading.close()
    reading.cancel_rings()
    if any(fact.is_below_zero for fact in story):
        reading.notes["negative_duration"] = None

    direction = channel = campaign = customer = numbers_event = root_call_id = parent_call_id = None
    for fact in reversed(story):  # so that the first to say something has the last word
        direction = fact.direction or direction
        channel = fact.channel or channel
        campaign = fact.campaign or campaign
        customer = fact.customer or customer
        numbers_event = fact.event_id if fact.has_numbers else numbers_event
        root_call_id = fact.root_call_id or root_call_id
        parent_call_id = fact.parent_call_id or parent_call_id

    disposition = None
    versions = {fact.record_version for fact in known.values()} - {None}
    superseded = known.values() if len(story) < len(known) else ()
    if reading.dispositions or decided or superseded:
        disposition = dispositions.final(reading.dispositions, decided, superseded)
    customer_id, customer_name = _customer(story, names)
    legs = tuple([leg.result(reading.notes) for leg in reading.legs])
    outcome: Outcome = reading.visits[-1].outcome if reading.visits else "answered" if legs else "not_offered"
    state = reading.state()
    return Call(
        state,
        outcome,
        story[0].occurred_at,
        reading.over_at if state in {"wrapping", "ended"} else None,
        direction,
        channel,
        campaign,
        customer,
        customer_id,
        customer_name,
        numbers_event,
        reading.excluded,
        root_call_id,
        parent_call_id,
        disposition,
        len(known),
        tuple(reading.notes),
        contradictions(known.values(), names) if len(versions) > 1 else (),
        tuple(reading.visits),
        legs,
        tuple(reading.rings),
    )


def _customer(story: Sequence[Fact], names: Names | None) -> tuple[str | None, str | None]:
    """What the source called the customer first, and who that is here, where it is known."""
    for fact in story:
        if fact.type == "call.started" and "customer_id" in fact.data:
            outside: str = fact.data["customer_id"]
            meant = names.inside("customer", outside, fact.occurred_at) if names else outside
            return outside, meant if meant != outside or ":" in meant else None
    return None, None
