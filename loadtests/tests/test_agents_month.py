from datetime import UTC, datetime, timedelta

import psycopg

from loadtests import agents_month
from services.calls.tests.running import RunningCalls, call_fact
from services.kernel.database import connect, open_pool
from services.kernel.tests.running import MASTER

FRIDAY = datetime(2026, 11, 20, 9, tzinfo=UTC)


def test_the_month_is_that_day_of_each_agent_on_each_working_day(calls_url):
    with open_pool(calls_url, "test") as pool, connect(calls_url, "test follower") as connection:
        calls = RunningCalls(pool, MASTER, connection)
        calls.take(
            call_fact("c1", "ringing", FRIDAY, agent="a-1", queue="sales"),
            call_fact("c1", "answered", FRIDAY + timedelta(seconds=5), agent="a-1", queue="sales"),
            call_fact("c1", "ended", FRIDAY + timedelta(seconds=65), agent="a-1"),
        )
        with psycopg.connect(calls_url, autocommit=True) as database:
            assert agents_month.fill(database) == agents_month.COPIES * 23
        month = {"from_": FRIDAY - timedelta(days=31), "to": FRIDAY + timedelta(days=1), "interval": "total"}
        found = calls.ask("AgentsOf", **month)["items"]
    assert [(row["agent"], row["handled"], row["rings_answered"], row["talk_seconds"]) for row in found] == [
        (f"a-1-{copy}", 23, 23, 23 * 60) for copy in range(1, agents_month.COPIES + 1)
    ]
