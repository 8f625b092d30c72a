"""The report on data quality, as somebody asks for it over HTTP: whoever may, in pages, and as files."""

import csv
import io
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import openpyxl
import pytest

from gateway.exports.forms import MEDIA_TYPES
from tests.contract import is_problem
from tests.facts import fact, new_call

REPORT, ITEMS = "/v1/reports/data-quality", "/v1/reports/data-quality/items"
YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
def source() -> str:
    """A source of this test alone."""
    return f"source-{uuid4()}"


@pytest.fixture
def queue(administrator, queue):
    """A queue of this test alone, configured: beside those that other tests have configured it would be unknown."""
    administrator.configure(f"/v1/queues/{queue}", {})
    return queue


@pytest.fixture
def asked(source):
    """Whatever was said of the source from the day before yesterday on."""
    begin, end = YESTERDAY - timedelta(days=1), datetime.now(UTC) + timedelta(hours=1)
    return {"from": begin.isoformat(), "to": end.isoformat(), "source": source}


@pytest.fixture
def doubtful(administrator, source, queue):
    """Seven facts of a day ago, one of them again, one again with another content, and an agent who never left."""
    facts = [fact(new_call(), "abandoned", YESTERDAY, source=source, queue=queue) for _ in range(6)]
    agent = {"id": str(uuid4()), "source": source, "type": "agent.signed_in", "agent": "a-1042"}
    facts.append({**agent, "occurred_at": YESTERDAY.isoformat()})
    administrator.send(*facts, facts[0], {**facts[1], "channel": "chat"})
    return facts


def counted(caller, asked):
    return {item["kind"]: item["count"] for item in caller.get(REPORT, **asked)["items"]}


def test_every_doubt_is_counted_and_listed_page_by_page(administrator, doubtful, asked):
    counts = counted(administrator, asked)
    assert counts == {"late": 7, "duplicate": 1, "conflict": 1, "missing_sign_out": 1}
    for kind, count in counts.items():
        pages = list(administrator.pages(ITEMS, **asked, kind=kind, limit=2))
        items = [item for page in pages for item in page["items"]]
        assert sum(item["count"] for item in items) == count
        assert all(len(page["items"]) == 2 for page in pages[:-1])
    late = administrator.items(ITEMS, **asked, kind="late", limit=2)
    assert {item["about"] for item in late} == {fact["id"] for fact in doubtful}
    assert {fact["id"] for item in late for fact in item["facts"]} == {fact["id"] for fact in doubtful}


def test_the_clock_of_a_source_is_corrected_in_the_report_too(administrator, source, queue, asked):
    administrator.send(
        fact(new_call(), "abandoned", datetime.now(UTC) + timedelta(minutes=50), source=source, queue=queue)
    )
    assert counted(administrator, asked) == {"skewed": 1}
    administrator.configure(f"/v1/telephony/sources/{source}", {"clock_offset_seconds": -3600})
    administrator.settle()
    assert counted(administrator, asked) == {}


def test_a_csv_file_has_every_doubt_of_the_list(administrator, doubtful, asked):
    answer = administrator.http.get(ITEMS, params={**asked, "kind": "late"}, headers={"Accept": "text/csv"})
    assert answer.status_code == 200, answer.text
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    listed = administrator.items(ITEMS, **asked, kind="late")
    assert [(row["about"], row["thing"], row["count"], row["facts.id"]) for row in rows] == [
        (item["about"], "fact", "1", item["about"]) for item in listed
    ]


def test_a_spreadsheet_has_the_counts_of_the_report(administrator, doubtful, asked, tmp_path):
    answer = administrator.http.get(REPORT, params=asked, headers={"Accept": MEDIA_TYPES["xlsx"]})
    assert answer.headers["content-disposition"] == 'attachment; filename="data-quality.xlsx"'
    path = tmp_path / "data-quality.xlsx"
    path.write_bytes(answer.content)
    names, *rows = openpyxl.load_workbook(path)["items"].iter_rows(values_only=True)
    told = [dict(zip(names, row, strict=True)) for row in rows]
    assert {row["kind"]: row["count"] for row in told} == counted(administrator, asked)


def test_only_who_may_read_reports_of_everything_is_answered(administrator, key, asked, queue):
    administrator.configure("/v1/clients/cautious", {"name": "A client"})
    callers = [
        key("calls:read"),
        key("reports:read", queues=[queue]),
        key("reports:read", client="cautious"),
    ]
    for caller in callers:
        for path, more in ((REPORT, {}), (ITEMS, {"kind": "late"})):
            assert caller.http.get(path, params={**asked, **more}).status_code == 403, path
    assert key("reports:read").http.get(REPORT, params=asked).status_code == 200


def test_a_key_of_some_sources_is_told_of_those(key, doubtful, asked, source):
    everywhere = {name: value for name, value in asked.items() if name != "source"}
    own, other = key("reports:read", sources=[source]), key("reports:read", sources=["another"])
    assert {item["source"] for item in own.get(REPORT, **everywhere)["items"]} == {source}
    assert len(own.items(ITEMS, **everywhere, kind="late")) == 7
    assert other.get(REPORT, **everywhere)["items"] == []
    is_problem(other.http.get(REPORT, params=asked), 403, "auth.source_not_allowed")


def test_what_makes_no_sense_is_a_clear_problem(administrator, asked):
    long_ago = (YESTERDAY - timedelta(days=100)).isoformat()
    for change, code in (
        ({"from": long_ago}, "calls.report.range_too_long"),
        ({"to": long_ago}, "calls.report.range_empty"),
    ):
        is_problem(administrator.http.get(REPORT, params={**asked, **change}), 422, code)
    is_problem(administrator.http.get(ITEMS, params={**asked, "kind": "strange"}), 422, "request.invalid")
    strange = administrator.http.get(ITEMS, params={**asked, "kind": "late", "cursor": "strange"})
    is_problem(strange, strange.status_code, strange.json()["code"])
    assert 400 <= strange.status_code < 500
