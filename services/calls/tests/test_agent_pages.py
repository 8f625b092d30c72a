"""The agents' report page by page, and what it refuses."""

from datetime import timedelta
from typing import Any

import pytest

from services.calls.reports import agents
from services.calls.tests.at_work import HOUR, NINE, agent_fact, handled, rows
from services.calls.tests.at_work import hour as hour  # noqa: PLC0414 - a fixture
from services.calls.tests.running import RunningCalls


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"to": NINE}, ("calls.report.range_empty", 422)),
        ({"to": NINE + timedelta(days=401)}, ("calls.report.range_too_long", 422)),
        ({"group_by": "shift"}, ("request.invalid", 422)),
        ({"interval": "PT7M"}, ("request.invalid", 422)),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(calls, asked, refusal):
    assert calls.refusal("AgentsOf", **{**HOUR, **asked}) == refusal


def test_more_than_can_be_folded_in_time_is_refused(hour, monkeypatch):
    monkeypatch.setattr(agents, "MOST_LEGS", 2)
    assert hour.refusal("AgentsOf", **HOUR, group_by="total") == ("calls.report.too_many_legs", 422)
    assert rows(hour, agent="a-1", interval="total")


def pages(calls: RunningCalls, **asked) -> list[dict[str, Any]]:
    found = [calls.ask("AgentsOf", **{**HOUR, **asked})]
    while found[-1]["next"]:
        assert len(found) < 20
        found.append(calls.ask("AgentsOf", **{**HOUR, **asked}, cursor=found[-1]["next"]))
    return found


def test_agents_come_in_pages_that_end_within_an_agent_too(hour):
    hour.take(*handled("c8", "a-3", 1, 5), *handled("c9", "A-4", 20, 50))
    for asked in ({}, {"interval": "PT15M"}, {"agent": "a-1", "interval": "PT15M"}):
        whole = hour.ask("AgentsOf", **HOUR, **asked)
        assert whole["next"] is None
        for limit in (1, 2, 3):
            found = pages(hour, limit=limit, **asked)
            assert [row for page in found for row in page["items"]] == whole["items"]
            assert [len(page["items"]) for page in found[:-1]] == [limit] * (len(found) - 1)
            assert len({page["as_of"] for page in found}) == 1
    assert hour.refusal("AgentsOf", **HOUR, cursor="made-up") == ("request.invalid", 422)


def test_a_page_of_agents_is_full_with_so_many_legs_and_no_agent_is_left_out(hour, monkeypatch):
    hour.take(*handled("c8", "a-3", 1, 5), *handled("c9", "A-4", 20, 5), *handled("c7", "a-0", 20, 5))
    whole = rows(hour, interval="PT15M")
    monkeypatch.setattr(agents, "WORK_OF_PAGE", 150)
    found = pages(hour, interval="PT15M")
    assert [sorted({row["agent"] for row in page["items"]}) for page in found] == [
        ["A-4"],
        ["a-0"],
        ["a-1"],
        ["a-2"],
        ["a-3"],
    ]
    assert [row for page in found for row in page["items"]] == whole


def test_queues_and_totals_come_at_once_whatever_the_limit(hour):
    for group in ("queue", "total"):
        page = hour.ask("AgentsOf", **HOUR, interval="PT15M", group_by=group, limit=1)
        assert (len(page["items"]), page["next"]) == (4, None)


def test_a_queue_that_everybody_is_signed_in_to_counts_in_what_can_be_folded(hour, monkeypatch):
    hour.take(agent_fact("a-2", "signed_in", 0), *handled("c8", "a-3", 1, 5, queue="care"))
    monkeypatch.setattr(agents, "MOST_LEGS", 5)
    assert rows(hour, group_by="total")
    monkeypatch.setattr(agents, "FOR_EACH", 4)
    assert hour.refusal("AgentsOf", **HOUR, group_by="queue") == ("calls.report.too_many_legs", 422)
