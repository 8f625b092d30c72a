"""Actuals, one by one and in total.

Which cost centre bears a queue is looked up when somebody asks, so that a late assignment puts the past right. Money is
summed by currency, telephony in exact seconds; nothing is priced here.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any, LiteralString

from psycopg import sql
from psycopg.rows import dict_row

from services.budget.domain.actuals import Source
from services.budget.queries import ActualList, Actuals, ActualTotal, ActualTotals, ActualView, TotalsOfActuals
from services.kernel.cursors import decode, encode
from services.kernel.database import Cursor
from services.kernel.decider import Rejected
from services.kernel.projections import answers
from services.kernel.values import Actor, Money

MINUTES_STEP = Decimal("0.01")

BORNE = """
    SELECT actuals.*, coalesce(actuals.cost_centre, bearers.cost_centre) AS borne_by
    FROM actuals LEFT JOIN (
        SELECT DISTINCT ON (queue) queue, cost_centre FROM carried_queues
        ORDER BY queue, transaction_id DESC, position DESC
    ) AS bearers ON bearers.queue = actuals.queue"""
FILTERS: dict[str, LiteralString] = {
    "cost_centre": "borne_by = %(cost_centre)s",
    "account": "account = %(account)s",
    "queue": "queue = %(queue)s",
    "from_": "incurred_at >= %(from_)s",
    "to": "incurred_at < %(to)s",
    "after": "(incurred_at, position) > (%(after)s, %(after_position)s)",
    "seen_queues": "queue = ANY(%(seen_queues)s)",
}
LIST = "SELECT * FROM ({borne}) AS borne WHERE {filters} ORDER BY incurred_at, position LIMIT %(limit)s"
# First what stands of each call or award: of one that was reversed, or has gone to another queue, nothing does.
TOTALS = """
    SELECT cost_centre, label, status, account, queue, month, currency,
        count(*) FILTER (WHERE seconds <> 0 OR minor <> 0) AS sources,
        sum(seconds) AS seconds, sum(minor)::bigint AS minor
    FROM (
        SELECT borne_by AS cost_centre, label,
            CASE WHEN borne_by IS NOT NULL THEN coalesce(status, 'unopened') END AS status,
            account, {queue} AS queue, {month} AS month, currency, sum(seconds) AS seconds, sum(minor) AS minor
        FROM ({borne}) AS borne LEFT JOIN cost_centres ON cost_centres.cost_centre = borne_by
        WHERE {filters} GROUP BY 1, 2, 3, 4, 5, 6, 7, service, subject
    ) AS sources
    GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY cost_centre NULLS LAST, account, queue NULLS LAST, month, currency"""
BUCKETS: dict[str, LiteralString] = {
    "queue": "queue",
    "month": "date_trunc('month', incurred_at AT TIME ZONE coalesce(timezone, 'UTC'))::date",
}
BUCKET = itemgetter("cost_centre", "label", "status", "account", "queue", "month")


class ActualReports:
    """Answers about actuals."""

    @answers(Actuals)
    def actuals(self, asked: Actuals, db: Cursor, actor: Actor) -> ActualList:
        """A page of them, by the instant at which they were incurred."""
        now, wanted = datetime.now(UTC), _wanted(asked, actor)
        if asked.cursor:
            wanted["after"], wanted["after_position"] = decode(asked.cursor, now, datetime.fromisoformat, int)
        found = _rows(db, LIST, {**wanted, "limit": asked.limit + 1})
        shown = found[: asked.limit]
        more = len(found) > asked.limit
        following = encode(now, shown[-1]["incurred_at"].isoformat(), shown[-1]["position"]) if more else None
        return ActualList(tuple(_view(row) for row in shown), following)

    @answers(TotalsOfActuals)
    def totals(self, asked: TotalsOfActuals, db: Cursor, actor: Actor) -> ActualTotals | Rejected:
        """What they come to."""
        if asked.to <= asked.from_:
            return Rejected("budget.report.range_empty", "Give a `to` that is later than `from`.", 422, "/to")
        buckets = {
            "queue": sql.SQL(BUCKETS["queue"] if asked.group_by == "queue" else "NULL::text"),
            "month": sql.SQL(BUCKETS["month"] if asked.group_by == "month" else "NULL::date"),
        }
        found = _rows(db, TOTALS, _wanted(asked, actor), **buckets)
        return ActualTotals(tuple(_total(rows) for _, rows in groupby(found, BUCKET)), datetime.now(UTC))


def _wanted(asked: Actuals | TotalsOfActuals, actor: Actor) -> dict[str, Any]:
    wanted = {name: getattr(asked, name) for name in FILTERS if getattr(asked, name, None) is not None}
    return wanted if actor.queues is None else {**wanted, "seen_queues": list(actor.queues)}


def _rows(db: Cursor, statement: LiteralString, wanted: dict[str, Any], **parts: sql.SQL) -> list[dict[str, Any]]:
    clauses = [sql.SQL(clause) for name, clause in FILTERS.items() if name in wanted] or [sql.SQL("true")]
    made = sql.SQL(statement).format(borne=sql.SQL(BORNE), filters=sql.SQL(" AND ").join(clauses), **parts)
    with db.connection.cursor(row_factory=dict_row) as rows:
        return rows.execute(made, wanted).fetchall()


def _view(row: Mapping[str, Any]) -> ActualView:
    return ActualView(
        id=row["id"],
        account=row["account"],
        cost_centre=row["borne_by"],
        queue=row["queue"],
        incurred_at=row["incurred_at"],
        seconds=row["seconds"],
        amount=_money(row),
        reverses=row["reverses"],
        posted_at=row["posted_at"],
        cites=Source(row["service"], row["event"], row["subject"], row["revision"]),
    )


def _total(rows: Iterable[Mapping[str, Any]]) -> ActualTotal:
    """One row of the report from one a currency."""
    of_each = list(rows)
    seconds: Decimal | None = of_each[0]["seconds"]  # all telephony is without a currency
    return ActualTotal(
        *BUCKET(of_each[0]),
        sources=sum(row["sources"] for row in of_each),
        seconds=seconds,
        minutes=None if seconds is None else (seconds / 60).quantize(MINUTES_STEP, ROUND_HALF_EVEN),
        amounts=tuple(money for row in of_each if (money := _money(row))),
    )


def _money(row: Mapping[str, Any]) -> Money | None:
    return None if row["currency"] is None else Money(row["minor"], row["currency"])
