"""The agents' report as it was known at a past instant: what the report of that instant said."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.calls.reports import then
from services.calls.tests.at_work import agent_fact, at, handled
from services.calls.tests.running import RunningCalls, call_fact
from services.calls.tests.test_agents_explained import MEASURES, stands_on_something
from services.calls.tests.test_as_known import PARTS, now, passed
from services.calls.tests.test_read_models import LONG_AFTER, NINE, begin_anew, configure, stories
from services.calls.tests.test_read_models import owner as owner  # noqa: PLC0414 - a fixture
from services.kernel.values import Actor

DAY = {"from_": NINE - timedelta(hours=1), "to": NINE + timedelta(hours=23)}
GROUPS = ("agent", "queue", "team", "total")


def report(calls: RunningCalls, **asked: Any) -> Any:
    return calls.ask("AgentsOf", **{**DAY, "interval": "PT1H", "limit": 500, **asked})["items"]


def reports(calls: RunningCalls, **asked: Any) -> dict[str, Any]:
    """What the report says, by whatever it can be grouped, and of one agent."""
    found = {group: report(calls, group_by=group, **asked) for group in GROUPS}
    return {**found, "a-1": report(calls, agent="a-1", **asked), "north": report(calls, team="north", **asked)}


def told_of(calls: RunningCalls, employee: str, revision: int, *placements: tuple[str, str, str]) -> None:
    """Staff tells of an employee's placements: day, team, name."""
    said = [{"effective_from": day, "team": team, "agent": agent} for day, team, agent in placements]
    calls.hear("staff", "employee_updated", {"employee": employee, "placements": said}, employee, revision=revision)
    calls.follow()


def changes(calls: RunningCalls) -> Iterator[str]:
    """A day with one change after the other, each of which moves figures of the past."""
    calls.take(agent_fact("a-1", "signed_in", 0, {"queues": ["sales"]}), *handled("c1", "a-1", 10, 6, 3))
    yield "a sign-in and a call"
    calls.take(agent_fact("a-1", "signed_out", 60))
    yield "a late sign-out"
    calls.take(agent_fact("a-1", "paused", 40, {"reason": "7"}), agent_fact("a-1", "resumed", 50))
    yield "a pause"
    calls.configure("ConfigureSource", "pbx1", {"pause_reasons": {"7": "lunch"}})
    calls.follow()
    yield "what the pause was for"
    outbound = {"direction": "outbound", "agent": "a-2", "record": "r"}
    calls.take(call_fact("out", "answered", at(70), record_version="1", **outbound))
    yield "an outbound call without an end"
    calls.take(call_fact("out", "answered", at(5 * 24 * 60), record_version="2", **outbound))
    yield "a correction that moves it out of the range"
    calls.take(call_fact("c1", "excluded", at(9 * 24 * 60), {"reason": "a test"}))
    yield "an exclusion"
    told_of(calls, EMPLOYEE, 1, ("2026-11-01", "north", "a-1"))
    yield "a team"
    told_of(calls, EMPLOYEE, 2, ("2026-11-01", "south", "a-1"))
    yield "another team"
    calls.take(
        *handled("c2", "SIP/7", 20, 5), agent_fact("SIP/7", "signed_in", 15), agent_fact("SIP/7", "signed_out", 90)
    )
    yield "somebody whom nobody knows"
    calls.map("agent", "SIP/7", "a-3")
    calls.follow()
    yield "who it was"
    calls.correct("agent", "SIP/7", internal_id="a-1")
    calls.follow()
    yield "who it was in truth"
    calls.map("queue", "sales", "care")
    calls.follow()
    yield "what the queue is called"
    calls.configure("ConfigureSource", "pbx1", {"clock_offset_seconds": 3 * 3600, "pause_reasons": {"7": "lunch"}})
    calls.follow()
    yield "a clock set right"
    calls.take(agent_fact("a-4", "signed_in", 0, record="s", record_version="1"))
    calls.take(agent_fact("a-4", "signed_out", 30))
    yield "a sign-in"
    calls.take(agent_fact("a-4", "signed_in", 10, record="s", record_version="2"))
    yield "a sign-in corrected"
    calls.take({**RESTART, "occurred_at": at(45).isoformat()}, agent_fact("a-5", "signed_in", 20))
    yield "a restart that signs somebody out"


