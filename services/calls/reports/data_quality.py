"""Data quality: doubts about what sources said, found when asked for, so that a correction ends them at once."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, LiteralString

from psycopg import errors

from services.calls.queries import DataQualityOf, DataQualityReport, DoubtCount, DoubtKind, DoubtList, DoubtsOf
from services.calls.reports import doubts_of_calls, doubts_of_facts, doubts_of_names
from services.calls.reports.doubts import COLUMNS, Doubt, items
from services.calls.reports.doubts_of_agents import sign_outs_missing
from services.calls.reports.visibility import names_open_to
from services.kernel.cursors import decode, encode
from services.kernel.database import Cursor
from services.kernel.decider import Rejected
from services.kernel.projections import answers
from services.kernel.values import Actor

MOST = timedelta(days=92)
PATIENCE = 4.0  # seconds, of the 5 that the gateway waits

# Which statements find which kinds. All are asked for the counts, each once.
FAMILIES: tuple[tuple[tuple[DoubtKind, ...], tuple[LiteralString, ...]], ...] = (
    (("missing_end",), (doubts_of_calls.UNENDED_VISITS, doubts_of_calls.UNENDED_LEGS)),
    (
        ("missing_end", "negative_wait", "negative_talk", "negative_wrapup", "end_without_leg"),
        (doubts_of_calls.NOTES,),
    ),
    (("negative_duration",), (doubts_of_calls.STATED_BELOW_ZERO,)),
    (("versions_differ",), (doubts_of_calls.CONTRADICTIONS,)),
    (("unknown_agent",), (doubts_of_names.AGENTS,)),
    (("unknown_queue",), (doubts_of_names.QUEUES_SEEN,)),
    (("unknown_campaign",), (doubts_of_names.CAMPAIGNS,)),
    (("conflict",), (doubts_of_facts.CONFLICTS,)),
    (("duplicate",), (doubts_of_facts.REPEATS,)),
    (("skewed", "late"), (doubts_of_facts.STAMPS,)),
)


def _found(kind: DoubtKind | None) -> LiteralString:
    """The statement that finds the doubts of a kind and may find others; of None, all."""
    found = [each for kinds, statements in FAMILIES if kind is None or kind in kinds for each in statements]
    return "(" + " UNION ALL ".join(["(" + each + ")" for each in found]) + ") AS doubt(" + COLUMNS + ")"


COUNTS = f"SELECT source, kind, sum(count)::bigint, max(at) FROM {_found(None)} GROUP BY 1, 2"  # noqa: S608 - constants
PAGE: LiteralString = """SELECT * FROM {doubts} WHERE kind = %(kind)s
    AND (at, key COLLATE "C") > (%(after_at)s, %(after_key)s) ORDER BY at, key COLLATE "C" LIMIT %(limit)s"""
PAGES = {kind: PAGE.format(doubts=_found(kind)) for kinds, _ in FAMILIES for kind in kinds}
BEGINNING = (datetime.min.replace(tzinfo=UTC), "")
# Stamps are looked at a little at a time, the longer the less there was: a page is full long before all are looked at
# where many are doubtful, as after an import.
FIRST_LOOK, WIDER = timedelta(seconds=10), 4
LOOKED_AT: frozenset[DoubtKind] = frozenset({"late", "skewed"})
LIMIT = "SELECT set_config('statement_timeout', %s, true)"
TOO_MUCH = Rejected(
    "calls.report.takes_too_long", "This takes too long to find out: ask for a shorter range.", 422, "/to"
)


class Patience:
    """Bounds what statements may take together, so that whoever asked is told why there is no answer."""

    def __init__(self, db: Cursor) -> None:
        self._db, self._until = db, time.monotonic() + PATIENCE

    def bound(self) -> None:
        """Lets the statements that follow take what is left, each by itself."""
        left = max(1, round((self._until - time.monotonic()) * 1000))
        self._db.execute(LIMIT, (str(left),))


class DataQuality:
    """Answers with doubts."""

    @answers(DataQualityOf)
    def counts(self, asked: DataQualityOf, db: Cursor, actor: Actor) -> DataQualityReport | Rejected:
        """How many of each kind, by source."""
        if refused := _refused(asked, actor):
            return refused
        now = datetime.now(UTC)
        try:
            with db.connection.transaction():
                patience = Patience(db)
                patience.bound()
                rows = [DoubtCount(*row) for row in db.execute(COUNTS, _wanted(asked, actor))]
                patience.bound()
                unsigned = sign_outs_missing(db, asked.from_, asked.to, _sources(asked, actor), now)
        except errors.QueryCanceled:
            return TOO_MUCH
        by_source: dict[str, list[Doubt]] = {}
        for doubt in unsigned:
            by_source.setdefault(doubt.source, []).append(doubt)
        rows += [
            DoubtCount(source, "missing_sign_out", len(found), found[-1].at) for source, found in by_source.items()
        ]
        return DataQualityReport(tuple(sorted(rows, key=lambda row: (row.source, row.kind))), now)

    @answers(DoubtsOf)
    def doubts(self, asked: DoubtsOf, db: Cursor, actor: Actor) -> DoubtList | Rejected:
        """A page of one kind, by instant."""
        if refused := _refused(asked, actor):
            return refused
        if names_open_to(db, actor) is not None:
            return Rejected("calls.report.names_not_shown", "These name agents, of whom you see some or none.", 403)
        now = datetime.now(UTC)
        after = decode(asked.cursor, now, datetime.fromisoformat, str) if asked.cursor else BEGINNING
        try:
            with db.connection.transaction():
                found = list(islice(_behind(asked, db, actor, after, now), asked.limit + 1))
                shown = items(db, found[: asked.limit])
        except errors.QueryCanceled:
            return TOO_MUCH
        last = found[asked.limit - 1] if len(found) > asked.limit else None
        return DoubtList(shown, encode(now, last.at.isoformat(), last.key) if last else None)


def _behind(asked: DoubtsOf, db: Cursor, actor: Actor, after: Sequence[Any], now: datetime) -> Iterator[Doubt]:
    """The doubts of a kind behind a place, in their order."""
    at, key = after
    patience = Patience(db)
    if asked.kind == "missing_sign_out":
        patience.bound()
        found = sign_outs_missing(db, asked.from_, asked.to, _sources(asked, actor), now)
        yield from (doubt for doubt in found if (doubt.at, doubt.key) > (at, key))
        return
    place = {"kind": asked.kind, "after_at": at, "after_key": key, "limit": asked.limit + 1}
    for begin, end in _looks(asked, at):
        patience.bound()
        wanted = {**_wanted(asked, actor), **place, "begin": begin, "end": end}
        yield from [Doubt(*row) for row in db.execute(PAGES[asked.kind], wanted)]


def _looks(asked: DoubtsOf, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The ranges in which one looks one after the other, until there is enough."""
    if asked.kind not in LOOKED_AT:
        yield asked.from_, asked.to
        return
    begin, length = max(asked.from_, at), FIRST_LOOK
    while begin < asked.to:
        end = min(begin + length, asked.to)
        yield begin, end
        begin, length = end, length * WIDER


def _wanted(asked: DataQualityOf | DoubtsOf, actor: Actor) -> dict[str, Any]:
    late = timedelta(seconds=asked.late_after_seconds)
    return {"begin": asked.from_, "end": asked.to, "sources": _sources(asked, actor), "late": late}


def _sources(asked: DataQualityOf | DoubtsOf, actor: Actor) -> list[str] | None:
    """The sources that are asked about; None for all."""
    if asked.source is not None:
        return [asked.source]
    return None if actor.sources is None else sorted(actor.sources)


def _refused(asked: DataQualityOf | DoubtsOf, actor: Actor) -> Rejected | None:
    if actor.is_limited:
        return Rejected("auth.not_allowed", "This is of all queues, and you are limited to some.", 403)
    if None not in (actor.sources, asked.source) and asked.source not in (actor.sources or ()):
        return Rejected("auth.source_not_allowed", "You are limited to other sources than this one.", 403, "/source")
    if asked.to <= asked.from_:
        return Rejected("calls.report.range_empty", "Give a `to` that is later than `from`.", 422, "/to")
    if asked.to - asked.from_ > MOST:
        return Rejected("calls.report.range_too_long", f"Ask for at most {MOST.days} days.", 422, "/to")
    return None
