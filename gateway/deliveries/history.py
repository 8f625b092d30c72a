"""The record of a channel's deliveries: listed, shown with every attempt, sent again."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.rows import dict_row

from gateway.deliveries.channel import Database
from gateway.deliveries.targets import wake

Row = dict[str, Any]

_SHOWN = """id, position, target_id, event_id, type, subject, status, attempts, reason, result, urgent, made_at,
    CASE WHEN status = 'due' THEN due_at END AS due_at, finished_at"""
_PAGE = f"""SELECT {_SHOWN} FROM deliveries
    WHERE channel = %(channel)s
        AND (%(target_id)s::uuid IS NULL OR target_id = %(target_id)s)
        AND (%(type)s::text IS NULL OR type = %(type)s)
        AND (%(status)s::text IS NULL OR status = %(status)s)
        AND (%(begin)s::timestamptz IS NULL OR made_at >= %(begin)s)
        AND (%(end)s::timestamptz IS NULL OR made_at < %(end)s)
        AND (%(before)s::bigint IS NULL OR position < %(before)s)
    ORDER BY position DESC LIMIT %(limit)s"""  # noqa: S608 - a constant
_ONE = f"SELECT {_SHOWN}, event FROM deliveries WHERE channel = %s AND id = %s"  # noqa: S608 - a constant
_ATTEMPTS = """SELECT number, began_at, seconds, outcome, status, reason, excerpt FROM delivery_attempts
    WHERE delivery_id = %s ORDER BY number"""
# One that is being sent is left to its sender: its outcome counts.
_AGAIN = """UPDATE deliveries SET status = 'due', tries = 0, begun_at = now(), due_at = now(), leased_until = NULL,
        finished_at = NULL
    WHERE channel = %s AND id = %s AND (leased_until IS NULL OR leased_until < now())"""


class Filter(NamedTuple):
    """Which deliveries of a channel: those that were written in [`begin`, `end`), to a target, of a type and status."""

    target_id: UUID | None = None
    type: str | None = None
    status: str | None = None
    begin: datetime | None = None
    end: datetime | None = None


async def page(db: Database, channel: str, wanted: Filter, limit: int, before: int | None = None) -> list[Row]:
    """Deliveries, the latest first; `before` is the `position` of the last one of the page before."""
    async with db.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_PAGE, {"channel": channel, **wanted._asdict(), "before": before, "limit": limit})
        return await cursor.fetchall()


async def find(db: Database, channel: str, delivery_id: UUID) -> Row | None:
    """A delivery with its `event` and its `attempts_made`, the first one first; None where there is none."""
    async with db.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_ONE, (channel, delivery_id))
        found = await cursor.fetchone()
        if found is None:
            return None
        await cursor.execute(_ATTEMPTS, (delivery_id,))
        return {**found, "attempts_made": await cursor.fetchall()}


async def send_again(db: Database, channel: str, delivery_id: UUID) -> bool:
    """Has a delivery sent now, with all its tries before it, whatever became of it; False where it is being sent now.

    What is sent is the same, so that a receiver knows it again by its id.
    """
    again = await db.execute(_AGAIN, (channel, delivery_id))
    await wake(db)
    return again.rowcount == 1
