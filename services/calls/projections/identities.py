"""Outside names as a read model knows them, and which calls a change of one touches.

Every projection that shows inside names keeps the changes in a table of its own, so that it moves with its checkpoint:

    names = read_names(db, "identity_changes")
    names[source].inside("agent", "SIP/101", at)   # `at` in microseconds, the clock offset applied

A source of which nothing is mapped has no entry in `names`, and costs nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, LiteralString
from uuid import UUID

from psycopg import sql

from services.calls.domain.identities import FIRST, LAST, IdentityCorrected, IdentityMapped, Meanings, repainted
from services.calls.domain.names import Names, Stretch
from services.calls.projections.stories import microseconds
from services.calls.projections.touched import Touched
from services.kernel.copying import copy_rows
from services.kernel.database import Cursor, uuid_array
from services.kernel.decider import event_type
from services.kernel.store import StoredEvent

CHANGES = (event_type(IdentityMapped), event_type(IdentityCorrected))
NOBODY: Mapping[str, Names] = {}

# All changes of a name, in the order of its stream, so that what was known of it at any instant can be told.
CHANGES_TABLE: LiteralString = """
CREATE TABLE {} (
    id uuid NOT NULL, version integer NOT NULL, system text NOT NULL, kind text NOT NULL, external_id text NOT NULL,
    internal_id text, valid_from timestamptz, valid_to timestamptz, recorded_at timestamptz NOT NULL,
    PRIMARY KEY (id, version)
);"""
# The names as they stand now, one row for each meaning.
TABLES = (
    CHANGES_TABLE.format("identity_changes")
    + """
CREATE TABLE identities (
    id uuid NOT NULL, number integer NOT NULL, system text NOT NULL, kind text NOT NULL, external_id text NOT NULL,
    internal_id text NOT NULL, valid_from timestamptz, valid_to timestamptz, updated_at timestamptz NOT NULL,
    PRIMARY KEY (system, kind, external_id, number)
);
CREATE INDEX identities_of_inside ON identities (internal_id);
CREATE INDEX identities_by_id ON identities (id);
"""
)
COLUMNS = ("id", "number", "system", "kind", "external_id", "internal_id", "valid_from", "valid_to", "updated_at")

NOTE = """INSERT INTO {} VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"""
OF_NAMES = """SELECT id, system, kind, external_id, internal_id, valid_from, valid_to, recorded_at FROM identity_changes
    WHERE id = ANY(%s::uuid[]) ORDER BY id, version"""
ALL = "SELECT system, kind, external_id, internal_id, valid_from, valid_to FROM {} ORDER BY id, version"
FORGET = "DELETE FROM identities WHERE id = ANY(%s::uuid[])"

# Whatever a call tells of lies within a day, or its names are noted as `wide` (see call_tables).
WITHIN = """{0} > %(begin)s::timestamptz - interval '1 day' AND {0} < %(end)s::timestamptz + interval '1 day'"""
HOURS = """hour > extract(epoch FROM %(begin)s::timestamptz) / 3600 - 26
    AND hour < extract(epoch FROM %(end)s::timestamptz) / 3600 + 26"""
NAMED: Mapping[str, str] = {
    "queue": f"""SELECT call FROM visits WHERE queue = %(name)s AND NOT excluded AND {WITHIN.format("entered_at")}
        UNION SELECT call FROM former_entries WHERE queue = %(name)s AND {HOURS}""",  # noqa: S608 - constants
    "agent": f"SELECT call FROM legs WHERE agent = %(name)s AND {WITHIN.format('answered_at')}",  # noqa: S608
    "campaign": f"SELECT id FROM calls WHERE campaign = %(name)s AND {WITHIN.format('started_at')}",  # noqa: S608
}
TOUCHED: Mapping[str, str] = {
    kind: f"""SELECT calls.id FROM ({named}) AS named(call) JOIN calls ON calls.id = named.call
        WHERE source = %(system)s AND {WITHIN.format("started_at")}
    UNION SELECT calls.id FROM outside_names JOIN calls ON calls.id = outside_names.call
        WHERE kind = %(kind)s AND name = %(name)s AND source = %(system)s
            AND (wide OR {WITHIN.format("started_at")})"""  # noqa: S608 - constants
    for kind, named in NAMED.items()
} | {"customer": "SELECT id FROM calls WHERE customer_id = %(name)s AND source = %(system)s"}


def note(events: Sequence[StoredEvent], table: str, db: Cursor) -> None:
    """Keeps changes of names in a projection's own table."""
    rows = []
    for event in events:
        data = event.data
        said = (data["system"], data["kind"], data["external_id"], data["internal_id"])
        rows.append((event.stream_id, event.version, *said, data["valid_from"], data["valid_to"], event.recorded_at))
    db.executemany(sql.SQL(NOTE).format(sql.Identifier(table)), rows)


def read_names(db: Cursor, table: str) -> Mapping[str, Names]:
    """What the names of each source mean, as a projection's own table has it."""
    return names_told(db.execute(sql.SQL(ALL).format(sql.Identifier(table))))


def names_told(changes: Iterable[Sequence[Any]]) -> Mapping[str, Names]:
    """What the names of each source mean after changes in their order.

    Each change is (system, kind, outside name, inside name or None, valid from, valid to).
    """
    meanings: dict[tuple[str, str, str], Meanings] = {}
    for system, kind, external_id, *painted in changes:
        name = (system, kind, external_id)
        meanings[name] = repainted(meanings.get(name, ()), *painted)
    found: dict[str, dict[tuple[str, str], list[Stretch]]] = {}
    for (system, kind, external_id), told in meanings.items():
        if told:
            stretches = [Stretch(microseconds(each.begin), microseconds(each.end), each.internal_id) for each in told]
            found.setdefault(system, {})[kind, external_id] = stretches
    return {system: Names(of_system) for system, of_system in found.items()}


def list_anew(events: Sequence[StoredEvent], db: Cursor) -> None:
    """Lists the meanings that the names of these changes have now."""
    wanted = uuid_array({event.stream_id for event in events})
    told: dict[UUID, tuple[tuple[str, ...], Meanings, Any]] = {}
    for id_, system, kind, external_id, *painted, recorded_at in db.execute(OF_NAMES, (wanted,)):
        _, before, _ = told.get(id_, ((), (), None))
        told[id_] = ((system, kind, external_id), repainted(before, *painted), recorded_at)
    db.execute(FORGET, (wanted,))
    rows = [
        (id_, number, *name, each.internal_id, each.valid_from, each.valid_to, updated_at)
        for id_, (name, meanings, updated_at) in told.items()
        for number, each in enumerate(meanings, 1)
    ]
    copy_rows(db, "identities", COLUMNS, rows)


def list_touched(event: StoredEvent, touched: Touched) -> None:
    """Lists the calls that name what a change is about, in the time that it is about."""
    data = event.data
    if data["kind"] in TOUCHED:
        asked = {
            "system": data["system"],
            "kind": data["kind"],
            "name": data["external_id"],
            "begin": data["valid_from"] or FIRST,
            "end": data["valid_to"] or LAST,
        }
        touched.add("identity", TOUCHED[data["kind"]], asked)
