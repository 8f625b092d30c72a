"""CSV (RFC 4180) and XLSX of rows, safe to open: no cell of either is ever taken for a formula (FORMATS section 18)."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple, Self

from gateway.exports.columns import Cell, Column

Rows = Iterable[Mapping[str, Any]]

MOST_SPREADSHEET_ROWS = 1_048_575  # below the one with the names

_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_LONGEST_SHEET_NAME = 31
_WIDTHS = {"text": 24, "number": 12, "instant": 20, "day": 12}
_FORMATS = {"instant": "yyyy-mm-dd hh:mm:ss.000", "day": "yyyy-mm-dd"}


class File(NamedTuple):
    """A file: its name, its media type and what is in it."""

    name: str
    media_type: str
    content: bytes


class TooManyRows(Exception):  # noqa: N818 - what was asked for is too much, not wrong
    """A spreadsheet has no room for so many rows."""


def csv_names(columns: Sequence[Column]) -> bytes:
    """The first line of a CSV file."""
    return _lines([[column.name for column in columns]])


def csv_rows(columns: Sequence[Column], rows: Rows) -> bytes:
    """Lines of a CSV file. A text that a spreadsheet would take for a formula begins with an apostrophe."""
    return _lines([[_guarded(column.of(row)) for column in columns] for row in rows])


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\r\n").writerows(rows)
    return written.getvalue().encode()


def _guarded(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    text = str(cell)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


class Spreadsheet:
    """An XLSX file, written row by row to a path, with one sheet a kind of rows; there when it is left.

    Instants are in UTC.
    """

    def __init__(self, path: Path) -> None:
        import xlsxwriter  # noqa: PLC0415 - only who asks for a spreadsheet pays for it

        # Rows go to the disk as they come, and whatever looks like a formula or a link stays the text that it is.
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self._book = xlsxwriter.Workbook(str(path), options)
        self._heading = self._book.add_format({"bold": True})
        self._formats = {kind: self._book.add_format({"num_format": shape}) for kind, shape in _FORMATS.items()}

    def sheet(self, name: str, columns: Sequence[Column]) -> "Sheet":
        """A new sheet with the names of its columns; those before it take no more rows."""
        sheet = self._book.add_worksheet(name[:_LONGEST_SHEET_NAME])
        for at, column in enumerate(columns):
            sheet.set_column(at, at, max(_WIDTHS[column.kind], len(column.name) + 2))
            sheet.write_string(0, at, column.name, self._heading)
        if columns:
            sheet.freeze_panes(1, 0)
        return Sheet(sheet, columns, self._formats)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._book.close()


class Sheet:
    """One sheet of a spreadsheet, to which rows are added."""

    def __init__(self, sheet: Any, columns: Sequence[Column], formats: Mapping[str, Any]) -> None:
        self._sheet, self._columns, self._formats = sheet, columns, formats
        self._row = 1 if columns else 0

    def add(self, rows: Rows) -> None:
        """Adds rows.

        Raises:
            TooManyRows: there is no room for them.
        """
        for row in rows:
            if self._row > MOST_SPREADSHEET_ROWS:
                raise TooManyRows
            for at, column in enumerate(self._columns):
                self._write(at, column, column.of(row))
            self._row += 1

    def note(self, name: str, value: Cell) -> None:
        """Adds a row of a name and what stands for it."""
        self._sheet.write_string(self._row, 0, name)
        self._sheet.write_string(self._row, 1, "" if value is None else str(value))
        self._row += 1

    def _write(self, at: int, column: Column, cell: Cell) -> None:
        if cell is None:
            return
        if isinstance(cell, bool):
            self._sheet.write_boolean(self._row, at, cell)
        elif isinstance(cell, int | float):
            self._sheet.write_number(self._row, at, cell)
        elif column.kind == "number" and _NUMBER.fullmatch(cell):
            self._sheet.write_number(self._row, at, float(cell))
        elif (read := _READ.get(column.kind)) and ";" not in cell:
            self._sheet.write_datetime(self._row, at, read(cell), self._formats[column.kind])
        else:
            self._sheet.write_string(self._row, at, cell)


_READ = {
    "instant": lambda text: datetime.fromisoformat(text).replace(tzinfo=None),
    "day": date.fromisoformat,
}
