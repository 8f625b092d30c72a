"""Targets: to whom a channel delivers. Each function runs in its caller's transaction."""

from uuid import UUID

from gateway.deliveries.channel import Database

WAKE = "deliveries"  # the notification that has senders look at once

_OPEN = """INSERT INTO delivery_targets (channel, target_id) VALUES (%s, %s)
    ON CONFLICT (channel, target_id) DO UPDATE
    SET paused = false, held_until = NULL, failures = 0, failing_since = NULL"""
_BEGIN_ANEW = """UPDATE delivery_targets SET held_until = NULL, failures = 0, failing_since = NULL
    WHERE channel = %s AND target_id = %s"""
_PAUSE = "UPDATE delivery_targets SET paused = true WHERE channel = %s AND target_id = %s"
_END = "DELETE FROM delivery_targets WHERE channel = %s AND target_id = %s"
_GIVE_UP = """UPDATE deliveries SET status = 'dead', reason = %s, finished_at = now(), leased_until = NULL
    WHERE channel = %s AND target_id = %s AND status = 'due' AND NOT urgent"""


async def open_target(db: Database, channel: str, target_id: UUID) -> None:
    """Makes a target, or has a paused one sent to again: what waits for it, and what it may want from now on."""
    await db.execute(_OPEN, (channel, target_id))
    await wake(db)


async def move_target(db: Database, channel: str, target_id: UUID) -> None:
    """Forgets how a target fared where it was before, and for how long it was to be left in peace there."""
    await db.execute(_BEGIN_ANEW, (channel, target_id))
    await wake(db)


async def pause_target(db: Database, channel: str, target_id: UUID) -> None:
    """Has whatever is due to a target wait until it is opened again."""
    await db.execute(_PAUSE, (channel, target_id))


async def give_up_target(db: Database, channel: str, target_id: UUID, reason: str) -> None:
    """Pauses a target; all that is due to it is dead."""
    await pause_target(db, channel, target_id)
    await db.execute(_GIVE_UP, (reason, channel, target_id))


async def end_target(db: Database, channel: str, target_id: UUID, reason: str) -> None:
    """Ends a target for good; all that is due to it is dead, the record stays."""
    await db.execute(_GIVE_UP, (reason, channel, target_id))
    await db.execute(_END, (channel, target_id))


async def wake(db: Database) -> None:
    """Has senders look for what is due as soon as the transaction is committed."""
    await db.execute(f"NOTIFY {WAKE}")
