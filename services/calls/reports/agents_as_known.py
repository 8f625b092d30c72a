"""What agents did as it was known at a past instant: their marks and calls of then stand in for those of now.

Which calls bear on a range is known from the marks: from when on somebody signed in is still there, their calls tell.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from services.calls.domain.memberships import PlacementsNoted
from services.calls.projections.arrangements import Arrangements
from services.calls.projections.call_tables import LEG_COLUMNS
from services.calls.projections.calls import CallFigures
from services.calls.projections.stories import RESTARTED
from services.calls.queries import AgentsOf
from services.calls.reports.agents_viewed import View, viewed_by
from services.calls.reports.calls_as_known import calls_told
from services.calls.reports.floor import HEARD_FOR, LONGEST_CALL, SURELY_GONE
from services.calls.reports.marks_as_known import NARROWER, marks_then
from services.calls.reports.then import Row, Rows, Then, stand_in
from services.kernel.database import Cursor
from services.kernel.decider import Rejected, event_type
from services.kernel.projections import UNAPPLIED
from services.kernel.values import Actor

CALL_TABLES = ("visits", "legs", "rings")
AGENT, ANSWERED_AT = LEG_COLUMNS.index("agent"), LEG_COLUMNS.index("answered_at")
PLACED = f"SELECT 1 FROM {UNAPPLIED} WHERE type = %(placed)s AND recorded_at <= %(known_at)s LIMIT 1"  # noqa: S608
RESTARTED_SOURCES = f"""SELECT source FROM source_restarts UNION
    SELECT data ->> 'source' FROM {UNAPPLIED} WHERE type = %(restarted)s"""  # noqa: S608 - constants


def viewed_then(db: Cursor, actor: Actor, asked: AgentsOf) -> View | Rejected | None:
    """What the actor may see of what is asked: of what is known now, or was at the instant that is asked about."""
    view = viewed_by(db, actor, asked)
    if not isinstance(view, View) or asked.as_known_at is None:
        return view
    then = Then.of(db, asked.as_known_at)
    if isinstance(then, Rejected):
        return then
    placed = {"model": Arrangements.name, "placed": event_type(PlacementsNoted), "known_at": asked.as_known_at}
    if db.execute(PLACED, placed).fetchone():
        return Rejected("request.not_yet_known", "Who was in which team is not certain yet: ask again later.")
    return _recall(db, then, view) or viewed_by(db, actor, asked)


def _recall(db: Cursor, then: Then, view: View) -> Rejected | None:
    """Until the end of the transaction, lets all that tells of these agents be what was known then."""
    begin, end = view.asked.from_, view.asked.to
    marks = marks_then(db, then, view.only, begin, end)
    if isinstance(marks, Rejected):
        return marks
    calls = Calls(db, then, view.only, end)
    if refused := calls.read_since(begin, marks.present_since(then, begin)):
        return refused
    restarted = db.execute(RESTARTED_SOURCES, {"model": CallFigures.name, "restarted": RESTARTED})
    rows = {
        **calls.rows,
        **marks.rows(),
        "sources": [(source, *said) for source, said in then.settings.items()],
        "source_restarts": then.restarts(db, [source for (source,) in restarted]),
    }
    stand_in(db, rows)
    return None


class Calls:
    """The calls that bear on a range that ends at an instant, of some agents (None: of all), as known then."""

    def __init__(self, db: Cursor, then: Then, only: Sequence[str] | None, end: datetime) -> None:
        self._db, self._then, self._end = db, then, end + HEARD_FOR  # a call after it may show who was still there
        self._names = None if only is None else list(then.outsides("agent", only))
        self._read: set[UUID] = set()
        self.rows: Rows = {table: [] for table in CALL_TABLES}

    def read_since(self, begin: datetime, present: Mapping[str, datetime]) -> Rejected | None:
        """Reads those behind `begin`, and as many before it as show who is still there of those present since.

        Further back than `SURELY_GONE` only while somebody who signed in even earlier has had calls since.
        """
        since = {name: at for name, at in present.items() if at < begin}
        reach = begin
        while since:
            reach = max(min(since.values()), reach - SURELY_GONE)
            if refused := self._read_from(reach - LONGEST_CALL):
                return refused
            heard = {row[AGENT] for row in self.rows["legs"] if reach < _answered(row) <= reach + SURELY_GONE}
            since = {name: at for name, at in since.items() if at < reach and name in heard}
        return self._read_from(reach - LONGEST_CALL)

    def _read_from(self, begin: datetime) -> Rejected | None:
        calls = [call for call in self._told(begin) if call not in self._read]
        if refused := self._then.too_many(self._db, [*self._read, *calls], NARROWER):
            return refused
        for table, rows in self._then.folded(self._db, calls, CALL_TABLES).items():
            self.rows[table] += rows
        self._read.update(calls)
        return None

    def _told(self, begin: datetime) -> list[UUID]:
        return calls_told(self._db, self._then, begin, self._end, self._names)


def _answered(leg: Row) -> datetime:
    return datetime.fromisoformat(leg[ANSWERED_AT])
