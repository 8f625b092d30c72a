"""What stands behind each figure of the agents' report."""

from datetime import timedelta
from typing import Any, get_args

import pytest

from services.calls.queries import AgentMeasure
from services.calls.tests.at_work import NINE, agent_fact, handled, rows
from services.calls.tests.at_work import hour as hour  # noqa: PLC0414 - a fixture
from services.kernel.values import Actor


def test_an_inferred_sign_out_is_explained_by_what_was_said_of_the_agent(calls):
    signs = [agent_fact("a-1", "signed_in", minutes) for minutes in (0, 24 * 60)]
    calls.take(*signs, *handled("c1", "a-1", 10, 5))
    asked = {"report": "agents", "agent": "a-1", "interval_start": NINE, "interval": "PT1H"}
    explained = calls.ask("Explain", measure="inferred_sign_outs", **asked)
    assert explained["value"] == rows(calls, agent="a-1", interval="PT1H")[0]["inferred_sign_outs"] == 1
    (item,) = explained["items"]
    assert [fact["type"] for fact in item["facts"]] == ["agent.signed_in", "agent.signed_in"]


CLIENT = Actor("acme", roles=frozenset({"client"}), client="acme")
PARTED = {"state_seconds": "state", "activity_seconds": "activity"}
MEASURES = [measure for measure in get_args(AgentMeasure) if measure not in PARTED]
DIVIDED = {"aht_seconds", "ring_no_answer_rate", "transfer_rate", "occupancy", "utilisation"}


def stands_on_something(measure: str, value: Any) -> bool:
    """Whether anything is behind a cell: behind a share of 0 there is all that it divides by."""
    return value is not None if measure in DIVIDED else bool(value)


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({}, ("request.invalid", 422)),
        ({"agent": "a-1", "measure": "answered_within"}, ("request.invalid", 422)),
        ({"agent": "a-1", "interval": "total"}, ("calls.report.end_missing", 422)),
        ({"agent": "a-1", "measure": "state_seconds"}, ("request.invalid", 422)),
        ({"agent": "a-1", "measure": "activity_seconds"}, ("request.invalid", 422)),
        ({"agent": "a-1", "state": "on_call"}, ("request.invalid", 422)),
        (
            {"agent": "a-1", "measure": "state_seconds", "activity": "lunch", "state": "paused"},
            ("request.invalid", 422),
        ),
        ({"agent": "a-1", "cursor": "made-up"}, ("request.invalid", 422)),
    ],
)
def test_what_cannot_be_explained_is_refused(hour, asked, refusal):
    question = {"report": "agents", "measure": "handled", "interval_start": NINE, "interval": "PT1H", **asked}
    assert hour.refusal("Explain", **question) == refusal


def test_who_may_not_see_agents_gets_no_explanation_of_them(hour):
    asked = {"report": "agents", "agent": "a-1", "measure": "handled", "interval_start": NINE, "interval": "PT1H"}
    tool = Actor("a tool", scopes=frozenset({"reports:read"}))
    assert hour.refusal("Explain", tool, **asked) == ("auth.not_allowed", 403)
    assert hour.refusal("Explain", CLIENT, **asked) == ("calls.report.names_not_shown", 403)


@pytest.mark.parametrize("rows_by", [{"agent": "a-1"}, {"group_by": "queue", "queue": "sales"}, {"group_by": "total"}])
def test_every_cell_is_explained_with_the_facts_behind_it(hour, rows_by):
    for row in rows(hour, interval="PT15M", **rows_by):
        for measure in MEASURES:
            asked = {"report": "agents", "measure": measure, "interval_start": row["interval_start"], **rows_by}
            explained = hour.ask("Explain", **asked)
            assert explained["value"] == row[measure], (measure, row)
            assert bool(explained["items"]) == stands_on_something(measure, row[measure]), measure
            assert all(item["facts"] for item in explained["items"])


@pytest.mark.parametrize("rows_by", [{"agent": "a-1"}, {"group_by": "queue", "queue": "sales"}, {"group_by": "total"}])
def test_time_by_state_and_by_activity_is_explained_part_by_part(hour, rows_by):
    (row,) = rows(hour, interval="PT1H", **rows_by)
    asked = {"report": "agents", "interval_start": NINE, "interval": "PT1H", **rows_by}
    assert row["activity_seconds"]
    for measure, part in PARTED.items():
        for name, value in row[measure].items():
            explained = hour.ask("Explain", measure=measure, **{part: name}, **asked)
            assert explained["value"] == value, (measure, name)
            assert bool(explained["items"]) == bool(value), (measure, name)


def test_behind_a_share_of_an_agent_stands_what_it_divides_by(hour):
    asked = {"report": "agents", "agent": "a-1", "interval_start": NINE, "interval": "PT1H"}
    wholes = {
        "transfer_rate": "handled",
        "aht_seconds": "handled",
        "ring_no_answer_rate": "rings",
        "utilisation": "signed_in_seconds",
    }
    for share, whole in wholes.items():
        explained = [hour.ask("Explain", measure=measure, **asked)["items"] for measure in (share, whole)]
        assert explained[0] == explained[1], share


def test_a_cell_that_the_range_of_the_report_cuts_is_explained_as_it_was_cut(hour):
    cut = {"from_": NINE + timedelta(minutes=7), "to": NINE + timedelta(minutes=41)}
    (row,) = rows(hour, interval="PT1H", agent="a-1", **cut)
    asked = {"report": "agents", "agent": "a-1", "interval_start": NINE, "interval": "PT1H", **cut}
    for measure in MEASURES:
        assert hour.ask("Explain", measure=measure, **asked)["value"] == row[measure], measure


def test_an_explanation_names_calls_legs_and_what_was_said_of_the_agent(hour):
    asked = {"report": "agents", "agent": "a-1", "interval_start": NINE, "interval": "PT1H"}
    calls = {call["call_id"]: call for call in hour.ask("Calls")["items"]}
    page = hour.ask("Explain", measure="handled", limit=1, **asked)
    (first,) = page["items"]
    (second,) = hour.ask("Explain", measure="handled", cursor=page["next"], **asked)["items"]
    assert (first["call_id"], first["leg_id"]) == (calls["c1"]["id"], calls["c1"]["legs"][0]["id"])
    assert (second["call_id"], second["visit_id"]) == (calls["c2"]["id"], calls["c2"]["visits"][0]["id"])
    (lunch,) = hour.ask("Explain", measure="paused_seconds", **asked)["items"]
    assert (lunch["call_id"], lunch["visit_id"]) == (None, None)
    kinds = [fact["type"] for fact in lunch["facts"]]
    assert kinds == ["agent.signed_in", "agent.paused", "agent.resumed", "agent.signed_out"]