EMPLOYEE = str(uuid4())
RESTART = {"type": "source.restarted", "source": "pbx1", "id": "restart"}


def test_it_is_what_the_report_said_then(calls):
    told = [(name, now(calls), reports(calls)) for name in changes(calls)]
    assert all(one != other for (*_, one), (*_, other) in pairwise(told))
    passed(calls, told[-1][1])
    for _ in range(2):
        for name, instant, figures in told:
            assert reports(calls, as_known_at=instant) == figures, name
        calls.rebuild()


def test_an_instant_that_has_not_passed_is_refused(calls):
    asked = {**DAY, "as_known_at": now(calls) + timedelta(seconds=60)}
    assert calls.refusal("AgentsOf", **asked) == ("request.not_yet_known", 409)


def test_teams_that_the_read_model_has_yet_to_learn_of_are_not_known_yet(calls, monkeypatch):
    calls.take(agent_fact("a-1", "signed_in", 0), agent_fact("a-1", "signed_out", 60))
    told = {"employee": EMPLOYEE, "placements": [{"effective_from": "2026-11-01", "team": "north", "agent": "a-1"}]}
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(calls, "follow", lambda: None)
        calls.hear("staff", "employee_updated", told, EMPLOYEE, revision=1)
    instant = now(calls)
    passed(calls, instant)
    asked = {**DAY, "team": "north", "as_known_at": instant}
    assert calls.refusal("AgentsOf", **asked) == ("request.not_yet_known", 409)
    calls.follow()
    assert report(calls, **asked, interval="total")[0]["signed_in_seconds"] == 3600


def test_facts_that_no_read_model_has_applied_yet_are_known(calls):
    calls.store([agent_fact("a-1", "signed_in", 0), *handled("c1", "a-1", 10, 6), agent_fact("a-1", "signed_out", 60)])
    instant = now(calls)
    passed(calls, instant)
    (row,) = report(calls, interval="total", as_known_at=instant)
    assert (row["agent"], row["handled"], row["signed_in_seconds"]) == ("a-1", 1, 3600)


def test_what_went_on_then_lasts_until_then(calls):
    begin = datetime.now(UTC) - timedelta(minutes=90)
    earlier = (begin - NINE).total_seconds() / 60
    calls.take(agent_fact("a-1", "signed_in", earlier))
    instant = now(calls)
    passed(calls, instant)
    calls.take(agent_fact("a-1", "signed_out", earlier + 30))
    asked = {"from_": begin, "to": begin + timedelta(hours=3), "interval": "total", "agent": "a-1"}
    page = calls.ask("AgentsOf", **asked, as_known_at=instant)
    assert page["as_of"] == instant.isoformat().replace("+00:00", "Z")
    assert page["items"][0]["signed_in_seconds"] == pytest.approx((instant - begin).total_seconds(), abs=0.01)


