import csv
import io
from dataclasses import KW_ONLY
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import openpyxl
import pytest

from gateway.endpoints import Entry
from gateway.exchange import BrokenOff, Exchange
from gateway.exports.columns import columns_of
from gateway.exports.exporting import export
from gateway.exports.files import Spreadsheet, TooManyRows, csv_names, csv_rows
from gateway.exports.forms import MEDIA_TYPES, wanted_form
from gateway.problems import Problem
from gateway.tests.fakes import client
from services.kernel import schemas
from services.kernel.answers import encode
from services.kernel.decider import values
from services.kernel.declarations import UseCase
from services.kernel.lists import Paged
from services.kernel.values import Length, Money

ALL = ("json", "csv", "xlsx")


@values
class Visit:
    queue: str
    wait_seconds: Decimal | None


@values
class Row:
    name: Annotated[str, Length(1)]
    since: datetime
    day: date | None
    counted: int
    share: Decimal | None
    left_by_reason: dict[str, int]
    cost: Money
    visits: tuple[Visit, ...]
    flagged: bool


@values
class Page:
    items: tuple[Row, ...]
    visits: tuple[Visit, ...]
    next: str | None


@values
class Rows(Paged):
    """List rows."""

    queue: str | None = None


CASE = UseCase("calls", "query", "GET", "/v1/reports/row-list", Rows, "reports:read", Page)


def a_row(**changes):
    row = {
        "name": "anything",
        "since": datetime(2026, 11, 21, 9, 14, 3, 120000, UTC),
        "day": None,
        "counted": 3,
        "share": Decimal("0.7983"),
        "left_by_reason": {"full": 2, "timeout": 1},
        "cost": Money(-125, "EUR"),
        "visits": (Visit("sales", Decimal("12.5")),),
        "flagged": False,
    }
    return Row(**{**row, **changes})


def read_csv(*rows):
    columns = columns_of(Row)
    text = csv_names(columns) + csv_rows(columns, [schemas.dump(row) for row in rows])
    return list(csv.DictReader(io.StringIO(text.decode(), newline="")))


def test_what_is_nested_has_columns_of_its_own():
    (row,) = read_csv(a_row())
    assert row == {
        "name": "anything",
        "since": "2026-11-21T09:14:03.120000Z",
        "day": "",
        "counted": "3",
        "share": "0.7983",
        "left_by_reason": "full=2; timeout=1",
        "cost.amount": "-1.25",
        "cost.currency": "EUR",
        "visits.queue": "sales",
        "visits.wait_seconds": "12.5",
        "flagged": "false",
    }


def test_a_mark_among_the_fields_of_a_row_is_no_column():
    @values
    class Named:
        name: str
        _: KW_ONLY
        since_: datetime | None = None

    assert [column.name for column in columns_of(Named)] == ["name", "since"]


def test_several_values_stand_in_one_cell_in_their_order():
    (row,) = read_csv(a_row(visits=(Visit("sales", Decimal(3)), Visit("support", None), Visit("sales", Decimal(0)))))
    assert (row["visits.queue"], row["visits.wait_seconds"]) == ("sales; support; sales", "3; 0")


@pytest.mark.parametrize("text", ["=1+1", "+33199000001", "-cmd", "@sum", "\tx", "\rx"])
def test_no_text_of_a_csv_file_is_taken_for_a_formula(text):
    (row,) = read_csv(a_row(name=text))
    assert row["name"] == f"'{text}"


@pytest.mark.parametrize("text", ['say "so"', "two\r\nlines", "a,b", "-12.5", "naïve"])
def test_other_texts_come_out_as_they_are(text):
    (row,) = read_csv(a_row(name=text))
    assert row["name"] == text


def test_a_spreadsheet_has_numbers_instants_and_never_a_formula(tmp_path):
    path = tmp_path / "rows.xlsx"
    rows = (a_row(name="=1+1", day=date(2026, 11, 21)), a_row(visits=(Visit("a", Decimal(1)), Visit("b", Decimal(2)))))
    with Spreadsheet(path) as book:
        book.sheet("items", columns_of(Row)).add([schemas.dump(row) for row in rows])
    names, first, second = openpyxl.load_workbook(path)["items"].iter_rows()
    cells = {name.value: cell for name, cell in zip(names, first, strict=True)}
    assert (cells["name"].value, cells["name"].data_type) == ("=1+1", "s")
    assert cells["since"].value == datetime(2026, 11, 21, 9, 14, 3, 120000)  # noqa: DTZ001 - a spreadsheet has no zones
    assert cells["day"].value.date() == date(2026, 11, 21)
    assert (cells["counted"].value, cells["share"].value, cells["cost.amount"].value) == (3, 0.7983, -1.25)
    assert [cell.value for name, cell in zip(names, second, strict=True) if name.value.startswith("visits.")] == [
        "a; b",
        "1; 2",
    ]


