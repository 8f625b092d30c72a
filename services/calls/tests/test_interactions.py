"""Linked calls: one interaction, whichever link comes last."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.calls.domain.facts import stream_id
from services.calls.domain.interactions import Link, interactions
from services.calls.tests.running import call_fact
from services.kernel.values import Actor

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
A, B, C, D = (UUID(int=number) for number in range(1, 5))

links = st.lists(
    st.builds(Link, *[st.integers(1, 8).map(lambda n: UUID(int=n))] * 2, st.booleans()).filter(
        lambda link: link.call != link.linked
    ),
    max_size=10,
)


@pytest.mark.parametrize(
    ("told", "root"),
    [
        ([Link(B, A, True), Link(C, A, True)], A),
        ([Link(B, A, False), Link(C, B, False)], A),  # parents without a root, in a chain
        ([Link(C, B, True), Link(B, A, False)], B),  # who is named as a root is it, though it has a parent
        ([Link(B, D, True), Link(B, A, False), Link(C, A, False)], D),
        ([Link(C, B, True), Link(B, A, True)], A),
        ([Link(A, B, False), Link(B, A, False)], A),  # in a circle
        ([Link(B, C, True), Link(C, B, True), Link(D, C, False)], B),
    ],
)
def test_the_root_of_an_interaction(told, root):
    joined = {call for link in told for call in link[:2]}
    assert interactions(told) == dict.fromkeys(joined, root)


@given(links, st.data())
def test_order_never_matters_and_links_join_whatever_their_direction(told, data):
    found = interactions(told)
    assert interactions(data.draw(st.permutations(told + told[:3]))) == found
    assert all(found[link.call] == found[link.linked] for link in told)
    assert found.keys() == {call for link in told for call in link[:2]}
    assert all(found[root] == root for root in found.values())
    for root in set(found.values()):
        alone = [link for link in told if found[link.call] == root]
        assert set(interactions(alone).values()) == {root}


def call(call_id, minute=0, **fields):
    at = NINE + timedelta(minutes=minute)
    return [
        call_fact(call_id, "queued", at, queue="sales"),
        call_fact(call_id, "abandoned", at + timedelta(seconds=9), queue="sales", **fields),
    ]


def interaction(calls, root):
    return str(stream_id("pbx1", "call", root))


def shown(calls, call_id):
    (found,) = calls.ask("Calls", call_id=call_id)["items"]
    (alone,) = [calls.ask("CallOf", id=found["id"])]
    assert alone == found
    return found["interaction"], [each["call_id"] for each in found["linked_calls"]]


def test_a_call_by_itself_is_its_own_interaction(calls):
    calls.take(*call("c1"), *call("c2", root_call_id="c2"))
    assert shown(calls, "c1") == (interaction(calls, "c1"), [])
    assert shown(calls, "c2") == (interaction(calls, "c2"), [])
    (found,) = calls.ask("Calls", interaction=interaction(calls, "c2"))["items"]
    assert found["call_id"] == "c2"


def test_a_late_link_changes_the_interaction_only(calls):
    calls.take(*call("c1"), *call("c2", 1), *call("c3", 2))
    figures = calls.rows("read.visits")
    late = {"parent_call_id": "c2"}
    calls.take(call_fact("c3", "noted", NINE + timedelta(hours=1), **late))
    assert shown(calls, "c3") == (interaction(calls, "c2"), ["c2"])
    calls.take(call_fact("c2", "noted", NINE + timedelta(hours=1), root_call_id="c1"))
    assert shown(calls, "c1") == (interaction(calls, "c1"), ["c2", "c3"])
    assert shown(calls, "c2") == (interaction(calls, "c1"), ["c1", "c3"])
    assert calls.rows("read.visits") == figures
    asked = {"interaction": interaction(calls, "c1")}
    assert [each["call_id"] for each in calls.ask("Calls", **asked)["items"]] == ["c1", "c2", "c3"]
    assert calls.ask("Calls", interaction=interaction(calls, "c2"))["items"] == []


def test_calls_of_a_root_that_never_comes_are_one_interaction(calls):
    calls.take(*call("c1", root_call_id="lost"), *call("c2", 1, root_call_id="lost"))
    assert shown(calls, "c1") == (interaction(calls, "lost"), ["c2"])
    found = calls.ask("Calls", interaction=interaction(calls, "lost"))["items"]
    assert [each["call_id"] for each in found] == ["c1", "c2"]


def test_a_link_that_is_taken_back_parts_what_it_joined(calls):
    recorded = {"record": "r", "record_version": "1"}
    calls.take(*call("c1"), *call("c2", 1), call_fact("c2", "noted", NINE, root_call_id="c1", **recorded))
    assert shown(calls, "c1") == (interaction(calls, "c1"), ["c2"])
    later = NINE + timedelta(seconds=1)
    calls.take(call_fact("c2", "noted", later, record="r", record_version="2"))
    assert shown(calls, "c1") == (interaction(calls, "c1"), [])
    assert shown(calls, "c2") == (interaction(calls, "c2"), [])


def test_whoever_may_not_see_a_call_is_not_told_that_it_is_linked(calls):
    other = [{**each, "queue": "care"} for each in call("c2", 1, root_call_id="c1")]
    calls.take(*call("c1"), *other)
    (found,) = calls.ask("Calls", Actor("client-key", queues=frozenset({"sales"})))["items"]
    assert (found["call_id"], found["linked_calls"]) == ("c1", [])
