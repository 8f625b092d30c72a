"""Answers a question with a file: all of its pages, each asked when it is wanted."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from gateway.exchange import Exchange
from gateway.exports.columns import columns_of, rows_in
from gateway.exports.files import MOST_SPREADSHEET_ROWS, Spreadsheet, TooManyRows, csv_names, csv_rows
from gateway.exports.forms import MEDIA_TYPES, Form
from gateway.problems import Problem
from services.kernel.declarations import UseCase
from services.kernel.lists import Paged

PAGE = 500
CHUNK = 256 * 1024

Parameters = dict[str, Any]
Ask = Callable[[Parameters], Awaitable[Mapping[str, Any]]]
Answer = Mapping[str, Any]


def forms_of(case: UseCase) -> tuple[Form, ...]:
    """The forms in which a use case can answer."""
    return ("json", "csv", "xlsx") if "items" in rows_in(case.returns) else ("json",)


def file_name(case: UseCase, form: Form) -> str:
    """What the file is called: `service-level.csv`."""
    return f"{[part for part in case.path.split('/') if '{' not in part][-1]}.{form}"


async def pages(case: UseCase, parameters: Parameters, ask: Ask) -> AsyncGenerator[Answer]:
    """Every page of the answer from the one that is asked on; only that one where a `limit` was given."""
    if not issubclass(case.shape, Paged) or "limit" in parameters:
        yield orjson.loads((await ask(parameters))["body"])
        return
    page = {**parameters, "limit": str(PAGE)}
    while True:
        answer = orjson.loads((await ask(page))["body"])
        yield answer
        if answer["next"] is None:
            return
        page["cursor"] = answer["next"]


async def csv_file(case: UseCase, answers: AsyncIterator[Answer]) -> AsyncIterator[bytes]:
    """The parts of a CSV file, as the pages come."""
    columns = columns_of(rows_in(case.returns)["items"])
    begun = False
    async for answer in answers:
        yield (b"" if begun else csv_names(columns)) + csv_rows(columns, answer["items"])
        begun = True


async def spreadsheet(case: UseCase, answers: AsyncIterator[Answer], parameters: Parameters, path: Path) -> None:
    """Writes an XLSX file: the rows, what else the answer lists, and a sheet that says what was asked and when.

    Raises:
        TooManyRows: a sheet has no room for them.
    """
    kinds = rows_in(case.returns)
    with Spreadsheet(path) as book:
        rows = book.sheet("items", columns_of(kinds["items"]))
        answer: Answer = {}
        async for answer in answers:
            rows.add(answer["items"])
            await asyncio.sleep(0)
        for name in kinds.keys() - {"items"}:
            book.sheet(name, columns_of(kinds[name])).add(answer[name])
        about = book.sheet("about", ())
        for name, value in _about(case, answer, kinds, parameters):
            about.note(name, value)


def _about(case: UseCase, answer: Answer, kinds: Mapping[str, type], parameters: Parameters) -> list[tuple[str, Any]]:
    told = {name: value for name, value in answer.items() if name not in kinds and name != "next"}
    made = datetime.now(UTC).isoformat(timespec="seconds")
    asked = {**parameters, **{name: orjson.dumps(v).decode() if isinstance(v, dict) else v for name, v in told.items()}}
    return [("what", case.path), ("made at", made), ("instants", "UTC"), *asked.items()]


async def export(case: UseCase, exchange: Exchange, form: Form, parameters: Parameters, ask: Ask) -> None:
    """Answers with a file.

    A CSV file is sent while it is made: where a later page cannot be had, the connection breaks, and what has come is
    seen to be incomplete. A spreadsheet is made first.

    Raises:
        Problem: the first page cannot be had, or a spreadsheet has no room for so many rows (422).
    """
    name = file_name(case, form)
    headers = [(b"content-disposition", f'attachment; filename="{name}"'.encode()), (b"vary", b"accept")]
    media_type = MEDIA_TYPES[form].encode()
    async with aclosing(pages(case, parameters, ask)) as answers:
        if form == "csv":
            await exchange.stream(
                200, csv_file(case, answers), media_type + b"; charset=utf-8; header=present", headers
            )
            return
        with TemporaryDirectory(prefix="plateau-export-") as folder:
            path = Path(folder) / name
            try:
                await spreadsheet(case, answers, parameters, path)
            except TooManyRows as error:
                most = f"A spreadsheet holds {MOST_SPREADSHEET_ROWS} rows: ask for less, or for {MEDIA_TYPES['csv']}."
                raise Problem("export.too_many_rows", most) from error
            await exchange.stream(200, _parts(path), media_type, headers)


async def _parts(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(CHUNK):
            yield part
