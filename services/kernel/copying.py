"""Many rows into a table at once, with COPY: the fastest way in that PostgreSQL has."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

import orjson
from psycopg import sql

from services.kernel.database import Cursor

_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def _escaped(text: str) -> str:
    return text if text.isprintable() and "\\" not in text else text.translate(_ESCAPES)


_TEXT: dict[type, Any] = {
    str: _escaped,
    int: str,
    UUID: lambda value: value.hex,
    datetime: datetime.isoformat,
    bool: lambda value: "t" if value else "f",
    type(None): lambda _: r"\N",
    dict: lambda value: orjson.dumps(value).decode().replace("\\", r"\\"),  # it writes no control characters
}


def copy_rows(db: Cursor, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes rows of texts, whole numbers, truths, UUIDs, instants, JSON objects and nulls."""
    lines = ["\t".join([_TEXT[type(value)](value) for value in row]) for row in rows]
    if not lines:
        return
    with db.copy(_into(table, tuple(columns))) as copy:
        copy.write("\n".join([*lines, ""]))


@cache
def _into(table: str, columns: tuple[str, ...]) -> bytes:
    """The statement, which takes as long to make as some rows."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(*table.split(".")), names).as_bytes()


@lru_cache(maxsize=4096)
def _minute(minute: int) -> str:
    return datetime.fromtimestamp(minute * 60, UTC).replace(tzinfo=None).isoformat(timespec="minutes")


def instant_text(microseconds: int | None) -> str | None:
    """Microseconds since 1970 as PostgreSQL reads a timestamptz; facts come in runs of the same minute."""
    if microseconds is None:
        return None
    minute, rest = divmod(microseconds, 60_000_000)
    return f"{_minute(minute)}:{rest // 1_000_000:02d}.{rest % 1_000_000:06d}Z"
