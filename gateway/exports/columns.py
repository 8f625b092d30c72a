"""The columns that the rows of an answer have, derived from their dataclass.

What is nested gets a dotted name (`visits.queue`). Where a row has several of something, their values stand in one cell
with semicolons between them; counts by name stand as `name=count`.
"""

import dataclasses
import types
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import orjson

from services.kernel.values import Money

Kind = Literal["text", "number", "instant", "day"]
Cell = str | int | float | bool | None

SEVERAL = "; "
KINDS: Mapping[Any, Kind] = {int: "number", float: "number", Decimal: "number", datetime: "instant", date: "day"}
SEQUENCES = (tuple, list, frozenset, Sequence)


class Column(NamedTuple):
    """A column: its name, where its value stands in a row, and what it is."""

    name: str
    path: tuple[str, ...]
    kind: Kind

    def of(self, row: Mapping[str, Any]) -> Cell:
        """What stands in this column of a row, which is plain JSON data."""
        found = list(_found(row, self.path))
        if len(found) == 1 and isinstance(found[0], str | int | float):
            return found[0]
        return SEVERAL.join(map(_text, found)) or None


@cache
def columns_of(row: type) -> tuple[Column, ...]:
    """The columns of rows of this dataclass."""
    return tuple(_columns(row, ()))


@cache
def rows_in(answer: type | None) -> Mapping[str, type]:
    """The fields of an answer that hold rows, each with the dataclass of its rows; `items` first."""
    if answer is None:
        return {}
    kinds = {name: _element(hint) for name, hint in get_type_hints(answer).items()}
    rows = {name: kind for name, kind in kinds.items() if dataclasses.is_dataclass(kind)}
    return dict(sorted(rows.items(), key=lambda field: field[0] != "items"))


def _columns(hint: Any, path: tuple[str, ...]) -> Iterator[Column]:
    hint = _bare(hint)
    element = _element(hint)
    if element is not None:
        yield from (
            _columns(element, path) if dataclasses.is_dataclass(element) else [Column(".".join(path), path, "text")]
        )
    elif hint is Money:
        yield Column(".".join((*path, "amount")), (*path, "amount"), "number")
        yield Column(".".join((*path, "currency")), (*path, "currency"), "text")
    elif dataclasses.is_dataclass(hint):
        hints = get_type_hints(hint)  # those of marks too, such as KW_ONLY, which are no fields
        for each in dataclasses.fields(hint):
            yield from _columns(hints[each.name], (*path, each.name.rstrip("_")))
    else:
        yield Column(".".join(path), path, KINDS.get(hint, "text"))


def _bare(hint: Any) -> Any:
    """What an annotation says without its marks, and without that it may be null."""
    while get_origin(hint) in (Annotated, Union, types.UnionType):
        hint = next(arg for arg in get_args(hint) if arg is not type(None))
    return hint


def _element(hint: Any) -> Any:
    """What a list holds; None where it is no list."""
    hint = _bare(hint)
    return _bare(get_args(hint)[0]) if get_origin(hint) in SEQUENCES else None


def _found(value: Any, path: Sequence[str]) -> Iterator[Any]:
    if value is None:
        return
    if isinstance(value, list):
        for each in value:
            yield from _found(each, path)
    elif path:
        yield from _found(value.get(path[0]), path[1:])
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield f"{name}={_text(inner)}"
    else:
        yield value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
