"""The agents' report, by hand, by interval, by zone, and by who asks."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from services.calls.reports import floor
from services.calls.tests.at_work import BY_HAND, HOUR, NINE, agent_fact, at, handled, rows, some
from services.calls.tests.at_work import hour as hour  # noqa: PLC0414 - a fixture
from services.calls.tests.running import call_fact
from services.kernel.projections import READ_VIEWS
from services.kernel.values import Actor


def test_rings_of_queues_and_of_totals_come_to_those_of_the_agents(hour):
    names = ("rings", "rings_answered", "rings_missed", "rings_cancelled", "ring_seconds")
    for interval in ("PT15M", "total"):
        by_agent = rows(hour, interval=interval)
        for group in ("queue", "total"):
            grouped = rows(hour, interval=interval, group_by=group)
            for name in names:
                assert sum(row[name] for row in by_agent) == sum(row[name] for row in grouped), (group, name)


def test_an_agent_who_was_only_rung_for_a_queue_is_in_its_row(calls):
    calls.take(call_fact("c1", "queued", at(1), queue="sales"), call_fact("c1", "ring_no_answer", at(2), agent="a-1"))
    (row,) = rows(calls, group_by="queue")
    assert (row["queue"], row["rings"], row["rings_missed"], row["ring_no_answer_rate"]) == ("sales", 1, 1, 1)


def test_rings_that_others_answered_are_in_no_rate(calls):
    rung = [call_fact("c1", "ringing", at(2), agent=name, id=f"rung {name}") for name in ("a-1", "a-2", "a-3")]
    answer = call_fact("c1", "answered", at(3), queue="sales", agent="a-3")
    missed = call_fact("c1", "ring_no_answer", at(2.5), agent="a-2")
    calls.take(call_fact("c1", "queued", at(1), queue="sales"), *rung, missed, answer)
    found = {row["agent"]: (row["rings"], row["rings_cancelled"], row["ring_no_answer_rate"]) for row in rows(calls)}
    assert found == {"a-1": (0, 1, None), "a-2": (1, 0, 1), "a-3": (1, 0, 0)}


def test_a_call_whose_end_was_lost_takes_none_of_the_time_of_those_that_follow(calls):
    lost = [call_fact("c1", kind, at(5), queue="sales", agent="a-1") for kind in ("queued", "answered")]
    calls.take(
        agent_fact("a-1", "signed_in", 0), *lost, *handled("c2", "a-1", 20, 10), agent_fact("a-1", "signed_out", 60)
    )
    (row,) = rows(calls, interval="total")
    assert some(row, "handled", "talk_seconds", "handling_seconds", "available_seconds") == {
        "handled": 1,
        "talk_seconds": 25 * 60,
        "handling_seconds": 25 * 60,
        "available_seconds": 35 * 60,
    }


def test_the_hour_worked_out_by_hand(hour):
    row, other = rows(hour, interval="total")
    assert (row["agent"], row["handled"], row["pending"]) == ("a-1", 2, 0)
    assert some(row, "talk_seconds", "hold_seconds", "wrapup_seconds", "handle_seconds", "aht_seconds") == {
        "talk_seconds": 4 * 60 + 6 * 60,
        "hold_seconds": 120,
        "wrapup_seconds": 180,
        "handle_seconds": 900,
        "aht_seconds": 450,
    }
    assert some(row, "rings", "rings_answered", "rings_missed", "rings_cancelled", "ring_seconds") == {
        "rings": 2,
        "rings_answered": 1,
        "rings_missed": 1,
        "rings_cancelled": 1,
        "ring_seconds": 6 + 15 + 5,
    }
    assert row["ring_no_answer_rate"] == 0.5
    assert some(row, "transferred", "transferred_blind", "transferred_attended", "transfer_rate") == {
        "transferred": 1,
        "transferred_blind": 1,
        "transferred_attended": 0,
        "transfer_rate": 0.5,
    }
    assert row["state_seconds"] == {"available": 35 * 60, "on_call": 720, "wrapup": 180, "paused": 600}
    assert row["activity_seconds"] == {"lunch": 600}
    assert some(row, "signed_in_seconds", "handling_seconds", "available_seconds") == {
        "signed_in_seconds": 3600,
        "handling_seconds": 900,
        "available_seconds": 2100,
    }
    assert (row["occupancy"], row["utilisation"]) == (0.3, 0.25)
    assert (other["agent"], other["handled"], other["signed_out_handling_seconds"]) == ("a-2", 1, 360)
    assert (other["occupancy"], other["utilisation"], other["signed_in_seconds"]) == (None, None, 0)


def test_time_is_cut_at_the_edges_of_intervals_and_legs_count_where_they_were_answered(hour):
    quarters = rows(hour, agent="a-1", interval="PT15M")
    assert [row["handled"] for row in quarters] == [1, 1, 0, 0]
    assert [row["state_seconds"]["on_call"] for row in quarters] == [300, 60 + 120, 240, 0]
    assert [row["talk_seconds"] for row in quarters] == [180, 60 + 120, 240, 0]
    assert [row["hold_seconds"] for row in quarters] == [120, 0, 0, 0]
    assert [row["wrapup_seconds"] for row in quarters] == [0, 180, 0, 0]
    assert [row["paused_seconds"] for row in quarters] == [0, 0, 300, 300]
    assert [row["signed_in_seconds"] for row in quarters] == [900] * 4
    assert [row["aht_seconds"] for row in quarters] == [540, 360, None, None]


def test_totals_and_queues_come_to_the_sum_of_the_agents(hour):
    (total,) = rows(hour, interval="total", group_by="total")
    (sales,) = rows(hour, interval="total", group_by="queue")
    assert (total["agent"], total["queue"], total["handled"], total["talk_seconds"]) == (None, None, 3, 960)
    assert (sales["agent"], sales["queue"], sales["handled"], sales["talk_seconds"]) == (None, "sales", 2, 600)
    assert sales["signed_in_seconds"] == total["signed_in_seconds"] == 3600


def test_the_figures_do_not_hang_on_where_the_range_begins_and_ends(calls):
    days = [24 * 60 * day for day in range(4)]
    for day in days:
        calls.store(handled(f"c{day}", "a-1", day + 30, 60, 10))
    calls.take(agent_fact("a-1", "signed_in", 0), agent_fact("a-1", "signed_in", days[2]))
    whole = rows(calls, agent="a-1", to=at(days[3]), interval="P1D", timezone="Etc/GMT-9")
    parts = [
        row
        for day in days[:3]
        for row in rows(calls, agent="a-1", from_=at(day), to=at(day + 24 * 60), interval="P1D", timezone="Etc/GMT-9")
    ]
    times = (
        "interval_start",
        "handled",
        "talk_seconds",
        "signed_in_seconds",
        "available_seconds",
        "inferred_sign_outs",
    )
    kept = [some(row, *times) for row in whole]
    merged: dict[str, dict[str, Any]] = {}
    for row in (some(row, *times) for row in parts):
        known = merged.setdefault(row["interval_start"], dict.fromkeys(times, 0))
        for name in times[1:]:
            known[name] += row[name]
        known["interval_start"] = row["interval_start"]
    assert list(merged.values()) == kept
    assert sum(row["inferred_sign_outs"] for row in whole) == 2  # each night nobody told of going home
    assert sum(row["signed_in_seconds"] for row in whole) == 2 * 100 * 60


def test_a_queue_left_over_from_an_earlier_shift_is_not_signed_in_to_wherever_the_range_begins(calls):
    calls.take(
        agent_fact("a-1", "signed_in", 0, {"queues": ["sales", "care"]}),
        agent_fact("a-1", "signed_out", 480, {"queues": ["sales"]}),
        agent_fact("a-1", "signed_in", 1440, {"queues": ["sales"]}),
        agent_fact("a-1", "signed_out", 1500, {"queues": ["sales"]}),
        agent_fact("a-1", "paused", 1800),
    )
    for begin, minutes in ((0, 480 + 60), (600, 60), (1470, 30), (1560, 0)):
        (row,) = rows(calls, agent="a-1", from_=at(begin), to=at(1740), interval="total")
        assert row["signed_in_seconds"] == minutes * 60


@pytest.mark.parametrize(("apart", "lasts", "signed_in", "read"), [(62, 1, 0, 2), (20, 11, 24, 62)])
def test_a_sign_in_long_ago_has_no_more_calls_read_than_may_show_that_the_agent_is_still_there(
    calls, apart, lasts, signed_in, read
):
    begun = -60 * apart * 60
    facts = [agent_fact("a-1", "signed_in", begun)]
    for each in range(62):
        facts += handled(f"c{each}", "a-1", begun + each * apart * 60 + 30, lasts * 60)
    calls.take(*facts)
    day = {"from_": at(0), "to": at(24 * 60)}
    with calls.pool.connection() as connection, connection.transaction(), connection.cursor() as db:
        db.execute(READ_VIEWS)
        (agent,) = floor.agents_near(db, {"a-1": 2}, day["from_"], day["to"])
    assert len(agent.legs) <= read
    (row,) = rows(calls, agent="a-1", **day, interval="total")
    assert row["signed_in_seconds"] == signed_in * 3600
    *_, last = rows(calls, agent="a-1", from_=at(begun), to=day["to"], timezone="Etc/GMT-9", limit=500)
    *_, today = rows(calls, agent="a-1", **day, timezone="Etc/GMT-9")
    assert last == today
    assert row["handled"] == sum(at(0) <= at(begun + each * apart * 60 + 30) < day["to"] for each in range(62))


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29T00:00Z", 23), ("2026-10-25T00:00Z", 25), ("2026-06-01T00:00Z", 24)]
)
def test_a_day_has_as_many_hours_as_it_has(calls, day, hours):
    midnight = datetime.fromisoformat(day)
    begin = midnight - timedelta(days=1) - NINE
    calls.take(
        agent_fact("a-1", "signed_in", begin.total_seconds() / 60),
        agent_fact("a-1", "signed_out", begin.total_seconds() / 60 + 4 * 24 * 60),
    )
    window = {
        "from_": midnight - timedelta(hours=2),
        "to": midnight + timedelta(hours=30),
    }
    found = rows(calls, agent="a-1", timezone="Europe/Paris", **window)
    assert hours * 3600 in [row["signed_in_seconds"] for row in found]
    hourly = rows(calls, agent="a-1", timezone="Europe/Paris", interval="PT1H", **window)
    assert {row["signed_in_seconds"] for row in hourly[1:-1]} == {3600}


def test_late_twice_and_shuffled_facts_give_the_same_figures_and_a_rebuild_too(calls):
    asked = {"interval": "PT15M"}
    facts = [*BY_HAND, agent_fact("a-2", "signed_in", 5), agent_fact("a-2", "state_changed", 6, {"state": "busy"})]
    order = [*facts, *facts[::3]]
    Random(7).shuffle(order)
    for fact in order:
        calls.store([fact])
    calls.follow()
    shuffled = rows(calls, **asked)
    calls.rebuild()
    assert rows(calls, **asked) == shuffled
    assert sum(row["signed_in_seconds"] for row in shuffled if row["agent"] == "a-1") == 3600


def test_a_restart_ends_what_nothing_shows_to_have_gone_on(calls):
    restarted = {"id": "r", "source": "pbx1", "type": "source.restarted", "occurred_at": at(30).isoformat()}
    calls.take(agent_fact("a-1", "signed_in", 0), restarted, agent_fact("a-1", "signed_in", 40))
    calls.take(agent_fact("a-1", "signed_out", 60))
    (row,) = rows(calls, interval="total")
    assert (row["signed_in_seconds"], row["inferred_sign_outs"]) == (50 * 60, 1)
    calls.take(call_fact("c1", "answered", at(35), agent="a-1"), call_fact("c1", "ended", at(36), agent="a-1"))
    (row,) = rows(calls, interval="total")  # a-1 was there all the time: the call that came late shows it
    assert (row["signed_in_seconds"], row["inferred_sign_outs"]) == (60 * 60, 1)
    calls.take(agent_fact("a-1", "signed_out", 38))
    (row,) = rows(calls, interval="total")
    assert (row["signed_in_seconds"], row["inferred_sign_outs"]) == (58 * 60, 0)


def test_of_a_record_only_the_greatest_version_counts(calls):
    first = [
        agent_fact("a-1", "signed_in", 0, record="shift", record_version="1"),
        agent_fact("a-1", "signed_out", 50, record="shift", record_version="1"),
    ]
    second = [
        agent_fact("a-1", "signed_in", 10, record="shift", record_version="2"),
        agent_fact("a-1", "signed_out", 30, record="shift", record_version="2"),
    ]
    calls.take(*second)
    calls.take(*first)
    (row,) = rows(calls, interval="total")
    assert row["signed_in_seconds"] == 20 * 60
    calls.rebuild()
    assert rows(calls, interval="total") == [row]


def test_the_clock_of_a_source_is_put_right(hour):
    hour.configure("ConfigureSource", "pbx1", {"clock_offset_seconds": 300})
    hour.follow()
    (row, *_) = rows(hour, agent="a-1", interval="PT15M")
    assert row["signed_in_seconds"] == 600


def test_a_call_that_is_taken_out_leaves_the_report(hour):
    hour.take(call_fact("c1", "excluded", at(90), {"reason": "a test"}))
    row, _ = rows(hour, interval="total")
    assert (row["handled"], row["rings"], row["handling_seconds"]) == (1, 1, 360)
    assert row["available_seconds"] == 44 * 60


AGENT = Actor("somebody", roles=frozenset({"agent"}), agent="a-2")
CLIENT = Actor("acme", roles=frozenset({"client"}), client="acme")
MANAGER = Actor("boss", roles=frozenset({"manager"}), team="days")


def test_who_sees_whom(hour):
    hour.configure("ConfigureQueue", "sales", {"client": "acme"})
    hour.take(*handled("c9", "a-3", 20, 5, queue="care"))
    assert {row["agent"] for row in rows(hour, MANAGER)} == {"a-1", "a-2", "a-3"}
    assert {row["agent"] for row in rows(hour, AGENT)} == {"a-2"}
    assert hour.refusal("AgentsOf", AGENT, **HOUR, agent="a-1") == ("request.not_found", 404)
    assert hour.refusal("AgentsOf", CLIENT, **HOUR, group_by="agent") == ("calls.report.names_not_shown", 403)
    assert hour.refusal("AgentsOf", CLIENT, **HOUR, agent="a-1") == ("calls.report.names_not_shown", 403)
    assert hour.refusal("AgentsOf", CLIENT, **HOUR, queue="care") == ("request.not_found", 404)
    by_queue, total = rows(hour, CLIENT), rows(hour, CLIENT, group_by="total")
    assert [(row["agent"], row["queue"], row["handled"]) for row in by_queue] == [(None, "sales", 2)]
    assert [(row["agent"], row["queue"], row["handled"]) for row in total] == [(None, None, 2)]
    assert hour.ask("Live", CLIENT)["agents"] == []


def test_the_live_view_agrees_with_the_report(calls):
    now = datetime.now(UTC)
    earlier = (now - NINE).total_seconds() / 60
    calls.take(
        agent_fact("a-1", "signed_in", earlier - 60, {"queues": ["sales"]}),
        *handled("c1", "a-1", earlier - 50, 10, 5)[:-1],
        agent_fact("a-2", "signed_in", earlier - 60),
        agent_fact("a-2", "paused", earlier - 30, {"reason": "lunch"}),
        agent_fact("a-3", "signed_in", earlier - 60),
        call_fact("out", "answered", at(earlier - 5), direction="outbound", agent="a-3"),
    )
    live = {each["agent"]: (each["state"], each["activity"], each["since"]) for each in calls.ask("Live")["agents"]}
    assert {agent: told[:2] for agent, told in live.items()} == {
        "a-1": ("wrapup", None),
        "a-2": ("paused", "lunch"),
        "a-3": ("on_call", None),
    }
    for agent, (state, _, since) in live.items():
        (row,) = rows(calls, agent=agent, from_=datetime.fromisoformat(since), to=now, interval="total")
        assert row["state_seconds"][state] == row["signed_in_seconds"] > 0
