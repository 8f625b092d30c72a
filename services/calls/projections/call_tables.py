"""The tables of calls, visits and legs, and the rows that a folded call has in them."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from services.calls.domain.entries import entry_told
from services.calls.domain.fold import Call, Fact
from services.kernel.copying import copy_rows, instant_text
from services.kernel.database import Cursor, uuid_array

TABLES = """
CREATE TABLE calls (
    id uuid PRIMARY KEY, source text NOT NULL, call_id text NOT NULL, direction text, channel text, campaign text,
    customer text, numbers_event uuid, state text NOT NULL, outcome text NOT NULL, excluded boolean NOT NULL,
    started_at timestamptz NOT NULL, ended_at timestamptz,
    root_call_id text, parent_call_id text, disposition jsonb, notes text NOT NULL
);
CREATE INDEX calls_in_order ON calls (started_at, id);
CREATE INDEX calls_of_customer ON calls (customer, started_at) WHERE customer IS NOT NULL;
CREATE INDEX calls_by_disposition ON calls ((disposition ->> 'code'), started_at, id) WHERE disposition IS NOT NULL;
CREATE INDEX calls_open ON calls (source) WHERE state <> 'ended';

CREATE TABLE visits (
    call uuid NOT NULL, number integer NOT NULL, id uuid NOT NULL, queue text NOT NULL, entered_at timestamptz NOT NULL,
    ended_at timestamptz, outcome text NOT NULL, reason text, wait_ms bigint, agent text, turned_away boolean NOT NULL,
    inferred boolean NOT NULL, excluded boolean NOT NULL, handled integer NOT NULL, pending integer NOT NULL,
    talk_ms bigint NOT NULL, hold_ms bigint NOT NULL, wrapup_ms bigint NOT NULL,
    PRIMARY KEY (call, number)
);
CREATE INDEX visits_in_order ON visits (queue, entered_at) WHERE NOT excluded;
CREATE INDEX visits_waiting ON visits (queue) WHERE outcome = 'in_progress' AND NOT excluded;

CREATE TABLE legs (
    call uuid NOT NULL, number integer NOT NULL, id uuid NOT NULL, visit uuid, queue text, agent text,
    answered_at timestamptz NOT NULL, ended_at timestamptz, ring_ms bigint, talk_ms bigint, hold_ms bigint NOT NULL,
    wrapup_ms bigint NOT NULL, wrapup text NOT NULL, inferred boolean NOT NULL, transferred text,
    PRIMARY KEY (call, number)
);
CREATE INDEX legs_of_agent ON legs (agent, answered_at);
CREATE INDEX legs_open ON legs (agent) WHERE ended_at IS NULL OR wrapup = 'open';

-- Everybody whose number a call's facts give beside the customer of the call: erasure must find them too.
CREATE TABLE further_customers (call uuid NOT NULL, customer text NOT NULL, PRIMARY KEY (call, customer));
CREATE INDEX further_customers_of ON further_customers (customer);

-- Where a call has no visit that counts now, but had or may have had one by some of its facts: the hour (since 1970) of
-- its entry. With the visits of now, these are all the calls that any earlier report can have counted.
CREATE TABLE former_entries (
    call uuid NOT NULL, queue text NOT NULL, hour integer NOT NULL, PRIMARY KEY (call, queue, hour)
);
CREATE INDEX former_entries_in_order ON former_entries (queue, hour);

