"""What is to be told of calls that are over, until the policy behind the projection has seen to it."""

from collections.abc import Iterable
from uuid import UUID, uuid5

from services.calls.domain.completion import completed
from services.calls.domain.fold import Call
from services.kernel.answers import encode
from services.kernel.copying import copy_rows
from services.kernel.database import Cursor

# Part of each generation: one that is built anew holds what it would tell of every call, and the policy finds that
# nearly all of it has been told. A body is JSON kept as text: few are ever compared, and most go on as they are.
TABLE = """
CREATE TABLE completions (
    mark bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream uuid NOT NULL, ended_at timestamptz NOT NULL, body text NOT NULL
);
"""
COLUMNS = ("stream", "ended_at", "body")


def mark(calls: Iterable[tuple[UUID, str, Call]], db: Cursor) -> None:
    """Keeps what is to be told of those calls, each with its id and source, that are over."""
    told = [completed(*call) for call in calls]
    rows = [(stream_of(each.call), each.ended_at, encode(each)) for each in told if each]
    copy_rows(db, "completions", COLUMNS, rows)


def stream_of(call: UUID) -> UUID:
    """The stream of what is told of a call; its own, so that it leaves no gaps among the facts."""
    return uuid5(call, "completed")