@pytest.mark.parametrize("apart", [20, 30, 50])
def test_a_sign_in_long_ago_holds_as_long_as_calls_show_it(calls, apart):
    begun = -20 * 24 * 60
    facts = [agent_fact("a-1", "signed_in", begun)]
    for each in range(-begun // (apart * 60) + 1):
        facts += handled(f"c{each}", "a-1", begun + each * apart * 60 + 30, 11 * 60)
    calls.take(*facts)
    figures, instant = reports(calls), now(calls)
    passed(calls, instant)
    assert reports(calls, as_known_at=instant) == figures


def test_a_figure_of_then_is_explained_by_what_was_known_then(calls):
    calls.take(agent_fact("a-1", "signed_in", 0), *handled("c1", "a-1", 10, 6, 3), agent_fact("a-1", "paused", 40))
    instant = now(calls)
    figures = report(calls, agent="a-1", interval="PT1H", from_=NINE, to=at(60))[0]
    calls.take(agent_fact("a-1", "signed_out", 5), call_fact("c1", "excluded", NINE, {"reason": "a test"}))
    passed(calls, instant)
    asked = {"report": "agents", "agent": "a-1", "interval_start": NINE, "interval": "PT1H", "as_known_at": instant}
    for measure in MEASURES:
        explained = calls.ask("Explain", measure=measure, **asked)
        assert explained["value"] == figures[measure], measure
        assert bool(explained["items"]) == stands_on_something(measure, figures[measure]), measure
        kinds = {fact["type"] for item in explained["items"] for fact in item["facts"]}
        assert not kinds & {"agent.signed_out", "call.excluded"}


def test_pages_of_then_are_those_of_then(calls):
    for each in range(4):
        calls.take(*handled(f"c{each}", f"a-{each}", 10, 6))
    instant, figures = now(calls), report(calls)
    calls.take(*handled("late", "a-1", 30, 6))
    passed(calls, instant)
    found: list[Any] = []
    cursor = None
    while cursor or not found:
        page = calls.ask("AgentsOf", **DAY, interval="PT1H", limit=3, as_known_at=instant, cursor=cursor)
        found, cursor = [*found, *page["items"]], page["next"]
    assert found == figures


def test_what_would_take_too_many_facts_is_refused_but_not_of_one_agent(calls, monkeypatch):
    calls.take(*handled("c1", "a-1", 1, 5), *handled("c2", "a-2", 1, 5), *handled("c3", "a-3", 1, 5))
    instant = now(calls)
    passed(calls, instant)
    monkeypatch.setattr(then, "MOST_FACTS", 6)
    asked = {**DAY, "as_known_at": instant}
    assert calls.refusal("AgentsOf", **asked) == ("calls.report.too_much_history", 422)
    assert report(calls, **asked, agent="a-1", interval="total")[0]["handled"] == 1


def test_who_sees_whom_is_decided_as_of_now(calls):
    calls.take(*handled("c1", "a-1", 1, 5), *handled("c2", "a-2", 1, 5))
    instant = now(calls)
    told_of(calls, EMPLOYEE, 1, ("2026-11-01", "north", "a-1"))
    passed(calls, instant)
    leader = Actor("leader", roles=frozenset({"supervisor"}), team="north")
    shown = calls.ask("AgentsOf", leader, **DAY, interval="total", as_known_at=instant)["items"]
    assert [row["agent"] for row in shown] == ["a-1"]


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(story=stories, seed=st.integers(0, 2**32))
def test_whatever_was_told_in_whatever_order_the_past_is_what_it_was(calls, owner, story, seed):
    begin_anew(calls, owner)
    rng = Random(seed)
    facts, configured, told = story.facts(), list(story.configured), []
    rng.shuffle(facts)
    begins = [NINE + timedelta(minutes=rng.randint(-90, 90)) for _ in range(3)]
    asked = [
        {"from_": begin, "to": begin + timedelta(minutes=rng.randint(1, 90)), "group_by": group, "interval": "PT15M"}
        for begin, group in zip(begins, ("agent", "queue", "total"), strict=True)
    ]
    for part in range(PARTS):
        calls.take(*facts[part::PARTS])
        if configured and rng.random() < 0.4:
            configure(calls, configured.pop())
            calls.follow()
        if story.reaped and rng.random() < 0.2:
            calls.reap(LONG_AFTER)
            calls.follow()
        told += [(each, now(calls), report(calls, **each)) for each in asked]
    for each, instant, figures in told:
        passed(calls, instant)
        assert report(calls, **each, as_known_at=instant) == figures
