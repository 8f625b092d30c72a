"""Files of lists and reports, as somebody takes them out over HTTP."""

import csv
import io
from itertools import chain

import openpyxl

from gateway.exports.forms import MEDIA_TYPES
from tests.facts import answered, every

CALLS = "/v1/calls"


def rows_of(answer):
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))


def test_a_csv_file_has_every_call_of_the_list_in_its_order(administrator, queue):
    number = "+33199000007"
    instants = every(7)
    administrator.send(*chain(*(answered(queue, 3, next(instants), **{"from": number}) for _ in range(520))))
    rows = rows_of(administrator.http.get(CALLS, params={"queue": queue}, headers={"Accept": "text/csv"}))
    listed = administrator.items(CALLS, queue=queue, limit=500)
    assert len(listed) == 520
    assert [row["id"] for row in rows] == [call["id"] for call in listed]
    assert {row["caller_number"] for row in rows} == {f"'{number}"}
    assert {(row["visits.queue"], row["visits.wait_seconds"], row["legs.agent"]) for row in rows} == {
        (queue, "3", "a-1042")
    }


def test_a_spreadsheet_has_the_figures_of_the_report(administrator, queue, tmp_path):
    administrator.send(*answered(queue, 3), *answered(queue, 30))
    figures = administrator.figures(queue)
    asked = {"queue": queue, "from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z", "interval": "total"}
    answer = administrator.http.get("/v1/reports/service-level", params=asked, headers={"Accept": MEDIA_TYPES["xlsx"]})
    assert answer.headers["content-disposition"] == 'attachment; filename="service-level.xlsx"'
    path = tmp_path / "service-level.xlsx"
    path.write_bytes(answer.content)
    book = openpyxl.load_workbook(path)
    names, cells = book["items"].iter_rows(values_only=True)
    row = dict(zip(names, cells, strict=True))
    assert {name: row[name] for name in ("offered", "answered", "answered_within", "service_level", "asa_seconds")} == {
        name: figures[name] for name in ("offered", "answered", "answered_within", "service_level", "asa_seconds")
    }
    terms, policy = book["policies"].iter_rows(values_only=True)
    assert dict(zip(terms, policy, strict=True))["threshold_seconds"] == 20
    assert dict(book["about"].iter_rows(values_only=True))["interval"] == "total"


def test_what_is_no_list_is_to_be_had_as_json_only(administrator, queue):
    for path in (f"/v1/queues/{queue}", "/v1/live"):
        assert administrator.http.get(path, headers={"Accept": "text/csv"}).status_code == 406
