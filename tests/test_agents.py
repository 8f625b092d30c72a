"""The agents' report over HTTP: page by page, as a file, and every figure explained."""

import csv
import io
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, get_args

import pytest

from services.calls.queries import AgentMeasure
from tests.caller import Caller, eventually
from tests.facts import NINE, Json, answered, fact, new_call

REPORT = "/v1/reports/agents"
EXPLAIN = "/v1/reports/explain"
HOUR = {"from_": NINE.isoformat(), "to": (NINE + timedelta(hours=1)).isoformat()}


def of_agent(agent: str, kind: str, minutes: float, **fields: Any) -> Json:
    at = (NINE + timedelta(minutes=minutes)).isoformat()
    return {
        "id": f"{kind} {at}",
        "source": "pbx1",
        "type": f"agent.{kind}",
        "agent": agent,
        "occurred_at": at,
        **fields,
    }


@pytest.fixture
def crew(administrator: Caller, queue: str) -> list[str]:
    """Three agents of a queue, of whom one never signs out."""
    names = [f"{queue}-{number}" for number in range(3)]
    for name in names:
        calls = [answered(queue, 3, at) for at in (NINE, NINE + timedelta(minutes=20))]
        for call in calls:
            call[1]["agent"] = name
            wrapped = NINE + timedelta(minutes=30)
            call.append(fact(call[0]["call_id"], "wrapup_ended", wrapped, agent=name, data={"wrapup_seconds": 20}))
        rung = fact(new_call(), "ring_no_answer", NINE, agent=name, queue=queue, data={"ring_seconds": 9})
        administrator.send(
            *chain(*calls),
            rung,
            of_agent(name, "signed_in", -5, data={"queues": [queue]}),
            of_agent(name, "paused", 40, data={"reason": "lunch"}),
            of_agent(name, "resumed", 45),
        )
    return names


def test_pages_and_files_have_the_rows_of_all_agents(administrator, crew, queue):
    asked = {**HOUR, "queue": queue, "interval": "PT15M"}
    whole = administrator.get(REPORT, **asked)
    assert whole["next"] is None
    assert {row["agent"] for row in whole["items"]} == {*crew}
    assert administrator.items(REPORT, **asked, limit=2) == whole["items"]
    parameters = {name.rstrip("_"): value for name, value in asked.items()}
    file = administrator.http.get(REPORT, params=parameters, headers={"Accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(file.text, newline="")))
    assert [(row["agent"], row["talk_seconds"]) for row in rows] == [
        (row["agent"], str(row["talk_seconds"])) for row in whole["items"]
    ]


def test_every_measure_is_explained_to_its_value(administrator, crew, queue):
    (row,) = administrator.get(REPORT, **HOUR, agent=crew[0], interval="total")["items"]
    asked = {"report": "agents", "agent": crew[0], "interval": "total"}
    span = {"interval_start": HOUR["from_"], "to": HOUR["to"]}
    for measure in set(get_args(AgentMeasure)) - {"state_seconds", "activity_seconds"}:
        explained = administrator.get(EXPLAIN, **asked, **span, measure=measure)
        assert explained["value"] == row[measure], measure
        assert explained["items"] or not row[measure], measure
    for part in ("state", "activity"):
        for name, seconds in row[f"{part}_seconds"].items():
            named = {"measure": f"{part}_seconds", part: name}
            assert administrator.get(EXPLAIN, **asked, **span, **named)["value"] == seconds, name
    assert row["rings_missed"] == 1
    assert row["paused_seconds"] == 300


def test_the_report_is_shown_as_it_was_before_a_sign_out_was_told(administrator, crew):
    asked = {**HOUR, "agent": crew[0], "interval": "total"}
    before, instant = administrator.get(REPORT, **asked)["items"], datetime.now(UTC)
    administrator.send(of_agent(crew[0], "signed_out", 30))
    assert administrator.get(REPORT, **asked)["items"] != before

    past = {"from": HOUR["from_"], "to": HOUR["to"], "agent": crew[0], "interval": "total"}
    past |= {"as_known_at": instant.isoformat()}
    known = eventually(lambda: (answer := administrator.http.get(REPORT, params=past)).is_success and answer)
    assert known.json()["items"] == before
    ahead = {**past, "as_known_at": (instant + timedelta(days=1)).isoformat()}
    refused = administrator.http.get(REPORT, params=ahead)
    assert (refused.status_code, refused.json()["code"]) == (409, "request.not_yet_known")
