"""Which calls a list leaves: the SQL of each filter, and the values of what is asked."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from psycopg.types.multirange import TimestamptzMultirange
from psycopg.types.range import Range

from services.calls.domain.calendars import LATEST
from services.calls.domain.facts import stream_id
from services.calls.queries import Calls
from services.calls.reports.opening_hours import open_times
from services.calls.reports.ranges import backwards, too_long
from services.calls.reports.visibility import Known, call_filters
from services.kernel.database import Cursor
from services.kernel.decider import Rejected
from services.kernel.lists import Listing, equal
from services.kernel.privacy import MasterKey
from services.kernel.values import Actor

# Who calls for the same reason again: by what the agent noted of the call (see `ResolutionOf`).
REASON: LiteralString = """CASE WHEN disposition ? 'kind' AND disposition -> 'topics' ->> 0 IS NOT NULL
    THEN (disposition ->> 'kind') || '/' || (disposition -> 'topics' ->> 0) ELSE disposition ->> 'code' END"""
CONTACT: LiteralString = """NOT excluded AND direction IS DISTINCT FROM 'outbound'
    AND direction IS DISTINCT FROM 'internal' AND EXISTS (SELECT FROM legs WHERE legs.call = calls.id)"""
# Who calls again: the customer by name, as the source names them or as a CRM holds their number.
PERSON: LiteralString = """coalesce(customer_name,
    (SELECT min(held.customer) FROM customer_numbers AS held WHERE held.subject = calls.customer))"""
CALLS_OF: LiteralString = """SELECT id FROM calls WHERE customer_name = %(of_customer)s
    UNION SELECT id FROM calls WHERE customer IN (
        SELECT subject FROM customer_numbers AS held WHERE held.customer = %(of_customer)s)"""
# Whoever is limited to queues learns nothing of a call's other visits, neither by asking for one of them.
OWN: LiteralString = "(%(own)s::text[] IS NULL OR queue = ANY(%(own)s::text[]))"
VISITED: LiteralString = f"EXISTS (SELECT FROM visits WHERE visits.call = calls.id AND {OWN} AND "
OF_CLIENT: LiteralString = "visits.queue IN (SELECT queue FROM queues WHERE queues.client = %(client)s))"
IN_QUEUE: LiteralString = " AND visits.queue = %(queue)s)"
# Of a queue without a calendar nothing is out of hours, and of what lies outside the range nothing is known.
OUT_OF_HOURS: LiteralString = """EXISTS (SELECT FROM visits
    JOIN unnest(%(calendar_queues)s::text[], %(calendar_numbers)s::int[]) AS calendar(queue, number)
        ON calendar.queue = visits.queue
    WHERE visits.call = calls.id AND (%(own)s::text[] IS NULL OR visits.queue = ANY(%(own)s::text[]))
        AND entered_at < %(hours_end)s
        AND NOT entered_at <@ (%(open)s::tstzmultirange[])[calendar.number]"""

FILTERS: dict[str, LiteralString] = {
    **equal("id", "source", "call_id", "direction", "outcome", "campaign", "customer"),
    "from_": "started_at >= %(from_)s",
    "to": "started_at < %(to)s",
    "ids": "id = ANY(%(ids)s)",
    "queue": VISITED + "visits.queue = %(queue)s)",
    "client": VISITED + OF_CLIENT,
    "agent": f"""EXISTS (SELECT FROM legs WHERE legs.call = calls.id AND legs.agent = %(agent)s AND {OWN}
        AND (%(known_in)s::tstzmultirange IS NULL OR answered_at <@ %(known_in)s::tstzmultirange))""",
    "disposition": "disposition ->> 'code' = %(disposition)s",
    "kind": "disposition ->> 'kind' = %(kind)s",
    "sentiment": "disposition ->> 'sentiment' = %(sentiment)s",
    "resolved": "disposition ->> 'resolved' = %(resolved)s",
    "topic": "disposition -> 'topics' ? %(topic)s",
    "flag": "disposition -> 'flags' ? %(flag)s",
    "min_wait": VISITED + "wait_ms >= %(min_wait)s)",
    "min_wait_in_queue": VISITED + "wait_ms >= %(min_wait_in_queue)s" + IN_QUEUE,
    "out_of_hours": OUT_OF_HOURS + ") = %(out_of_hours)s",
    "out_of_hours_in_queue": OUT_OF_HOURS + IN_QUEUE + " = %(out_of_hours_in_queue)s",
    "of_customer": f"id IN ({CALLS_OF})",
    "interaction": """(id IN (SELECT call FROM interactions WHERE interactions.interaction = %(interaction)s)
        OR id = %(interaction)s AND NOT EXISTS (SELECT FROM interactions WHERE interactions.call = id))""",
    "contact": CONTACT,
    "reason": REASON + " = %(reason)s",
    "after_call": "(started_at, id) > (%(first_at)s, %(after_call)s)",
    "repeating": f"""id IN ({CALLS_OF.replace("of_customer", "person")}
            UNION SELECT id FROM calls WHERE customer = %(repeating)s)
        AND (customer = %(repeating)s OR {PERSON} = %(person)s)""",  # noqa: S608 - constants
    "until": "started_at <= %(until)s",
    "subject": """id IN (SELECT id FROM calls WHERE customer = %(subject)s
        UNION SELECT call FROM further_customers WHERE customer = %(subject)s)""",
    "seen_queues": "EXISTS (SELECT FROM visits WHERE visits.call = calls.id AND visits.queue = ANY(%(seen_queues)s))",
    "seen_agent": "EXISTS (SELECT FROM legs WHERE legs.call = calls.id AND legs.agent = %(seen_agent)s)",
}
LISTED = Listing("calls", FILTERS, order={"started_at": datetime.fromisoformat, "id": UUID})
LONGEST_CALL = timedelta(days=2)
SUBJECT = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
LONGEST_NUMBER = 15  # digits of an E.164 number
REASON_OF = f"SELECT {REASON}, {PERSON} FROM calls WHERE id = %s"  # noqa: S608 - a constant
EVERY_CALENDAR = "SELECT queue FROM queues WHERE calendar IS NOT NULL"


def call_is_seen(db: Cursor, actor: Actor, call: str) -> bool:
    """Whether the actor may know of a call; who may see all of them need not wait for the read model."""
    limits = call_filters(db, actor)
    return not limits or bool(LISTED.rows(db, {"id": UUID(call), **limits}, 1))


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters that a question comes to, and what more their SQL is given."""

    filters: dict[str, Any]
    given: dict[str, Any]


def wanted_calls(db: Cursor, asked: Calls, actor: Actor, master: MasterKey, known: Known) -> Wanted | Rejected | None:
    """Which calls are asked for, as far as the actor may see them; None where what is named is not to be seen.

    Of an agent only those are listed in which the actor sees them by name.
    """
    if refused := backwards(asked.from_, asked.to):
        return refused
    limits = call_filters(db, actor)
    wanted = Wanted({**LISTED.wanted(asked), **limits}, {"own": limits.get("seen_queues"), "known_in": None})
    filters = wanted.filters
    if asked.agent is not None and known is not None:
        if asked.agent not in known:
            return None
        wanted.given["known_in"] = TimestamptzMultirange(Range(*span) for span in known[asked.agent])
    if asked.customer is not None:
        filters |= _of_customer(filters.pop("customer"), master)
    if asked.source is not None and asked.call_id is not None:
        filters["id"] = stream_id(asked.source, "call", asked.call_id)  # found without reading on
    if asked.external_id is not None:
        if ":" not in asked.external_id:
            return Rejected("request.invalid", "Give an external id as source:call_id.", 422, "/external_id")
        filters["ids"] = _named(asked.external_id)
    if asked.min_wait_seconds is not None:
        filters["min_wait_in_queue" if asked.queue else "min_wait"] = int(asked.min_wait_seconds * 1000)
    if filters.pop("out_of_hours", None) is not None and (refused := _want_hours(db, asked, wanted)):
        return refused
    if asked.repeat_of is not None:
        found = LISTED.rows(db, {"id": asked.repeat_of, **limits}, 1)
        if not found:
            return None
        _want_repeats(db, found[0], asked, wanted)
    return wanted


def _of_customer(named: str, master: MasterKey) -> dict[str, str]:
    """The filter of a customer, who is named by a number, by the id of a subject, or as a CRM calls them."""
    digits = named.strip().lstrip("+")
    if digits.isdigit() and len(digits) <= LONGEST_NUMBER:  # a plus that was not encoded arrives as a space
        return {"customer": master.hash_of("+" + digits)}
    if SUBJECT.fullmatch(named):
        return {"customer": named.replace("-", "").lower()}
    return {"of_customer": named}


def _named(external_id: str) -> list[UUID]:
    """The calls that may be meant: names of sources may hold colons, and so may call ids."""
    places = [place for place, letter in enumerate(external_id) if letter == ":"]
    return [stream_id(external_id[:place], "call", external_id[place + 1 :]) for place in places]


def _want_hours(db: Cursor, asked: Calls, wanted: Wanted) -> Rejected | None:
    if asked.from_ is None or asked.to is None:
        return Rejected("calls.list.range_missing", "Give `from` and `to` with `out_of_hours`.", 422, "/out_of_hours")
    if refused := too_long(asked.from_, asked.to):
        return refused
    end = min(asked.to, LATEST) + LONGEST_CALL
    queues = [queue for (queue,) in db.execute(EVERY_CALENDAR)]
    times = open_times(db, queues, asked.from_, end)
    wanted.filters["out_of_hours_in_queue" if asked.queue else "out_of_hours"] = asked.out_of_hours
    wanted.given.update(
        calendar_queues=queues,
        calendar_numbers=[times.place(queue) for queue in queues],
        open=times.multiranges(),
        hours_end=end,
    )
    return None


def _want_repeats(db: Cursor, first: dict[str, Any], asked: Calls, wanted: Wanted) -> None:
    reason, person = db.execute(REASON_OF, (first["id"],)).fetchone() or (None, None)
    begun = first["started_at"]
    if (first["customer"] is None and person is None) or reason is None:
        wanted.filters["ids"] = []
    wanted.filters.update(contact=True, reason=reason, until=begun + timedelta(days=asked.days), after_call=first["id"])
    wanted.filters["repeating"] = first["customer"]
    wanted.given.update(first_at=begun, person=person)
