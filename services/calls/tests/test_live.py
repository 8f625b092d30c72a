"""The floor now: who waits, who works, and today's figures so far."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from services.calls.reports.live_quotas import LiveQuotas
from services.calls.tests.running import RunningCalls, call_fact
from services.kernel.projections import READ_VIEWS
from services.kernel.values import Actor

NOON_HERE = f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"  # a zone where it is about noon, so today began long ago

_numbers = count(1)


def ago(**time: float) -> datetime:
    return datetime.now(UTC) - timedelta(**time)


def agent_fact(agent: str, kind: str, at: datetime, data: dict[str, Any] | None = None, **fields) -> dict[str, Any]:
    fact = {"id": f"{agent} {next(_numbers)}", "source": "pbx1", "type": f"agent.{kind}", "agent": agent}
    return {**fact, "occurred_at": at.isoformat(), "data": data, **fields}


def agents(calls: RunningCalls) -> dict[str, tuple[str, str | None]]:
    return {agent["agent"]: (agent["state"], agent["activity"]) for agent in calls.ask("Live")["agents"]}


def queue(calls: RunningCalls, name: str = "sales") -> dict[str, Any]:
    return next(each for each in calls.ask("Live")["queues"] if each["queue"] == name)


def test_an_empty_floor_is_empty(calls):
    live = calls.ask("Live")
    assert (live["queues"], live["agents"], live["quotas"]) == ([], [], [])


def test_who_waits_and_for_how_long(calls):
    began = datetime.now(UTC)
    calls.take(
        call_fact("c1", "queued", ago(seconds=90), queue="sales"),
        call_fact("c2", "queued", ago(seconds=30), queue="sales"),
        call_fact("c3", "queued", ago(seconds=300), queue="sales"),
        call_fact("c3", "abandoned", ago(seconds=200), queue="sales"),
        call_fact("c4", "queued", ago(seconds=600), queue="sales"),
        call_fact("c4", "excluded", ago(seconds=1), {"reason": "a test call"}),
    )
    sales = queue(calls)
    assert sales["waiting"] == 2
    assert 90 <= sales["longest_wait_seconds"] <= 90 + (datetime.now(UTC) - began).total_seconds()


def test_a_queue_that_is_only_configured_is_shown_empty(calls):
    calls.configure_queue("sales")
    sales = queue(calls)
    assert (sales["waiting"], sales["longest_wait_seconds"], sales["today"]["offered"]) == (0, None, 0)


def test_todays_figures_begin_at_midnight_in_the_queues_own_zone(calls):
    calls.configure_queue("sales", timezone=NOON_HERE)
    for call, at in (("c1", ago(hours=1)), ("c2", ago(hours=26))):
        calls.take(
            call_fact(call, "queued", at, queue="sales"),
            call_fact(call, "answered", at, {"wait_seconds": 7}, queue="sales", agent="a-1"),
        )
    today = queue(calls)["today"]
    assert (today["offered"], today["answered_within"], today["service_level"], today["asa_seconds"]) == (1, 1, 1, 7)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], {}),
        ([("signed_in", 60)], {"a-1": ("available", None)}),
        ([("signed_in", 60), ("signed_out", 30)], {}),
        ([("signed_out", 60), ("signed_in", 30)], {"a-1": ("available", None)}),
        ([("signed_in", 60), ("paused", 30)], {"a-1": ("paused", "break")}),
        ([("signed_in", 60), ("paused", 30), ("resumed", 20)], {"a-1": ("available", None)}),
        ([("paused", 60), ("signed_in", 30)], {"a-1": ("available", None)}),
        ([("paused", 30)], {}),
    ],
)
def test_the_newest_word_on_an_agent_stands_in_whatever_order_it_came(calls, said, expected):
    data = {"paused": {"reason": "break"}}
    facts = [agent_fact("a-1", kind, ago(minutes=minutes), data.get(kind)) for kind, minutes in said]
    for fact in reversed(facts):
        calls.take(fact)
    assert agents(calls) == expected


def test_an_agent_on_a_call_in_wrap_up_and_free_again(calls):
    calls.take(
        agent_fact("a-1", "signed_in", ago(hours=1), {"queues": ["sales", "care"]}),
        call_fact("c1", "queued", ago(minutes=10), queue="sales"),
        call_fact("c1", "answered", ago(minutes=9), queue="sales", agent="a-1"),
    )
    assert agents(calls) == {"a-1": ("on_call", None)}
    assert queue(calls)["agents"] == {"available": 0, "on_call": 1, "wrapup": 0, "paused": 0}
    calls.take(call_fact("c1", "ended", ago(minutes=5)), call_fact("c1", "wrapup_started", ago(minutes=5), agent="a-1"))
    assert agents(calls) == {"a-1": ("wrapup", None)}
    calls.take(call_fact("c1", "wrapup_ended", ago(minutes=4), agent="a-1"))
    assert agents(calls) == {"a-1": ("available", None)}
    assert queue(calls, "care")["agents"] == {"available": 1, "on_call": 0, "wrapup": 0, "paused": 0}


def test_a_pause_from_one_queue_leaves_the_agent_available_to_the_other(calls):
    calls.take(
        agent_fact("a-1", "signed_in", ago(hours=1), {"queues": ["sales", "care"]}),
        agent_fact("a-1", "paused", ago(minutes=9), {"queues": ["sales"]}),
    )
    assert queue(calls)["agents"] == {"available": 0, "on_call": 0, "wrapup": 0, "paused": 1}
    assert queue(calls, "care")["agents"] == {"available": 1, "on_call": 0, "wrapup": 0, "paused": 0}


def test_an_agent_signed_in_without_a_queue_is_counted_in_each(calls):
    calls.configure_queue("sales")
    calls.take(agent_fact("a-1", "signed_in", ago(hours=1)))
    assert queue(calls)["agents"]["available"] == 1


def test_the_reasons_of_a_source_are_shown_as_activities(calls):
    calls.configure("ConfigureSource", "pbx1", {"pause_reasons": {"7": "lunch"}})
    calls.take(
        agent_fact("a-1", "signed_in", ago(hours=1)), agent_fact("a-1", "paused", ago(minutes=9), {"reason": "7"})
    )
    assert agents(calls) == {"a-1": ("paused", "lunch")}


def test_a_client_sees_its_queues_and_their_agents_alone(calls):
    calls.take(
        call_fact("c1", "queued", ago(seconds=9), queue="sales"),
        call_fact("c2", "queued", ago(seconds=9), queue="care"),
        agent_fact("a-1", "signed_in", ago(hours=1), {"queues": ["sales"]}),
        agent_fact("a-2", "signed_in", ago(hours=1), {"queues": ["care"]}),
    )
    live = calls.ask("Live", Actor("client-key", queues=frozenset({"care"})))
    assert [each["queue"] for each in live["queues"]] == ["care"]
    assert [each["agent"] for each in live["agents"]] == ["a-2"]


def test_the_quotas_of_now_are_shown_to_those_who_may_see_their_queue(calls):
    calls.take(call_fact("c1", "queued", ago(seconds=9), queue="sales"))
    day, hours_ago = {"every": "day", "timezone": NOON_HERE}, ago(hours=40).date().isoformat()
    for number, (period, target) in enumerate(
        [(day, 1), ({**day, "first_day": hours_ago, "last_day": hours_ago}, 1), (day, 10**6)]
    ):
        body = {"metric": "offered", "target": target, "scope": {"kind": "queue", "name": "sales"}, "period": period}
        calls.order("SetQuota", str(UUID(int=number)), body)
    calls.follow()
    quotas = calls.ask("Live")["quotas"]
    assert [(each["target"], each["attained"], each["on_track"]) for each in quotas] == [
        (1, 1, True),
        (10**6, 1, False),
    ]
    assert [each["projection"] > 1 for each in quotas] == [True, True]
    assert len(calls.ask("Live", Actor("tool", queues=frozenset({"sales"})))["quotas"]) == 2
    for blind in (Actor("tool", queues=frozenset({"care"})), Actor("globex", client="globex")):
        assert calls.ask("Live", blind)["quotas"] == []


def test_while_nothing_happens_a_quota_looks_the_same_for_a_minute(calls):
    calls.take(call_fact("c1", "queued", ago(seconds=9), queue="sales"))
    body = {"metric": "offered", "target": 9, "scope": {"kind": "queue", "name": "sales"}, "period": {"every": "day"}}
    calls.order("SetQuota", str(UUID(int=1)), body)
    calls.follow()
    ten = datetime.now(UTC).replace(hour=10, minute=0, second=2)
    with calls.connection.transaction(), calls.connection.cursor() as db:
        db.execute(READ_VIEWS)
        at = [LiveQuotas().seen(db, Actor("screen"), ten + timedelta(seconds=later)) for later in (0, 57, 3600)]
    assert at[0] == at[1]
    assert at[1][0].projection > at[2][0].projection