CREATE TABLE sources (
    source text PRIMARY KEY, clock_offset_us bigint NOT NULL, stale_after_seconds integer NOT NULL,
    pause_reasons jsonb NOT NULL
);
CREATE TABLE erasures (subject text PRIMARY KEY, transaction_id bigint NOT NULL, position bigint NOT NULL);
CREATE TABLE source_restarts (
    event uuid PRIMARY KEY, source text NOT NULL, occurred_at timestamptz NOT NULL
);
"""

# fmt: off
CALL_COLUMNS = (
    "id", "source", "call_id", "direction", "channel", "campaign", "customer", "numbers_event", "state", "outcome",
    "excluded", "started_at", "ended_at", "root_call_id", "parent_call_id", "disposition",
    "notes",
)
VISIT_COLUMNS = (
    "call", "number", "id", "queue", "entered_at", "ended_at", "outcome", "reason", "wait_ms", "agent", "turned_away",
    "inferred", "excluded", "handled", "pending", "talk_ms", "hold_ms", "wrapup_ms",
)
LEG_COLUMNS = (
    "call", "number", "id", "visit", "queue", "agent", "answered_at", "ended_at", "ring_ms", "talk_ms", "hold_ms",
    "wrapup_ms", "wrapup", "inferred", "transferred",
)
# fmt: on
LAYOUT = (
    ("calls", "id", CALL_COLUMNS),
    ("visits", "call", VISIT_COLUMNS),
    ("legs", "call", LEG_COLUMNS),
    ("further_customers", "call", ("call", "customer")),
    ("former_entries", "call", ("call", "queue", "hour")),
)
HOUR = 3_600_000_000
Row = tuple[Any, ...]


class Rows(NamedTuple):
    """The rows of one call in each of the tables."""

    calls: list[Row]
    visits: list[Row]
    legs: list[Row]
    further_customers: list[Row]
    former_entries: list[Row]


def rows_of(id_: UUID, source: str, call_id: str, facts: Sequence[Fact], call: Call) -> Rows:
    """What a call puts into the tables: as it was folded, and what more its facts say."""
    return Rows(
        [call_row(id_, source, call_id, call)],
        visit_rows(id_, call),
        leg_rows(id_, call),
        [(id_, customer) for customer in sorted({fact.customer for fact in facts} - {call.customer, None})],
        former_entry_rows(id_, facts, call),
    )


def replace_rows(changes: Sequence[tuple[UUID, Rows | None, Rows]], db: Cursor) -> None:
    """Puts new rows of calls in the place of those that they had; what is equal stays untouched.

    Where the rows that a call had are not known (None), any may be there.
    """
    for at, (table, key, columns) in enumerate(LAYOUT):
        gone: list[UUID] = []
        come: list[Row] = []
        for id_, before, after in changes:
            if before is None or before[at] != after[at]:
                come += after[at]
                if before is None or before[at]:
                    gone.append(id_)
        if gone:
            db.execute(f"DELETE FROM {table} WHERE {key} = ANY(%s::uuid[])", (uuid_array(gone),))  # noqa: S608 - ours
        copy_rows(db, table, columns, come)


def call_row(id_: UUID, source: str, call_id: str, call: Call) -> Row:
    """The row of a call."""
    return (
        id_,
        source,
        call_id,
        call.direction,
        call.channel,
        call.campaign,
        call.customer,
        call.numbers_event,
        call.state,
        call.outcome,
        call.excluded,
        instant_text(call.started_at),
        instant_text(call.ended_at),
        call.root_call_id,
        call.parent_call_id,
        call.disposition,
        " ".join(call.notes),
    )


def visit_rows(id_: UUID, call: Call) -> list[Row]:
    """The rows of a call's visits, each with the sums of its legs."""
    rows = []
    for visit in call.visits:
        legs = [leg for leg in call.legs if leg.visit_id == visit.id]
        handled = [leg for leg in legs if leg.handled]
        rows.append(
            (
                id_,
                visit.number,
                visit.id,
                visit.queue,
                instant_text(visit.entered_at),
                instant_text(visit.ended_at),
                visit.outcome,
                visit.reason,
                visit.wait_ms,
                visit.agent,
                visit.turned_away,
                visit.inferred,
                call.excluded,
                len(handled),
                sum(leg.pending for leg in legs),
                sum(leg.talk_ms or 0 for leg in handled),
                sum(leg.hold_ms for leg in handled),
                sum(leg.wrapup_ms for leg in handled),
            )
        )
    return rows


def leg_rows(id_: UUID, call: Call) -> list[Row]:
    """The rows of a call's legs."""
    return [
        (
            id_,
            leg.number,
            leg.id,
            leg.visit_id,
            leg.queue,
            leg.agent,
            instant_text(leg.answered_at),
            instant_text(leg.ended_at),
            leg.ring_ms,
            leg.talk_ms,
            leg.hold_ms,
            leg.wrapup_ms,
            leg.wrapup,
            leg.inferred,
            leg.transferred,
        )
        for leg in call.legs
    ]


def former_entry_rows(id_: UUID, facts: Sequence[Fact], call: Call) -> list[Row]:
    """Where visits of the call may have begun by some of its facts, and none that counts begins now."""
    told = {(fact.queue, at // HOUR) for fact in facts if (at := entry_told(fact)) is not None}
    if not call.excluded:
        told -= {(visit.queue, visit.entered_at // HOUR) for visit in call.visits}
    return [(id_, queue, hour) for queue, hour in sorted(told)]
