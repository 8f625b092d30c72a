"""The public events of a service as a feed, read from its event store: the relay tells the bus the same.

A place in it is the text of a position in the store, `<transaction>.<position>`.
"""

import time
from collections.abc import Sequence
from typing import Any

from services.kernel.cloud_events import Upcasters, told_of, type_of
from services.kernel.database import Cursor
from services.kernel.declarations import Api
from services.kernel.reading import GATE, read_on
from services.kernel.store import Position

LOOK_SECONDS = 1.0  # for something to tell, before a page without any is answered
BEGINNING, LATEST = "0.0", "latest"


def public_events(
    db: Cursor, api: Api, upcasters: Upcasters, *, after: str, types: Sequence[str], limit: int
) -> dict[str, Any]:
    """`items`: at most `limit` events that follow a place, of these types (`plateau.calls.call_completed`; none: all),
    each {place, event}; `reached`: the place behind them, and behind all others that there are so far.

    Nothing that is still being written can come before what was read (see `reading`). After `latest`: none of those
    that are there.
    """
    if after == LATEST:
        (gate,) = db.execute(GATE).fetchone() or (0,)
        return {"items": [], "reached": _text(Position(gate))}
    wanted = {kind: p for kind, p in api.publications.items() if not types or type_of(p) in types}
    place, until = _position(after), time.monotonic() + LOOK_SECONDS
    while True:
        events, reached = read_on(db, place, list(wanted), limit)
        told = [(event, told_of(wanted[event.type], event, upcasters)) for event in events]
        items = [
            {"place": _text(Position(event.transaction_id, event.position)), "event": body}
            for event, body in told
            if body is not None
        ]
        if items or len(events) < limit or time.monotonic() > until:
            return {"items": items, "reached": _text(reached)}
        place = reached  # an imported history may have thousands of facts in a row of which nothing is told


def _text(position: Position) -> str:
    return f"{position.transaction_id}.{position.position}"


def _position(place: str) -> Position:
    transaction_id, _, position = place.partition(".")
    return Position(int(transaction_id), int(position))
