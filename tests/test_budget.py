"""The minutes of calls in the cost centre that bears their queue, as finance sees them; each call is booked once."""

from collections import Counter
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest

from tests.caller import BEGIN, END, eventually
from tests.facts import NINE, answered, fact

TOTALS = "/v1/budget/reports/actuals"
ACTUALS = "/v1/budget/actuals"
ROW = {"account": "telephony", "queue": None, "month": None, "status": "open", "label": "Of a test", "amounts": []}

# What the calls service told last of each call that came to a queue first.
TOLD = """
    SELECT count(*), sum((data->>'telephony_seconds')::numeric) FROM (
        SELECT DISTINCT ON (stream_id) data FROM store.events
        WHERE type = 'call_completed' AND data->'queues'->>0 = %s ORDER BY stream_id, version DESC
    ) AS last"""


@pytest.fixture
def code(administrator, queue):
    """A cost centre of this test alone, which bears its queue."""
    code = f"CC-{uuid4()}"
    opened = administrator.http.post(
        f"/v1/budget/cost-centres/{code}/open", json={"label": "Of a test", "queues": [queue]}
    )
    assert opened.status_code == 201, opened.text
    return code


def total(administrator, code):
    """Its one row of the report; None where there is none yet, or nobody to answer."""
    answer = administrator.http.get(TOTALS, params={"from": BEGIN, "to": END, "cost_centre": code})
    rows = answer.json()["items"] if answer.status_code == 200 else []
    return rows[0] if rows else None


def booked(administrator, code, seconds):
    def is_booked():
        row = total(administrator, code)
        return row if row and row["seconds"] == seconds else None

    return eventually(is_booked, within=30)


def test_the_minutes_of_a_call_come_to_its_cost_centre_and_a_late_fact_puts_them_right(administrator, queue, code):
    facts = answered(queue, wait=12, talk=60.5)
    administrator.send(*facts)
    row = {**ROW, "cost_centre": code, "sources": 1}
    assert booked(administrator, code, 72.5) == {**row, "seconds": 72.5, "minutes": 1.21}
    call = facts[0]["call_id"]
    administrator.send(fact(call, "started", NINE - timedelta(seconds=7.5)))
    assert booked(administrator, code, 80) == {**row, "seconds": 80, "minutes": 1.33}
    administrator.send(fact(call, "excluded", NINE, data={"reason": "a test call"}))
    assert booked(administrator, code, 0) == {**row, "sources": 0, "seconds": 0, "minutes": 0}
    listed = administrator.items(ACTUALS, cost_centre=code, limit=1)
    assert [(item["seconds"], item["reverses"]) for item in listed] == [
        (80, False),
        (-80, True),
        (72.5, False),
        (-72.5, True),
    ]
    assert [item["cites"]["revision"] for item in listed] == [2, 3, 1, 2]
    assert len({item["cites"]["subject"] for item in listed}) == 1


def test_every_call_is_booked_once_though_the_budget_is_killed_meanwhile(administrator, stack, queue, code):
    calls = []
    for number in range(12):
        facts = [each for _ in range(20) for each in answered(queue, wait=12.25, talk=30.125)]
        assert administrator.post(facts).status_code == 202
        calls += [each["call_id"] for each in facts[::3]]
        if number in {2, 7}:
            eventually(lambda: total(administrator, code), within=30)
            stack.servers.supervisor.kill("budget")
    corrected = calls[::5]
    administrator.send(*[fact(call, "started", NINE - timedelta(seconds=10)) for call in corrected])
    seconds = 42.375 * len(calls) + 10 * len(corrected)

    def told():
        with psycopg.connect(stack.settings()["PLATEAU_CALLS_DATABASE_URL"]) as connection:
            return connection.execute(TOLD, (queue,)).fetchone()

    eventually(lambda: told() == (len(calls), seconds), within=30)
    assert booked(administrator, code, seconds)["sources"] == len(calls)
    of_each = {}
    for item in administrator.items(ACTUALS, cost_centre=code, limit=500):
        subject = item["cites"]["subject"]
        of_each[subject] = of_each.get(subject, 0) + item["seconds"]
    assert Counter(of_each.values()) == {52.375: len(corrected), 42.375: len(calls) - len(corrected)}
