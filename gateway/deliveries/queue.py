"""The deliveries in the gateway's database: written down, taken, settled, forgotten."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import uuid_utils.compat
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from gateway.deliveries.channel import Channel, Database, Delivery, Outcome, Wanted

Target = tuple[str, UUID]  # the channel's name and the target

_WRITE = """INSERT INTO deliveries (id, channel, target_id, event_id, type, subject, event, ordering_key, urgent)
    SELECT id, %s, target_id, event_id, type, subject, event::json, ordering_key, %s
    FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[])
        WITH ORDINALITY AS given(id, target_id, event_id, type, subject, event, ordering_key, place)
    ORDER BY place
    ON CONFLICT (target_id, channel, event_id) DO NOTHING"""
# Targets that fail get one lane, and come after those that do not: were there hundreds of them, the others would still
# be served.
_TAKE = """
WITH lanes AS (SELECT * FROM unnest(%(channels)s::text[], %(lanes)s::int[]) AS given(channel, lanes)),
busy AS (
    SELECT * FROM unnest(%(busy_channels)s::text[], %(busy_targets)s::uuid[], %(used)s::int[])
        AS given(channel, target_id, used)),
free AS (
    SELECT due.id
    FROM delivery_targets AS target JOIN lanes USING (channel) LEFT JOIN busy USING (channel, target_id)
    CROSS JOIN LATERAL (
        SELECT each.id FROM deliveries AS each
        WHERE each.channel = target.channel AND each.target_id = target.target_id
            AND each.status = 'due' AND NOT each.urgent AND each.due_at <= now()
            AND (each.leased_until IS NULL OR each.leased_until < now())
            AND (each.ordering_key IS NULL OR NOT EXISTS (
                SELECT FROM deliveries AS ahead
                WHERE ahead.channel = each.channel AND ahead.target_id = each.target_id AND ahead.status = 'due'
                    AND ahead.ordering_key = each.ordering_key AND ahead.position < each.position))
        ORDER BY each.due_at, each.position
        LIMIT greatest(0, CASE WHEN target.failures > 0 THEN 1 ELSE lanes.lanes END - coalesce(busy.used, 0))
        FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE NOT target.paused AND (target.held_until IS NULL OR target.held_until <= now())
    ORDER BY target.failures LIMIT %(room)s),
urgent AS (
    SELECT id FROM deliveries JOIN lanes USING (channel)
    WHERE status = 'due' AND urgent AND due_at <= now() AND (leased_until IS NULL OR leased_until < now())
    LIMIT %(room)s FOR UPDATE OF deliveries SKIP LOCKED)
UPDATE deliveries AS taken SET attempts = attempts + 1,
    leased_until = now() + make_interval(secs => (%(leases)s::jsonb ->> taken.channel)::float)
FROM (SELECT id FROM free UNION SELECT id FROM urgent) AS chosen WHERE taken.id = chosen.id
RETURNING taken.id, channel, target_id, event, attempts AS attempt, tries, begun_at, urgent"""
_SETTLE = """UPDATE deliveries SET status = %(status)s, tries = %(tries)s, leased_until = NULL, reason = %(reason)s,
        result = coalesce(%(result)s, result),
        due_at = CASE WHEN %(status)s = 'due' THEN now() + make_interval(secs => %(again)s) ELSE due_at END,
        finished_at = CASE WHEN %(status)s = 'due' THEN NULL ELSE now() END
    WHERE id = %(id)s AND attempts = %(attempt)s AND status = 'due'"""
_RECORD = """INSERT INTO delivery_attempts (delivery_id, number, began_at, seconds, outcome, status, reason, excerpt)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"""
_FARED_WELL = """UPDATE delivery_targets SET failures = 0, failing_since = NULL, held_until = NULL
    WHERE channel = %s AND target_id = %s AND failures > 0"""
_FARED_BADLY = """UPDATE delivery_targets SET failures = failures + 1, failing_since = coalesce(failing_since, now()),
        held_until = CASE WHEN %(hold)s::float IS NOT NULL THEN now() + make_interval(secs => %(hold)s)
            WHEN %(unreachable)s THEN now() + make_interval(secs => least(60, 2 ^ least(failures, 10)))
            ELSE held_until END
    WHERE channel = %(channel)s AND target_id = %(target_id)s RETURNING failing_since"""
_FORGET = """DELETE FROM deliveries WHERE id IN (
    SELECT id FROM deliveries WHERE made_at < now() - make_interval(days => %s) ORDER BY made_at LIMIT %s)"""
_BACKLOG = """SELECT channel, count(*), coalesce(extract(epoch FROM now() - min(due_at)), 0)::float
    FROM deliveries WHERE status = 'due' AND due_at <= now() GROUP BY channel"""


class Settlement(NamedTuple):
    """What an outcome makes of a delivery: its status, the tries that count, seconds until it is due again."""

    status: str
    tries: int
    again: float = 0.0


class Backlog(NamedTuple):
    """What is due now and not delivered: how many, and for how many seconds the oldest has been."""

    due: int
    oldest_seconds: float


async def write(db: Database, channel: str, wanted: Sequence[Wanted], *, urgent: bool = False) -> list[UUID]:
    """Writes deliveries down, in order; an event that was written for the same target before is passed over.

    Returns the ids that they have if they are new.
    """
    ids = [uuid_utils.compat.uuid7() for _ in wanted]
    await db.execute(
        _WRITE,
        (
            channel,
            urgent,
            ids,
            [each.target_id for each in wanted],
            [each.event["id"] for each in wanted],
            [each.event["type"] for each in wanted],
            [each.event["subject"] for each in wanted],
            [orjson.dumps(each.event).decode() for each in wanted],
            [each.ordering_key for each in wanted],
        ),
    )
    return ids


async def take(
    db: Database, channels: Sequence[Channel], busy: Mapping[Target, int], room: int, leases: Mapping[str, float]
) -> list[Delivery]:
    """Leases what is due, `room` deliveries and as many urgent ones at most; `busy` are the lanes in use by target, and
    `leases` the seconds of each channel after which somebody else may take one that nothing was heard of.
    """
    async with db.cursor(row_factory=class_row(Delivery)) as cursor:
        await cursor.execute(
            _TAKE,
            {
                "channels": [channel.name for channel in channels],
                "lanes": [channel.lanes for channel in channels],
                "busy_channels": [channel for channel, _ in busy],
                "busy_targets": [target for _, target in busy],
                "used": list(busy.values()),
                "room": room,
                "leases": Jsonb(dict(leases)),
            },
        )
        return await cursor.fetchall()


async def settle(db: Database, delivery: Delivery, outcome: Outcome, settlement: Settlement) -> bool:
    """Notes what became of a delivery; False, and nothing noted, where another sender has taken it since."""
    result = None if outcome.result is None else Jsonb(dict(outcome.result))
    noted = await db.execute(
        _SETTLE,
        {
            **settlement._asdict(),
            "id": delivery.id,
            "attempt": delivery.attempt,
            "reason": outcome.reason or None,
            "result": result,
        },
    )
    return noted.rowcount == 1


async def record(db: Database, delivery: Delivery, outcome: Outcome, began_at: datetime, seconds: float) -> None:
    """Notes an attempt."""
    kind = type(outcome).__name__.lower()
    about = (kind, outcome.status, outcome.reason or None, outcome.excerpt)
    await db.execute(_RECORD, (delivery.id, delivery.attempt, began_at, seconds, *about))


async def fared_well(db: Database, target: Target) -> None:
    """Notes a success at a target."""
    await db.execute(_FARED_WELL, target)


async def fared_badly(db: Database, target: Target, *, hold: float | None, unreachable: bool) -> datetime | None:
    """Notes a failure; holds the target for `hold` seconds, or for longer with every failure where it is unreachable.

    Returns since when it has failed without a success between.
    """
    channel, target_id = target
    values = {"hold": hold, "unreachable": unreachable, "channel": channel, "target_id": target_id}
    row = await (await db.execute(_FARED_BADLY, values)).fetchone()
    return row[0] if row else None


async def forget(db: Database, days: int, most: int) -> int:
    """Deletes deliveries that were made more than so many days ago, whatever became of them; returns how many."""
    return (await db.execute(_FORGET, (days, most))).rowcount


async def backlog(db: Database) -> dict[str, Backlog]:
    """What is due, by channel; a channel with nothing due is not in it."""
    rows: list[Any] = await (await db.execute(_BACKLOG)).fetchall()
    return {channel: Backlog(due, oldest) for channel, due, oldest in rows}
