"""The deliveries in the gateway's database: written down, taken, settled, forgotten."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import orjson
import uuid_utils.compat
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from gateway.deliveries.channel import Attempt, Channel, Database, Delivery, Target, Wanted

_GIVEN = """INSERT INTO deliveries (id, channel, target_id, event_id, type, subject, event, ordering_key, urgent)
    SELECT id, %s, target_id, event_id, type, subject, event::json, ordering_key, %s
    FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[])
        WITH ORDINALITY AS given(id, target_id, event_id, type, subject, event, ordering_key, place)
    ORDER BY place
    ON CONFLICT (target_id, channel, event_id) DO """
_WRITE = f"{_GIVEN} NOTHING"
# One that is being sent is left to its sender: its outcome counts.
_WRITE_AGAIN = f"""{_GIVEN} UPDATE SET status = 'due', tries = 0, begun_at = now(), due_at = now(), leased_until = NULL,
        finished_at = NULL
    WHERE deliveries.leased_until IS NULL OR deliveries.leased_until < now()"""
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
_UNHURRIED = "SET LOCAL synchronous_commit = off"
# What arrived has arrived, though its target was given up meanwhile.
_SETTLE = """UPDATE deliveries AS settled SET status = new.status, tries = new.tries, leased_until = NULL,
        reason = new.reason, result = coalesce(new.result::jsonb, settled.result),
        due_at = CASE WHEN new.status = 'due' THEN now() + make_interval(secs => again) ELSE due_at END,
        finished_at = CASE WHEN new.status = 'due' THEN NULL ELSE now() END
    FROM unnest(%s::uuid[], %s::int[], %s::text[], %s::int[], %s::float[], %s::text[], %s::text[])
        AS new(id, attempt, status, tries, again, reason, result)
    WHERE settled.id = new.id AND settled.attempts = new.attempt
        AND (settled.status = 'due' OR (settled.status = 'dead' AND new.status = 'delivered'))
    RETURNING settled.id"""
_RECORD = """INSERT INTO delivery_attempts (delivery_id, number, began_at, seconds, outcome, status, reason, excerpt)
    SELECT * FROM unnest(%s::uuid[], %s::int[], %s::timestamptz[], %s::float[], %s::text[], %s::int[], %s::text[],
        %s::text[])"""
_FARED_WELL = """UPDATE delivery_targets AS target SET failures = 0, failing_since = NULL, held_until = NULL
    FROM unnest(%s::text[], %s::uuid[]) AS well(channel, target_id)
    WHERE target.channel = well.channel AND target.target_id = well.target_id AND failures > 0"""
_FARED_BADLY = """UPDATE delivery_targets SET failures = failures + 1, failing_since = coalesce(failing_since, now()),
        held_until = CASE WHEN %(hold)s::float IS NOT NULL THEN now() + make_interval(secs => %(hold)s)
            WHEN %(unreachable)s THEN now() + make_interval(secs => least(60, 2 ^ least(failures, 10)))
            ELSE held_until END
    WHERE channel = %(channel)s AND target_id = %(target_id)s RETURNING failing_since"""
_FORGET = """DELETE FROM deliveries WHERE id IN (
    SELECT id FROM deliveries WHERE made_at < now() - make_interval(days => %s) ORDER BY made_at LIMIT %s)"""
_BACKLOG = """SELECT channel, count(*), extract(epoch FROM now() - min(due_at))::float
    FROM deliveries JOIN delivery_targets USING (channel, target_id)
    WHERE status = 'due' AND due_at <= now() AND NOT paused GROUP BY channel"""
_HEARD = "SELECT service, extract(epoch FROM now() - looked_at)::float FROM event_cursors"


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
    return await _write(db, _WRITE, channel, wanted, urgent=urgent)


async def write_again(db: Database, channel: str, wanted: Sequence[Wanted]) -> None:
    """Writes deliveries down; those that were written before are due again, with all their tries before them."""
    await _write(db, _WRITE_AGAIN, channel, wanted, urgent=False)


async def _write(
    db: Database, statement: LiteralString, channel: str, wanted: Sequence[Wanted], *, urgent: bool
) -> list[UUID]:
    ids = [uuid_utils.compat.uuid7() for _ in wanted]
    await db.execute(
        statement,
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

    Nobody waits for the disk here: a database that falls back forgets who has taken what, which is sent again then.
    """
    await db.execute(_UNHURRIED)
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


async def settle(db: Database, made: Sequence[tuple[Attempt, Settlement]]) -> set[UUID]:
    """Notes what became of deliveries; returns the ids of those that it was noted of: not of one that another sender
    has taken since, nor of one that failed and whose target was given up.
    """
    if not made:
        return set()
    columns = [
        (
            attempt.delivery.id,
            attempt.delivery.attempt,
            *settlement,
            attempt.outcome.reason or None,
            None if attempt.outcome.result is None else orjson.dumps(dict(attempt.outcome.result)).decode(),
        )
        for attempt, settlement in made
    ]
    noted = await db.execute(_SETTLE, [list(column) for column in zip(*columns, strict=True)])
    return {row[0] for row in await noted.fetchall()}


async def record(db: Database, attempts: Sequence[Attempt]) -> None:
    """Notes attempts."""
    if not attempts:
        return
    columns = [
        (
            each.delivery.id,
            each.delivery.attempt,
            each.began_at,
            each.seconds,
            each.kind,
            each.outcome.status,
            each.outcome.reason or None,
            each.outcome.excerpt,
        )
        for each in attempts
    ]
    await db.execute(_RECORD, [list(column) for column in zip(*columns, strict=True)])


async def fared_well(db: Database, targets: Collection[Target]) -> None:
    """Notes a success at each of these targets."""
    if targets:
        channels, ids = zip(*targets, strict=True)
        await db.execute(_FARED_WELL, (list(channels), list(ids)))


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
    """What is due to targets that are not paused, by channel; a channel with nothing due is not in it."""
    rows: list[Any] = await (await db.execute(_BACKLOG)).fetchall()
    return {channel: Backlog(due, oldest) for channel, due, oldest in rows}


async def heard(db: Database) -> dict[str, float]:
    """How many seconds ago the events of each service were read, to within a few."""
    return dict(await (await db.execute(_HEARD)).fetchall())
