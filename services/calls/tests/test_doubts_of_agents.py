"""Sign-outs that nobody told."""

from datetime import UTC, datetime, timedelta

from services.calls.tests.doubting import NINE, NOW, after, agent_fact, counts, doubts, restart
from services.calls.tests.running import call_fact

HOUR = 3600


def test_an_agent_who_signs_in_anew_has_left_unsaid(calls):
    first = agent_fact("a-1", "signed_in", NINE)
    calls.take(first, agent_fact("a-1", "paused", after(HOUR)), agent_fact("a-1", "signed_in", after(20 * HOUR)))
    calls.take(agent_fact("a-1", "signed_out", after(21 * HOUR)))
    assert counts(calls) == {("pbx1", "missing_sign_out"): 1}
    (item,) = doubts(calls, "missing_sign_out")
    assert (item["thing"], item["about"], item["call_id"]) == ("agent", "a-1", None)
    assert [fact["id"] for fact in item["facts"]] == [first["id"]]
    calls.take(agent_fact("a-1", "signed_out", after(8 * HOUR)))
    assert counts(calls) == {}


def test_an_agent_of_whom_nothing_more_was_heard_has_left_unsaid(calls):
    calls.take(agent_fact("a-1", "signed_in", NINE, {"queues": ["sales"]}))
    assert counts(calls) == {("pbx1", "missing_sign_out"): 1}
    assert [item["detail"] for item in doubts(calls, "missing_sign_out")] == ["sales"]
    assert counts(calls, from_=after(1)) == {}
    assert counts(calls, source="pbx2") == {}


def test_an_agent_who_still_takes_calls_is_there(calls):
    now = datetime.now(UTC)
    calls.take(agent_fact("a-1", "signed_in", now - timedelta(hours=14)))
    assert counts(calls) == {("pbx1", "missing_sign_out"): 1}
    for hours in (10, 3):
        begun = now - timedelta(hours=hours)
        calls.take(
            call_fact(f"c{hours}", "answered", begun, agent="a-1"),
            call_fact(f"c{hours}", "ended", begun + timedelta(minutes=9)),
        )
    assert counts(calls) == {}


def test_a_restart_of_the_source_signs_out_unsaid(calls):
    calls.take(agent_fact("a-1", "signed_in", NOW - timedelta(hours=2)))
    assert counts(calls) == {}
    calls.take(restart(NOW - timedelta(hours=1)))
    assert counts(calls) == {("pbx1", "missing_sign_out"): 1}


def test_who_is_told_to_be_available_and_then_offline_has_left(calls):
    calls.take(agent_fact("a-1", "state_changed", NINE, {"state": "available"}))
    assert counts(calls) == {("pbx1", "missing_sign_out"): 1}
    calls.take(agent_fact("a-1", "state_changed", after(HOUR), {"state": "offline"}))
    assert counts(calls) == {}


def test_it_agrees_with_the_report_on_agents(calls):
    for day in range(2):
        begun = after(day * 24 * HOUR - 24 * HOUR)
        calls.take(
            agent_fact("a-1", "signed_in", begun),
            call_fact(f"c{day}", "answered", begun + timedelta(hours=1), agent="a-1"),
            call_fact(f"c{day}", "ended", begun + timedelta(hours=2)),
        )
    around = {"from_": NINE - timedelta(days=2), "to": NOW}
    (row,) = calls.ask("AgentsOf", agent="a-1", interval="total", **around)["items"]
    assert counts(calls, **around) == {("pbx1", "missing_sign_out"): row["inferred_sign_outs"]}
    assert row["inferred_sign_outs"] == 2
