"""Calls as they were known at a past instant: those of a range, looked up by when anything of them began."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from services.calls.projections.calls import CallFigures
from services.calls.projections.stories import OF_CALLS
from services.calls.reports.then import Then, stand_in
from services.kernel.database import Cursor, uuid_array
from services.kernel.decider import Rejected
from services.kernel.projections import UNAPPLIED

CLOCKS = "SELECT source, clock_offset_us FROM sources"
# Every call of which something can have begun in the range by what was known then. Whatever a call tells of lies within
# a day, or its names are noted as `wide` (see call_tables).
_WITHIN = "{0} > %(begin)s::timestamptz - interval '1 day' AND {0} < %(end)s::timestamptz + interval '1 day'"
_LATELY = f"SELECT stream_id FROM {UNAPPLIED} WHERE recorded_at <= %(known_at)s AND type = ANY(%(of_calls)s)"  # noqa: S608
OF_ANYBODY = f"""SELECT id FROM calls WHERE {_WITHIN.format("started_at")}
    UNION SELECT call FROM outside_names WHERE wide UNION {_LATELY} LIMIT %(limit)s"""  # noqa: S608 - constants
OF_SOME = f"""SELECT call FROM legs WHERE agent = ANY(%(names)s) AND {_WITHIN.format("answered_at")}
    UNION SELECT call FROM outside_names JOIN calls ON calls.id = outside_names.call
        WHERE kind = 'agent' AND name = ANY(%(names)s) AND (wide OR {_WITHIN.format("started_at")})
    UNION {_LATELY} LIMIT %(limit)s"""  # noqa: S608 - constants
LATER = """SELECT DISTINCT stream_id FROM store.events WHERE stream_id = ANY(%s::uuid[]) AND recorded_at <= %s
    AND occurred_at >= %s"""


def recall_calls(db: Cursor, known_at: datetime, begin: datetime, end: datetime) -> Rejected | None:
    """Until the end of the transaction, lets calls, visits and legs be those known then; or says why it cannot.

    All calls that began in the range are among them; of others there may be some.
    """
    then = Then.of(db, known_at)
    if isinstance(then, Rejected):
        return then
    calls = calls_told(db, then, begin, end)
    if refused := then.too_many(db, calls, "a shorter range"):
        return refused
    stand_in(db, then.folded(db, calls, ["calls", "visits", "legs"]))
    return None


def calls_told(
    db: Cursor, then: Then, begin: datetime, end: datetime, names: Sequence[str] | None = None
) -> list[UUID]:
    """Calls of which something can have begun in a range, or later been told, by what was known then.

    `names`: only those that give one of these names of agents, inside or outside.
    """
    now, formerly = dict(db.execute(CLOCKS).fetchall()), then.offsets
    moved = [now.get(source, 0) - formerly.get(source, 0) for source in now.keys() | formerly.keys()]
    asked = {
        "begin": begin + timedelta(microseconds=min([0, *moved])),
        "end": end + timedelta(microseconds=max([0, *moved])),
        "names": names,
        "known_at": then.known_at,
        "model": CallFigures.name,
        "of_calls": list(OF_CALLS),
        "limit": then.most_facts + 1,
    }
    found = [call for (call,) in db.execute(OF_ANYBODY if names is None else OF_SOME, asked)]
    if len(found) > then.most_facts:  # which is refused: there may be more of them
        return found
    behind = begin - timedelta(microseconds=max([0, *formerly.values()]))
    return [call for (call,) in db.execute(LATER, (uuid_array(found), then.known_at, behind))]
