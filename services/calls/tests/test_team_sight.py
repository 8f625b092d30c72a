"""Whom a supervisor sees by name, and the agents' report by team."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from services.calls.reports.agents_viewed import Window
from services.calls.tests.at_work import HOUR, NINE, agent_fact, at, handled, rows, some
from services.calls.tests.running import RunningCalls, call_fact
from services.calls.tests.test_quota_progress import assess, set_quota
from services.calls.tests.test_teams import hired, moved
from services.kernel.values import Actor

SUPERVISOR = frozenset({"supervisor"})
NORTH = Actor("ann", "person", SUPERVISOR, team="north")
TEAMLESS = Actor("bob", "person", SUPERVISOR)
LONG_AGO, DAY = date(2026, 1, 1), NINE.date()
NEXT_DAY = DAY + timedelta(days=1)
TWO_DAYS = {"from_": NINE.replace(hour=0), "to": NINE.replace(hour=0) + timedelta(days=2)}


@pytest.fixture
def teams(calls) -> RunningCalls:
    """a-1 and a-4 are in the north, a-2 in the south, a-3 in no team; a-4 moves to the south on the next day."""
    hired(calls, "a-1", "north", LONG_AGO)
    hired(calls, "a-2", "south", LONG_AGO)
    moved(calls, str(uuid4()), 3, (LONG_AGO, "north", "a-4"), (NEXT_DAY, "south", "a-4"))
    later = 24 * 60
    calls.take(
        *handled("c1", "a-1", 10, 6),
        *handled("c2", "a-2", 10, 7),
        *handled("c3", "a-3", 10, 8),
        *handled("c4", "a-4", 10, 9),
        *handled("c5", "a-4", later + 10, 5),
        agent_fact("a-4", "signed_in", 0, {"queues": ["sales"]}),
        agent_fact("a-4", "signed_out", later + 60),
    )
    return calls


def talked(found) -> dict:
    return {row["agent"] or row["team"]: row["talk_seconds"] / 60 for row in found}


def test_a_supervisor_sees_agents_for_the_time_that_they_are_in_the_team(teams):
    asked = {**TWO_DAYS, "interval": "total"}
    assert talked(rows(teams, **asked)) == {"a-1": 6, "a-2": 7, "a-3": 8, "a-4": 14}
    assert talked(rows(teams, NORTH, **asked)) == {"a-1": 6, "a-4": 9}
    (total,) = rows(teams, NORTH, group_by="total", **asked)
    assert (total["handled"], total["signed_in_seconds"]) == (2, 15 * 3600)  # of a-4, from nine to midnight
    for hidden in ("a-2", "a-3", "nobody"):
        assert teams.refusal("AgentsOf", NORTH, **HOUR, agent=hidden) == ("request.not_found", 404)
    assert teams.refusal("AgentsOf", NORTH, **HOUR, team="south") == ("request.not_found", 404)
    assert talked(rows(teams, NORTH, agent="a-4", **asked)) == {"a-4": 9}


def test_a_supervisor_without_a_team_sees_totals_and_one_of_a_team_of_nobody_sees_nobody(teams):
    assert teams.refusal("AgentsOf", TEAMLESS, **HOUR, group_by="agent") == ("calls.report.names_not_shown", 403)
    (queue,) = rows(teams, TEAMLESS, interval="total")
    assert (queue["agent"], queue["queue"], queue["handled"]) == (None, "sales", 4)
    assert rows(teams, Actor("cleo", "person", SUPERVISOR, team="west"), interval="total") == []


def test_of_several_roles_each_gives_what_it_gives(teams):
    both = Actor("a", "person", frozenset({"supervisor", "agent"}), team="south", agent="a-1")
    assert set(talked(rows(teams, both, **TWO_DAYS))) == {"a-1", "a-2", "a-4"}
    manager = Actor("m", "person", frozenset({"supervisor", "manager"}), team="north")
    assert set(talked(rows(teams, manager))) == {"a-1", "a-2", "a-3", "a-4"}
    owner = Actor("o", "person", frozenset({"supervisor", "owner"}), team="north")
    assert set(talked(rows(teams, owner))) == {"a-1", "a-4"}


def test_an_explanation_goes_no_further_than_the_team(teams):
    asked = {"report": "agents", "agent": "a-4", "interval_start": TWO_DAYS["from_"], "interval": "total"}
    asked["to"] = TWO_DAYS["to"]
    whole, own = (teams.ask("Explain", actor, measure="handled", **asked) for actor in (Actor("all"), NORTH))
    assert (whole["value"], len(whole["items"]), own["value"], len(own["items"])) == (2, 2, 1, 1)
    own = teams.ask("Explain", NORTH, measure="signed_in_seconds", **asked)
    assert (own["value"], [fact["type"] for fact in own["items"][0]["facts"]]) == (15 * 3600, ["agent.signed_in"])
    handling = teams.ask("Explain", NORTH, measure="handling_seconds", **asked)
    assert (handling["value"], len(handling["items"])) == (9 * 60, 1)
    assert teams.refusal("Explain", NORTH, measure="handled", **{**asked, "agent": "a-2"})[1] == 404


def test_calls_of_others_are_seen_without_the_names_of_their_agents(teams):
    teams.map("agent", "SIP/9", "a-1")
    teams.map("agent", "SIP/8", "a-2")
    mapped = [
        call_fact("c6", "answered", at(20), queue="sales", agent="SIP/9"),
        call_fact("c6", "transferred", at(21), {"kind": "blind", "to_agent": "SIP/8"}, agent="SIP/9"),
        call_fact("c6", "answered", at(22), agent="SIP/8"),
        call_fact("c6", "ended", at(23)),
    ]
    teams.take(*mapped)
    listed = teams.ask("Calls", NORTH)["items"]
    shown = {call["call_id"]: [leg["agent"] for leg in call["legs"]] for call in listed}
    assert shown == {"c1": ["a-1"], "c2": [None], "c3": [None], "c4": ["a-4"], "c5": [None], "c6": ["a-1", None]}
    visits = {call["call_id"]: call["visits"][0]["agent"] for call in listed if call["visits"]}
    assert visits == {"c1": "a-1", "c2": None, "c3": None, "c4": "a-4", "c5": None, "c6": "a-1"}
    (call,) = teams.ask("Calls", NORTH, call_id="c6")["items"]
    facts = [each["fact"] for each in teams.ask("FactsOfCall", NORTH, id=call["id"])["items"]]
    assert [fact.get("agent") for fact in facts] == ["SIP/9", "SIP/9", None, None]
    assert "SIP/8" not in str(facts)
    assert "SIP/" not in str(teams.ask("FactsOfCall", TEAMLESS, id=call["id"]))


def test_calls_are_found_by_an_agent_of_the_team_for_the_time_that_they_are_in_it(teams):
    found = teams.ask("Calls", NORTH, agent="a-4")["items"]
    assert [call["call_id"] for call in found] == ["c4"]
    assert teams.refusal("Calls", NORTH, agent="a-2") == ("request.not_found", 404)
    assert teams.refusal("Calls", TEAMLESS, agent="a-1") == ("calls.agents_hidden", 403)


def test_the_floor_names_the_team_and_counts_all(calls):
    now = datetime.now(UTC)
    earlier = (now - NINE).total_seconds() / 60 - 30
    hired(calls, "a-1", "north", LONG_AGO)
    hired(calls, "a-2", "south", LONG_AGO)
    calls.take(*(agent_fact(agent, "signed_in", earlier, {"queues": ["sales"]}) for agent in ("a-1", "a-2")))
    for actor, seen in ((NORTH, ["a-1"]), (TEAMLESS, []), (Actor("all"), ["a-1", "a-2"])):
        live = calls.ask("Live", actor)
        assert [agent["agent"] for agent in live["agents"]] == seen
        assert live["queues"][0]["agents"]["available"] == 2


def test_quotas_of_agents_and_teams_are_seen_by_who_leads_them(calls):
    hired(calls, "a-1", "north", LONG_AGO)
    hired(calls, "a-2", "south", LONG_AGO)
    scopes = [("queue", "sales"), ("agent", "a-1"), ("agent", "a-2"), ("team", "north"), ("team", "south")]
    keys = {scope: set_quota(calls, "handled", 1, scope=scope) for scope in scopes}
    seen = {
        NORTH: [("queue", "sales"), ("agent", "a-1"), ("team", "north")],
        TEAMLESS: [("queue", "sales"), ("team", "north"), ("team", "south")],
        Actor("m", roles=frozenset({"manager"})): scopes,
    }
    for actor, theirs in seen.items():
        listed = {each["id"] for each in calls.ask("Quotas", actor)["items"]}
        assert listed == {keys[scope] for scope in theirs}
        for scope, key in keys.items():
            assert ("body" in calls.query("QuotaOf", actor, key=key)) is (scope in theirs)
            assert ("body" in calls.query("QuotaProgressOf", actor, quota_id=key)) is (scope in theirs)
    assert assess(calls) == len(scopes)
    alerts = {
        actor.id: sorted(each["name"] for each in calls.ask("Alerts", actor)["items"])
        for actor in (NORTH, Actor("all"))
    }
    assert alerts["ann"] == ["handled of a-1", "handled of north", "handled of sales"]
    for alert in calls.ask("Alerts")["items"]:
        assert ("body" in calls.query("AlertOf", NORTH, key=alert["id"])) is (alert["name"] in alerts["ann"])


# By team


def test_who_moved_counts_in_each_team_for_their_time_there_and_the_rows_come_to_the_total(teams):
    asked = {**TWO_DAYS, "interval": "total"}
    by_team = rows(teams, group_by="team", **asked)
    assert talked(by_team) == {"north": 15, "south": 12, None: 8}
    assert [row["team"] for row in by_team] == ["north", "south", None]
    (total,) = rows(teams, group_by="total", **asked)
    for name in ("handled", "talk_seconds", "signed_in_seconds", "rings"):
        assert sum(row[name] for row in by_team) == total[name]
    assert talked(rows(teams, team="south", **asked)) == {"a-2": 7, "a-4": 5}
    assert talked(rows(teams, NORTH, group_by="team", **asked)) == {"north": 15}
    empty = rows(teams, group_by="team", team="west", **asked)
    assert [some(row, "team", "handled") for row in empty] == [{"team": "west", "handled": 0}]


def test_a_client_knows_no_teams(teams):
    client = Actor("acme", roles=frozenset({"client"}), client="acme")
    for asked in ({"group_by": "team"}, {"group_by": "total", "team": "north"}):
        assert teams.refusal("AgentsOf", client, **HOUR, **asked) == ("calls.report.names_not_shown", 403)


def test_the_row_of_a_team_is_explained_and_so_is_that_of_none(teams):
    for row in rows(teams, group_by="team", interval="total", **TWO_DAYS):
        asked = {"report": "agents", "group_by": "team", "team": row["team"], "interval": "total", "to": TWO_DAYS["to"]}
        for measure in ("handled", "talk_seconds", "signed_in_seconds", "rings_answered"):
            explained = teams.ask("Explain", measure=measure, interval_start=TWO_DAYS["from_"], **asked)
            assert explained["value"] == row[measure]
            assert bool(explained["items"]) == bool(row[measure])


def test_of_intervals_only_the_time_of_the_spans_is_looked_at():
    zero = datetime(1970, 1, 1, tzinfo=UTC)
    instants = [zero + timedelta(microseconds=each) for each in range(40)]
    whole = Window((0, 10, 20), 30, 100)
    assert whole.within([(instants[0], instants[30])]) == whole
    window = whole.within([(instants[5], instants[15]), (instants[25], instants[39])])
    assert [window.place(each) for each in (-1, 4, 5, 9, 10, 14, 15, 24, 25, 29, 30)] == [
        -1, -1, 0, 0, 1, 1, -1, -1, 2, 2, -1,
    ]  # fmt: skip
    assert list(window.cut(0, 30)) == [(0, 5), (1, 5), (2, 5)]
    assert list(window.share(30, [(0, 30)])) == [(0, 5), (1, 5), (2, 5)]
    assert (window.meets(0, 5), window.meets(0, 6), window.meets(15, 25), window.meets(7, 7)) == (
        False, True, False, True,
    )  # fmt: skip
    assert list(window.within([(instants[0], instants[7])]).cut(0, 30)) == [(0, 2)]
