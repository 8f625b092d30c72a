"""Lists: a page of a read model's rows, as far as they match what is asked, with the cursor of the page that follows.

EMPLOYEES = Listing("employees", {"role": "role = %(role)s", "team": "team = %(team)s"}, order={"id": UUID})
rows, following = EMPLOYEES.page(db, asked)
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields
from datetime import UTC, datetime
from typing import Annotated, Any, LiteralString, TypeVar

from psycopg import sql
from psycopg.rows import dict_row

from services.kernel.cursors import decode, encode
from services.kernel.database import Cursor
from services.kernel.decider import values
from services.kernel.values import Range

V = TypeVar("V")
Row = dict[str, Any]

SELECT = "SELECT * FROM {relation} WHERE {conditions} ORDER BY {order} LIMIT %(limit)s"


@values
class Paged:
    """What every list may be asked beside its filters: how much at once, and from where."""

    _: KW_ONLY
    limit: Annotated[int, Range(1, 500)] = 100
    cursor: str | None = None


def equal(*columns: LiteralString) -> dict[str, LiteralString]:
    """Filters that ask for the value of a column, by its name."""
    return {column: column + " = %(" + column + ")s" for column in columns}


@dataclass(frozen=True)
class Listing:
    """The rows of `relation` (a table, or a query in brackets with a name) as a list.

    `filters` are SQL conditions by the name of what is asked; `order` the columns that give every row a place of its
    own, each with how it is read from a cursor.
    """

    relation: LiteralString
    filters: Mapping[str, LiteralString]
    order: Mapping[str, Callable[[Any], Any]]

    def wanted(self, asked: Any) -> dict[str, Any]:
        """What a question asks of the filters."""
        return {name: getattr(asked, name) for name in self.filters if getattr(asked, name, None) is not None}

    def conditions(self, wanted: Iterable[str]) -> sql.Composed:
        """The SQL of those filters together."""
        return sql.SQL(" AND ").join([sql.SQL(self.filters[name]) for name in wanted] or [sql.SQL("true")])

    def page(
        self, db: Cursor, asked: Any, wanted: Mapping[str, Any] | None = None, **given: Any
    ) -> tuple[list[Row], str | None]:
        """A page by the limit and the cursor that are asked, and the cursor of the next; raises BadCursor.

        `wanted` are values by filter, where they are not simply those that are asked; `given` is what more the SQL of
        the filters names.
        """
        now = datetime.now(UTC)
        after = decode(asked.cursor, now, *self.order.values()) if asked.cursor else ()
        matching = self.wanted(asked) if wanted is None else wanted
        found = self.rows(db, matching, asked.limit + 1, after, **given)
        shown = found[: asked.limit]
        more = len(found) > asked.limit
        return shown, encode(now, *(shown[-1][column] for column in self.order)) if more else None

    def rows(
        self, db: Cursor, wanted: Mapping[str, Any], limit: int, after: Sequence[Any] = (), **given: Any
    ) -> list[Row]:
        """The first rows that match, behind a place in the order."""
        order = sql.SQL(", ").join(map(sql.Identifier, self.order))
        place = dict(zip(map("after_{}".format, self.order), after, strict=False))
        conditions: sql.Composable = self.conditions(wanted)
        if place:
            behind = sql.SQL("{} AND ({}) > ({})")
            conditions = behind.format(conditions, order, sql.SQL(", ").join(map(sql.Placeholder, place)))
        statement = sql.SQL(SELECT).format(
            relation=sql.SQL(self.relation),
            conditions=conditions,
            order=order,
        )
        with db.connection.cursor(row_factory=dict_row) as rows:
            return rows.execute(statement, {**wanted, **given, **place, "limit": limit}).fetchall()


def viewed(cls: type[V], row: Mapping[str, Any], **more: Any) -> V:
    """A row as a `cls`: its fields are the columns of the same names, but for `more`."""
    columns = {f.name: row[f.name] for f in fields(cls) if f.name not in more}  # type: ignore[arg-type]
    return cls(**columns, **more)