def test_a_spreadsheet_that_has_no_room_is_refused_and_not_cut(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.exports.files.MOST_SPREADSHEET_ROWS", 2)
    with Spreadsheet(tmp_path / "rows.xlsx") as book, pytest.raises(TooManyRows):
        book.sheet("items", columns_of(Visit)).add([{"queue": "a", "wait_seconds": None}] * 3)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("text/csv", "csv"),
        ("TEXT/CSV; charset=utf-8", "csv"),
        ("text/*", "csv"),
        (MEDIA_TYPES["xlsx"], "xlsx"),
        ("text/csv;q=0.5, application/json", "json"),
        ("application/json;q=0, */*", "csv"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "json"),
    ],
)
def test_the_form_is_the_one_that_is_liked_best(accept, form):
    assert wanted_form(accept.encode(), ALL) == form


@pytest.mark.parametrize("accept", ["image/png", "text/csv;q=0", "text/html"])
def test_a_form_that_is_not_to_be_had_is_406(accept):
    with pytest.raises(Problem) as refused:
        wanted_form(accept.encode(), ALL)
    assert (refused.value.status, refused.value.code) == (406, "request.not_acceptable")
    assert "text/csv" in refused.value.detail


class Service:
    """Answers with pages of two rows, three of them; `fails_at` is a page that it cannot answer."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.fails_at = fails_at
        self.asked: list[dict[str, str]] = []

    async def ask(self, parameters):
        self.asked.append(dict(parameters))
        page = int(parameters.get("cursor", 0))
        if page == self.fails_at:
            raise Problem("service.unavailable")
        rows = tuple(a_row(name=f"row-{page}-{n}") for n in range(2))
        return {"body": encode(Page(rows, (Visit("q", None),), str(page + 1) if page < 2 else None))}

    async def get(self, form, parameters):
        async def answer(exchange):
            await export(CASE, exchange, form, dict(parameters), self.ask)

        async with client([Entry("GET", "/rows", answer)]) as http:
            return await http.get("/rows")


def collect(sent):
    async def send(message):
        sent.append(message)

    return send


@pytest.mark.anyio
class TestAFile:
    async def test_holds_every_page_as_it_was_filtered(self):
        service = Service()
        answer = await service.get("csv", {"queue": "sales"})
        rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
        assert [row["name"] for row in rows] == [f"row-{page}-{n}" for page in range(3) for n in range(2)]
        assert {asked["queue"] for asked in service.asked} == {"sales"}
        assert answer.headers["content-disposition"] == 'attachment; filename="row-list.csv"'

    async def test_holds_one_page_where_a_limit_was_given(self):
        answer = await Service().get("csv", {"limit": "2", "cursor": "1"})
        assert len(answer.text.splitlines()) == 3

    async def test_that_cannot_begin_is_a_problem(self):
        assert (await Service(fails_at=0).get("csv", {})).status_code == 503

    async def test_that_breaks_off_is_never_complete(self):
        sent = []
        exchange = Exchange({"type": "http", "method": "GET", "headers": []}, None, collect(sent))
        with pytest.raises(BrokenOff):  # and the server closes the connection
            await export(CASE, exchange, "csv", {}, Service(fails_at=1).ask)
        assert b"row-0-1" in sent[-1]["body"]
        assert sent[-1]["more_body"]

    async def test_as_a_spreadsheet_says_what_was_asked(self, tmp_path: Path):
        answer = await Service().get("xlsx", {"queue": "sales"})
        path = tmp_path / "rows.xlsx"
        path.write_bytes(answer.content)
        book = openpyxl.load_workbook(path)
        assert book.sheetnames == ["items", "visits", "about"]
        assert book["items"].max_row == 7
        about = dict(book["about"].iter_rows(values_only=True))
        assert (about["what"], about["queue"]) == ("/v1/reports/row-list", "sales")
