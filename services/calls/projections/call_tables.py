"""The tables of calls, visits and legs, and how the rows of a call are replaced in them."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from services.calls.projections import contradictions
from services.kernel.copying import copy_rows
from services.kernel.database import Cursor, uuid_array

TABLES = """
CREATE TABLE calls (
    id uuid PRIMARY KEY, source text NOT NULL, call_id text NOT NULL, direction text, channel text, campaign text,
    customer text, customer_id text, customer_name text, numbers_event uuid,
    state text NOT NULL, outcome text NOT NULL, excluded boolean NOT NULL,
    started_at timestamptz NOT NULL, ended_at timestamptz,
    root_call_id text, parent_call_id text, disposition jsonb, notes text NOT NULL
);
CREATE INDEX calls_in_order ON calls (started_at, id);
CREATE INDEX calls_of_customer ON calls (customer, started_at) WHERE customer IS NOT NULL;
CREATE INDEX calls_of_customer_id ON calls (customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX calls_of_customer_name ON calls (customer_name, started_at) WHERE customer_name IS NOT NULL;
CREATE INDEX calls_by_disposition ON calls ((disposition ->> 'code'), started_at, id) WHERE disposition IS NOT NULL;
CREATE INDEX calls_open ON calls (source) WHERE state <> 'ended';
CREATE INDEX calls_of_campaign ON calls (campaign, started_at) WHERE campaign IS NOT NULL;
CREATE INDEX calls_noted ON calls (started_at) WHERE notes <> '';

CREATE TABLE visits (
    call uuid NOT NULL, number integer NOT NULL, id uuid NOT NULL, queue text NOT NULL, entered_at timestamptz NOT NULL,
    ended_at timestamptz, outcome text NOT NULL, reason text, wait_ms bigint, agent text, turned_away boolean NOT NULL,
    inferred boolean NOT NULL, excluded boolean NOT NULL, handled integer NOT NULL, pending integer NOT NULL,
    talk_ms bigint NOT NULL, hold_ms bigint NOT NULL, wrapup_ms bigint NOT NULL,
    PRIMARY KEY (call, number)
);
CREATE INDEX visits_in_order ON visits (queue, entered_at) WHERE NOT excluded;
CREATE INDEX visits_waiting ON visits (queue) WHERE outcome = 'in_progress' AND NOT excluded;
CREATE INDEX visits_unended ON visits (entered_at) WHERE inferred AND reason IN ('stale', 'restart');

CREATE TABLE legs (
    call uuid NOT NULL, number integer NOT NULL, id uuid NOT NULL, visit uuid, queue text, agent text,
    answered_at timestamptz NOT NULL, ended_at timestamptz, ring_ms bigint, talk_ms bigint, hold_ms bigint NOT NULL,
    wrapup_ms bigint NOT NULL, wrapup text NOT NULL, inferred boolean NOT NULL, transferred text,
    excluded boolean NOT NULL, wrapup_at timestamptz,
    holds bigint[], -- beginning and end of each hold in turn, in milliseconds since the answer
    PRIMARY KEY (call, number)
);
CREATE INDEX legs_of_agent ON legs (agent, answered_at);
CREATE INDEX legs_open ON legs (agent) WHERE ended_at IS NULL OR wrapup = 'open';
CREATE INDEX legs_unended ON legs (answered_at) WHERE inferred;

CREATE TABLE rings (
    call uuid NOT NULL, number integer NOT NULL, visit uuid, queue text, agent text NOT NULL,
    began_at timestamptz NOT NULL, ring_ms bigint, result text NOT NULL, excluded boolean NOT NULL,
    PRIMARY KEY (call, number)
);
CREATE INDEX rings_of_agent ON rings (agent, began_at);

-- Everybody whose number a call's facts give beside the customer of the call: erasure must find them too.
CREATE TABLE further_customers (call uuid NOT NULL, customer text NOT NULL, PRIMARY KEY (call, customer));
CREATE INDEX further_customers_of ON further_customers (customer);

-- Where a call has no visit that counts now, but had or may have had one by some of its facts: the hour (since 1970) of
-- its entry. With the visits of now, these are all the calls that any earlier report can have counted. Queues bear the
-- names that the source gave them.
CREATE TABLE former_entries (
    call uuid NOT NULL, queue text NOT NULL, hour integer NOT NULL, PRIMARY KEY (call, queue, hour)
);
CREATE INDEX former_entries_in_order ON former_entries (queue, hour);

-- Names that a call's facts give and that none of the rows above shows; where its facts lie far apart (`wide`), all of
-- them. So whoever maps a name finds the calls that give it.
CREATE TABLE outside_names (
    call uuid NOT NULL, kind text NOT NULL, name text NOT NULL, wide boolean NOT NULL, PRIMARY KEY (call, kind, name)
);
CREATE INDEX outside_names_of ON outside_names (kind, name);
CREATE INDEX outside_names_wide ON outside_names (call) WHERE wide;

-- Which call says that it belongs to which: to its root, or to a parent. The other may not have come yet.
CREATE TABLE call_links (
    call uuid NOT NULL, linked uuid NOT NULL, is_root boolean NOT NULL, PRIMARY KEY (call, linked)
);
CREATE INDEX call_links_to ON call_links (linked);

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
    "id", "source", "call_id", "direction", "channel", "campaign", "customer", "customer_id", "customer_name",
    "numbers_event", "state", "outcome",
    "excluded", "started_at", "ended_at", "root_call_id", "parent_call_id", "disposition",
    "notes",
)
VISIT_COLUMNS = (
    "call", "number", "id", "queue", "entered_at", "ended_at", "outcome", "reason", "wait_ms", "agent", "turned_away",
    "inferred", "excluded", "handled", "pending", "talk_ms", "hold_ms", "wrapup_ms",
)
LEG_COLUMNS = (
    "call", "number", "id", "visit", "queue", "agent", "answered_at", "ended_at", "ring_ms", "talk_ms", "hold_ms",
    "wrapup_ms", "wrapup", "inferred", "transferred", "excluded", "wrapup_at", "holds",
)
RING_COLUMNS = ("call", "number", "visit", "queue", "agent", "began_at", "ring_ms", "result", "excluded")
# fmt: on
LAYOUT = (
    ("calls", "id", CALL_COLUMNS),
    ("visits", "call", VISIT_COLUMNS),
    ("legs", "call", LEG_COLUMNS),
    ("rings", "call", RING_COLUMNS),
    ("further_customers", "call", ("call", "customer")),
    ("former_entries", "call", ("call", "queue", "hour")),
    ("outside_names", "call", ("call", "kind", "name", "wide")),
    ("call_links", "call", ("call", "linked", "is_root")),
    ("contradictions", "call", contradictions.COLUMNS),
)
# What is gone of all tables in one statement: most of what a small batch costs is its statements.
_OF = "of_{0} AS (DELETE FROM {0} WHERE {1} = ANY(%s::uuid[]))"
GONE = f"WITH {', '.join([_OF.format(table, key) for table, key, _ in LAYOUT])} SELECT 1"
Row = tuple[Any, ...]


class Rows(NamedTuple):
    """The rows of one call in each of the tables."""

    calls: list[Row]
    visits: list[Row]
    legs: list[Row]
    rings: list[Row]
    further_customers: list[Row]
    former_entries: list[Row]
    outside_names: list[Row]
    call_links: list[Row]
    contradictions: list[Row]


NO_ROWS = Rows([], [], [], [], [], [], [], [], [])


def replace_rows(changes: Sequence[tuple[UUID, Rows | None, Rows]], db: Cursor) -> None:
    """Puts new rows of calls in the place of those that they had; what is equal stays untouched.

    Where the rows that a call had are not known (None), any may be there.
    """
    gone: list[list[UUID]] = [[] for _ in LAYOUT]
    come: list[list[Row]] = [[] for _ in LAYOUT]
    for id_, before, after in changes:
        for at, rows in enumerate(after):
            if before is None or before[at] != rows:
                come[at] += rows
                if before is None or before[at]:
                    gone[at].append(id_)
    if any(gone):
        db.execute(GONE, [uuid_array(ids) for ids in gone])
    for (table, _, columns), new in zip(LAYOUT, come, strict=True):
        copy_rows(db, table, columns, new)
