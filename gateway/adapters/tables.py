"""Tables as text: rows of cells below a line that names the columns, with `,` `;` or TAB between them (RFC 4180)."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

DELIMITERS = ",;\t"

_LINE_END = re.compile(r"[\r\n]")


class Cells(NamedTuple):
    """A row: as many cells as there are names, or what is wrong with it."""

    cells: Sequence[str]
    fault: str | None = None


def table(text: str) -> tuple[list[str], Iterator[Cells]]:
    """The names of the columns, none where there is nothing, and the rows that say anything."""
    text = text.lstrip("\r\n ")
    head = _LINE_END.split(text, maxsplit=1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(DELIMITERS, key=head.count))
    try:
        names = [name.strip() for name in next(reader, [])]
    except csv.Error:
        names = [head[:100]]
    while names and not names[-1]:  # spreadsheets end all lines with as many delimiters as the longest one
        names.pop()
    return names, _rows(reader, len(names))


def _rows(reader: Iterator[list[str]], wanted: int) -> Iterator[Cells]:
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Cells((), f"This is no row of a CSV file: {error}.")
            continue
        if cells is None:
            return
        if not any(map(str.strip, cells)):
            continue
        if len(cells) < wanted or any(map(str.strip, cells[wanted:])):
            remedy = "it is cut off, or a quote is not closed."
            yield Cells(cells, f"The row has {len(cells)} cells, the first line names {wanted}: {remedy}")
        else:
            yield Cells(cells[:wanted])
