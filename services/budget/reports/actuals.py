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
from services.kernel.database import Cursor
from services.kernel.decider import Rejected
from services.kernel.lists import Listing, equal, viewed
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
    **equal("account", "queue"),
    "cost_centre": "borne_by = %(cost_centre)s",
    "from_": "incurred_at >= %(from_)s",
    "to": "incurred_at < %(to)s",
    "seen_queues": "queue = ANY(%(seen_queues)s)",
}
ACTUALS = Listing(f"({BORNE}) AS borne", FILTERS, order={"incurred_at": datetime.fromisoformat, "position": int})
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
        rows, following = ACTUALS.page(db, asked, _wanted(asked, actor))
        return ActualList(tuple(_view(row) for row in rows), following)

    @answers(TotalsOfActuals)
    def totals(self, asked: TotalsOfActuals, db: Cursor, actor: Actor) -> ActualTotals | Rejected:
        """What they come to."""
        if asked.to <= asked.from_:
            return Rejected("budget.report.range_empty", "Give a `to` that is later than `from`.", 422, "/to")
        wanted = _wanted(asked, actor)
        statement = sql.SQL(TOTALS).format(
            queue=sql.SQL(BUCKETS["queue"] if asked.group_by == "queue" else "NULL::text"),
            month=sql.SQL(BUCKETS["month"] if asked.group_by == "month" else "NULL::date"),
            borne=sql.SQL(BORNE),
            filters=sql.SQL(" AND ").join([sql.SQL(FILTERS[name]) for name in wanted]),
        )
        with db.connection.cursor(row_factory=dict_row) as rows:
            found = rows.execute(statement, wanted).fetchall()
        return ActualTotals(tuple(_total(of_each) for _, of_each in groupby(found, BUCKET)), datetime.now(UTC))


def _wanted(asked: Actuals | TotalsOfActuals, actor: Actor) -> dict[str, Any]:
    limits = {} if actor.queues is None else {"seen_queues": list(actor.queues)}
    return ACTUALS.wanted(asked) | limits


def _view(row: Mapping[str, Any]) -> ActualView:
    cites = Source(row["service"], row["event"], row["subject"], row["revision"])
    return viewed(ActualView, row, cost_centre=row["borne_by"], amount=_money(row), cites=cites)


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
