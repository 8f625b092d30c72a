"""Outside names: how they are told, and that calls, agents and reports bear the inside ones of the right time."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.calls.domain import identities
from services.calls.domain.identities import (
    CorrectIdentity,
    EndIdentity,
    Identity,
    IdentityCorrected,
    IdentityMapped,
    MapIdentity,
    Meaning,
)
from services.calls.domain.names import Names, Stretch
from services.calls.tests.running import call_fact, stream_of
from services.calls.tests.stories import at as second
from services.calls.tests.stories import fact, told
from services.calls.tests.test_as_known import now, passed
from services.kernel.decider import specification
from services.kernel.values import Actor

JANUARY, MARCH, MAY = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 3, 5))
NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)

name = specification(identities.decide, identities.evolve, Identity())


def mapped(internal_id, begin=None, end=None):
    return IdentityMapped("pbx1", "agent", "101", internal_id, begin, end)


def map_(internal_id, begin=None, end=None):
    return MapIdentity("pbx1", "agent", "101", internal_id, begin, end)


def corrected(internal_id, begin=None, end=None):
    return IdentityCorrected("pbx1", "agent", "101", internal_id, begin, end)


# The decision


def test_an_outside_name_stands_for_one_at_a_time():
    ada = name.given(mapped("ada", JANUARY, MARCH))
    ada.when(map_("bob")).rejected("calls.identity.taken")
    ada.when(map_("bob", datetime(2026, 2, 28, tzinfo=UTC), MAY)).rejected("calls.identity.taken")
    ada.when(map_("bob", None, datetime(2026, 1, 2, tzinfo=UTC))).rejected("calls.identity.taken")


@pytest.mark.parametrize("end", [JANUARY, datetime(2025, 1, 1, tzinfo=UTC)])
def test_a_time_ends_after_it_begins(end):
    name.when(map_("ada", JANUARY, end)).rejected("calls.identity.time_empty")


def test_what_was_never_mapped_is_neither_ended_nor_corrected():
    name.when(EndIdentity(valid_to=MARCH)).rejected("calls.identity.unknown")
    name.when(CorrectIdentity(internal_id="bob")).rejected("calls.identity.unknown")


def test_who_is_limited_to_sources_maps_no_names_of_others():
    limited = Actor("key", sources=frozenset({"pbx2"}))
    name.when(map_("ada"), by=limited).rejected("auth.source_not_allowed")
    name.given(mapped("ada")).when(EndIdentity(valid_to=MARCH), by=limited).rejected("auth.source_not_allowed")


def test_the_same_again_changes_nothing():
    name.given(mapped("ada", JANUARY, MARCH)).when(map_("ada", JANUARY, MARCH)).then()
    name.given(mapped("ada", JANUARY, MARCH)).when(EndIdentity(valid_to=MARCH)).then()


def test_a_telephone_changes_hands_at_an_instant():
    (
        name.given(mapped("ada", None, MARCH))
        .when(map_("bob", MARCH))
        .then(mapped("bob", MARCH))
        .leaves(meanings=(Meaning("ada", valid_to=MARCH), Meaning("bob", valid_from=MARCH)))
    )


def test_what_is_ended_goes_no_further():
    (
        name.given(mapped("ada"))
        .when(EndIdentity(valid_to=MARCH))
        .then(corrected(None, MARCH))
        .leaves(meanings=(Meaning("ada", valid_to=MARCH),))
    )


def test_a_correction_stands_against_whatever_was_said_before_of_its_time_alone():
    (
        name.given(mapped("ada"))
        .when(CorrectIdentity("bob", JANUARY, MARCH))
        .leaves(
            meanings=(
                Meaning("ada", valid_to=JANUARY),
                Meaning("bob", valid_from=JANUARY, valid_to=MARCH),
                Meaning("ada", valid_from=MARCH),
            )
        )
    )


def test_neighbours_that_mean_the_same_are_one():
    parts = name.given(mapped("ada", JANUARY, MARCH), mapped("ada", MARCH, MAY))
    parts.when(map_("ada", JANUARY, MAY)).then().leaves(meanings=(Meaning("ada", valid_from=JANUARY, valid_to=MAY),))


# In a call

DAY = 86_400_000_000
HANDED_OVER = Names(
    {
        ("agent", "101"): [Stretch(second(-DAY), second(30), "ada"), Stretch(second(30), second(DAY), "bob")],
        ("queue", "600"): [Stretch(second(-DAY), second(5), "sales"), Stretch(second(5), second(DAY), "care")],
        ("agent", "SIP/7"): [Stretch(second(-DAY), second(DAY), "eve")],
    }
)


def test_a_call_is_not_torn_apart_where_a_telephone_or_a_queue_changes_hands_while_it_is_on():
    call = told(
        fact("call.queued", 0, queue="600"),
        fact("call.answered", 10, queue="600", agent="101"),
        fact("call.leg_ended", 60, agent="101"),
        fact("call.queued", 61, queue="600"),
        fact("call.answered", 70, queue="600", agent="101"),
        fact("call.ended", 80, agent="101"),
        names=HANDED_OVER,
    )
    assert [(visit.queue, visit.outcome, visit.agent) for visit in call.visits] == [
        ("sales", "answered", "ada"),
        ("care", "answered", "bob"),
    ]
    assert [(leg.agent, leg.talk_ms) for leg in call.legs] == [("ada", 50_000), ("bob", 10_000)]


def test_two_names_of_one_agent_are_one_agent():
    story = [
        fact("call.queued", 0, queue="care"),
        fact("call.answered", 3, queue="care", agent="eve"),
        fact("call.leg_ended", 9, agent="SIP/7"),
    ]
    assert told(*story).notes == ("end_without_leg",)
    assert [leg.ended_at for leg in told(*story, names=HANDED_OVER).legs] == [second(9)]


# In read models and reports


def answered(call, at, agent="101", queue="600", **fields):
    return [
        call_fact(call, "queued", at, queue=queue, campaign="spring", **fields),
        call_fact(call, "answered", at + timedelta(seconds=10), queue=queue, agent=agent, **fields),
        call_fact(call, "ended", at + timedelta(seconds=70), queue=queue, agent=agent, **fields),
    ]


def offered(calls, queue, **asked):
    wanted = {"from_": NINE - timedelta(days=1), "to": NINE + timedelta(days=9), "interval": "total", **asked}
    (row,) = calls.ask("ServiceLevelOf", queue=queue, **wanted)["items"]
    return row["offered"]


def test_calls_bear_inside_names_wherever_they_are_asked_for(calls):
    calls.take(*answered("c1", NINE), *answered("c2", NINE + timedelta(days=2)))
    for kind, outside, inside in (
        ("queue", "600", "sales"), ("agent", "101", "ada"), ("campaign", "spring", "spring-2026")
    ):  # fmt: skip
        calls.map(kind, outside, inside, valid_to=NINE + timedelta(days=1))
    calls.follow()
    assert (offered(calls, "sales"), offered(calls, "600")) == (1, 1)
    asked = {"queue": "sales", "agent": "ada", "campaign": "spring-2026"}
    (found,) = calls.ask("Calls", **asked)["items"]
    assert found["call_id"] == "c1"
    assert [visit["queue"] for visit in found["visits"]] == ["sales"]
    assert [leg["agent"] for leg in found["legs"]] == ["ada"]
    (left,) = calls.ask("Calls", agent="101")["items"]
    assert left["call_id"] == "c2"
    cell = {"interval_start": NINE - timedelta(days=1), "to": NINE + timedelta(days=9), "interval": "total"}
    explained = calls.ask("Explain", queue="sales", measure="answered", **cell)
    assert [item["call_id"] for item in explained["items"]] == [str(stream_of(calls, "c1"))]
    calls.correct("queue", "600", internal_id="care")
    calls.follow()
    assert (offered(calls, "sales"), offered(calls, "600"), offered(calls, "care")) == (0, 0, 2)


@pytest.mark.parametrize("after", [timedelta(seconds=60), timedelta(days=3)])
def test_a_name_that_no_visit_and_no_leg_shows_is_mapped_too(calls, after):
    calls.take(
        call_fact("c1", "answered", NINE, agent="eve"),
        call_fact("c1", "leg_ended", NINE + after, agent="SIP/7"),
    )
    assert calls.ask("Calls", call_id="c1")["items"][0]["legs"][0]["ended_at"] is None
    calls.map("agent", "SIP/7", "eve", valid_from=NINE + after, valid_to=NINE + after + timedelta(seconds=1))
    calls.follow()
    (leg,) = calls.ask("Calls", call_id="c1")["items"][0]["legs"]
    assert (leg["agent"], leg["talk_seconds"]) == ("eve", after.total_seconds())


def test_a_report_of_the_past_knows_the_names_known_then(calls):
    calls.take(*answered("c1", NINE))
    calls.map("queue", "600", "sales")
    calls.follow()
    first = now(calls)
    calls.correct("queue", "600", internal_id="care")
    calls.take(call_fact("c1", "excluded", NINE, {"reason": "a test"}))
    second_ = now(calls)
    calls.correct("queue", "600", internal_id="desk")
    last = now(calls)
    passed(calls, last)
    known = [
        [offered(calls, queue, as_known_at=instant) for queue in ("600", "sales", "care", "desk")]
        for instant in (first, second_, last)
    ]
    assert known == [[0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    calls.take(call_fact("c1", "included", NINE + timedelta(days=1), {"reason": "no test"}))
    instant = now(calls)
    calls.correct("queue", "600")
    calls.follow()
    passed(calls, instant)
    assert [offered(calls, queue, as_known_at=instant) for queue in ("600", "desk")] == [0, 1]
    limited = Actor("key", queues=frozenset({"desk"}))
    everything = {"from_": NINE, "to": NINE + timedelta(hours=1), "interval": "total", "as_known_at": instant}
    (row,) = calls.ask("ServiceLevelOf", limited, **everything)["items"]
    assert (row["queue"], row["offered"]) == ("desk", 1)
    assert offered(calls, "600") == 1


def test_whoever_is_limited_to_a_queue_is_told_the_facts_that_mean_it(calls):
    calls.map("queue", "600", "desk")
    calls.map("queue", "desk", "elsewhere")
    calls.take(
        call_fact("c1", "queued", NINE, queue="600"),
        call_fact("c1", "queue_left", second_of(9), {"reason": "overflow"}, queue="600"),
        call_fact("c1", "queued", second_of(10), queue="desk"),
        call_fact("c1", "answered", second_of(20), queue="desk", agent="a-1"),
        call_fact("c1", "transferred", second_of(30), {"to_queue": "600", "to_agent": "a-2"}),
    )
    limited = Actor("key", queues=frozenset({"desk"}))
    told = calls.ask("FactsOfCall", limited, id=stream_of(calls, "c1"))["items"]
    assert [each["fact"]["type"] for each in told] == ["call.queued", "call.queue_left", "call.transferred"]
    assert told[-1]["fact"]["data"]["to_queue"] == "600"
    asked = {"queue": "desk", "interval_start": NINE, "measure": "overflowed"}
    (explained,) = calls.ask("Explain", limited, **asked)["items"]
    assert len(explained["facts"]) == 3


def second_of(n: int) -> datetime:
    return NINE + timedelta(seconds=n)


def test_agents_on_the_floor_bear_inside_names_of_the_right_time_and_clock(calls):
    begun = datetime.now(UTC) - timedelta(hours=1)
    signed = {"source": "pbx1", "occurred_at": begun.isoformat(), "data": {"queues": ["600"]}}
    calls.take(*({**signed, "id": agent, "type": "agent.signed_in", "agent": agent} for agent in ("101", "102")))
    calls.map("agent", "101", "ada", valid_to=begun + timedelta(minutes=5))
    calls.map("agent", "101", "bob", valid_from=begun + timedelta(minutes=5))
    calls.map("queue", "600", "sales")
    calls.follow()

    def floor():
        live = calls.ask("Live")
        (available,) = [each["agents"]["available"] for each in live["queues"] if each["queue"] == "sales"]
        return [agent["agent"] for agent in live["agents"]], available

    assert floor() == (["102", "ada"], 2)
    calls.configure("ConfigureSource", "pbx1", {"clock_offset_seconds": 600})
    calls.follow()
    assert floor() == (["102", "bob"], 2)
    out = {**signed, "id": "out", "type": "agent.signed_out", "agent": "101"}
    calls.take({**out, "occurred_at": (begun + timedelta(seconds=1)).isoformat()})
    assert floor() == (["102"], 1)


def test_two_outside_queues_that_were_one_are_told_apart_again(calls):
    begun = datetime.now(UTC) - timedelta(hours=1)
    signed = {"type": "agent.signed_in", "source": "pbx1", "id": "1", "agent": "101", "occurred_at": begun.isoformat()}
    calls.map("queue", "600", "desk")
    calls.map("queue", "601", "desk")
    calls.take({**signed, "data": {"queues": ["600", "601"]}})
    calls.correct("queue", "600", internal_id="sales")
    calls.follow()

    def available():
        return {each["queue"]: each["agents"]["available"] for each in calls.ask("Live")["queues"]}

    assert available() == {"desk": 1, "sales": 1}
    calls.rebuild()
    assert available() == {"desk": 1, "sales": 1}


def test_many_are_mapped_at_once_and_the_good_ones_kept(calls):
    good = {"system": "pbx1", "kind": "agent", "external_id": "101", "internal_id": "ada"}
    items = [
        good,
        {**good, "internal_id": "bob"},
        {**good, "external_id": "102", "kind": "person"},
        {**good, "external_id": "102", "valid_from": "2026-05-01T00:00:00Z", "valid_to": "2026-03-01T00:00:00Z"},
        {**good, "external_id": "103"},
        good,
    ]
    command = {"command_id": str(UUID(int=7))}
    answer = calls.order("MapIdentities", "", {"items": items}, **command)
    assert answer["accepted"] == 3
    assert [(each["index"], each["pointer"], each["code"]) for each in answer["rejected"]] == [
        (1, "/items/1/internal_id", "calls.identity.taken"),
        (2, "/items/2/kind", "invalid_field"),
        (3, "/items/3/valid_to", "calls.identity.time_empty"),
    ]
    assert calls.order("MapIdentities", "", {"items": items}, **command)["accepted"] == 3
    (stored,) = calls.connection.execute("SELECT count(*) FROM store.events WHERE type = 'identity_mapped'").fetchone()
    assert stored == 2
    calls.follow()
    listed = calls.ask("Identities", system="pbx1", kind="agent")["items"]
    assert [(each["external_id"], each["internal_id"]) for each in listed] == [("101", "ada"), ("103", "ada")]
    assert calls.ask("Identities", external_id="103")["items"] == listed[1:]
    assert calls.ask("Identities", internal_id="bob")["items"] == []
    assert calls.ask("Identities", updated_since=now(calls))["items"] == []
    assert calls.ask("Identities", Actor("key", sources=frozenset({"pbx2"})))["items"] == []
    first = calls.ask("Identities", limit=1)
    assert calls.ask("Identities", limit=1, cursor=first["next"])["items"] == listed[1:]
