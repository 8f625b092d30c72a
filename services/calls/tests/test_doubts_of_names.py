"""Names that stand for nobody: of whom they are told, and which sources are judged by what."""

import pytest

from services.calls.tests.doubting import C1, NINE, after, agent_fact, counts, doubts
from services.calls.tests.running import call_fact


@pytest.fixture
def answered(calls):
    """A call of queue 600 that 101 answered."""
    calls.take(
        call_fact("c1", "queued", NINE, queue="600"),
        call_fact("c1", "answered", after(5), queue="600", agent="101"),
        call_fact("c1", "ended", after(60)),
    )
    return calls


def test_names_are_unknown_only_where_a_source_has_others_mapped(answered):
    calls = answered
    assert counts(calls) == {}
    calls.map("agent", "102", "ada")
    calls.map("queue", "600", "sales")
    assert counts(calls) == {("pbx1", "unknown_agent"): 1}
    (item,) = doubts(calls, "unknown_agent")
    assert (item["about"], item["thing"], item["call_id"]) == ("101", "agent", C1)
    assert [fact["type"] for fact in item["facts"]] == ["call.answered"]
    calls.map("agent", "101", "bob")
    assert counts(calls) == {}


def test_a_source_of_which_nothing_is_mapped_may_use_inside_names(answered):
    answered.map("agent", "102", "ada", system="pbx2")
    answered.map("queue", "601", "sales", system="pbx2")
    assert counts(answered) == {}


def test_where_queues_are_configured_all_others_are_unknown(answered):
    answered.configure_queue("sales")
    assert counts(answered) == {("pbx1", "unknown_queue"): 1}
    assert [item["about"] for item in doubts(answered, "unknown_queue")] == ["600"]
    answered.configure_queue("600")
    assert counts(answered) == {}


def test_a_configured_queue_is_known_where_others_are_mapped(answered):
    answered.map("queue", "601", "sales")
    assert counts(answered) == {("pbx1", "unknown_queue"): 1}
    answered.configure_queue("600")
    assert counts(answered) == {}


def test_who_only_rang_is_looked_at_and_each_name_counts_once_a_call(calls):
    calls.take(
        call_fact("c1", "queued", NINE, queue="sales"),
        call_fact("c1", "ring_no_answer", after(5), agent="103"),
        call_fact("c1", "ring_no_answer", after(9), agent="103"),
        call_fact("c1", "ringing", after(10), agent="101"),
        call_fact("c1", "answered", after(12), queue="sales", agent="101"),
        call_fact("c2", "answered", after(12), agent="101"),
    )
    calls.map("agent", "102", "ada")
    assert counts(calls) == {("pbx1", "unknown_agent"): 3}
    assert [item["about"] for item in doubts(calls, "unknown_agent")] == ["103", "101", "101"]


def test_agents_and_queues_that_only_agents_facts_name_are_looked_at(calls):
    signed_in = agent_fact("101", "signed_in", NINE, {"queues": ["600", "sales"]})
    calls.take(signed_in, agent_fact("101", "signed_out", after(60)))
    calls.map("agent", "102", "ada")
    calls.map("queue", "601", "sales")
    assert counts(calls) == {("pbx1", "unknown_agent"): 1, ("pbx1", "unknown_queue"): 1}
    (item,) = doubts(calls, "unknown_queue")
    assert (item["about"], item["call_id"], [fact["id"] for fact in item["facts"]]) == ("600", None, [signed_in["id"]])


def test_campaigns_that_are_not_mapped_are_unknown(calls):
    calls.take(call_fact("c1", "started", NINE, campaign="S-24"))
    assert counts(calls) == {}
    calls.map("campaign", "S-23", "spring")
    assert counts(calls) == {("pbx1", "unknown_campaign"): 1}


def test_a_name_is_unknown_only_in_calls_that_count_and_in_the_range(answered):
    answered.map("agent", "102", "ada")
    assert counts(answered, from_=after(6)) == {}
    answered.take(call_fact("c1", "excluded", after(90), {"reason": "test"}))
    assert counts(answered) == {}
