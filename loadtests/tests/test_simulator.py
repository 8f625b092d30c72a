import re
from collections import Counter
from dataclasses import replace
from datetime import date, datetime

import orjson
import pytest

from loadtests.simulator.centre import Centre
from loadtests.simulator.disturbances import NONE, USUAL, Disturbances, delivered
from loadtests.simulator.journal import figures
from loadtests.simulator.plan import AGENTS, Plan
from services.calls.domain.facts import canonical

DAY = date(2026, 11, 20)


@pytest.fixture(scope="module")
def day():
    return Centre(1).day(DAY)


def bytes_of(facts):
    return b"\n".join(map(orjson.dumps, facts))


def test_a_seed_gives_the_same_bytes_whatever_ran_before(day):
    centre = Centre(1)
    centre.day(date(2026, 11, 19), 8, 10)
    assert bytes_of(centre.day(DAY).facts) == bytes_of(day.facts)
    assert bytes_of(delivered(day.facts, USUAL, 1)) == bytes_of(delivered(day.facts, USUAL, 1))


def test_another_seed_gives_other_calls_under_other_ids(day):
    other = Centre(2).day(DAY)
    assert {f["call_id"] for f in other.facts if "call_id" in f}.isdisjoint(f.get("call_id") for f in day.facts)


def test_facts_come_in_the_order_of_their_instants_and_their_ids_are_unique_in_their_stream(day):
    instants = [fact["occurred_at"] for fact in day.facts]
    assert instants == sorted(instants)
    ids = Counter(
        (fact.get("call_id"), fact.get("agent") if "call_id" not in fact else None, fact["id"]) for fact in day.facts
    )
    assert set(ids.values()) == {1}


def test_every_fact_is_one_that_the_api_takes(day):
    refused = [(fact, verdict) for fact in day.facts if isinstance(verdict := canonical(fact), list)]
    assert refused == []


def test_a_day_knows_the_life_of_a_call_and_of_an_agent(day):
    assert {fact["type"] for fact in day.facts} == {
        *(f"call.{what}" for what in ("started", "queued", "ringing", "ring_no_answer", "answered", "held", "resumed")),
        *(f"call.{what}" for what in ("transferred", "abandoned", "queue_left", "leg_ended", "ended", "recorded")),
        *(f"call.{what}" for what in ("wrapup_started", "wrapup_ended", "disposition_set")),
        *(f"agent.{what}" for what in ("signed_in", "signed_out", "paused", "resumed")),
    }


def test_no_number_lies_outside_the_range_kept_for_fiction(day):
    numbers = re.findall(rb"\+\d+", bytes_of(day.facts))
    assert numbers
    assert [number for number in numbers if not re.fullmatch(rb"\+3319900\d{4}", number)] == []


def test_the_truth_adds_up(day):
    for of in figures(day.visits, day.legs).values():
        assert of.offered == of.answered + of.abandoned + of.overflowed
        assert of.answered_within <= of.answered
        assert of.short_abandoned <= of.abandoned_within <= of.abandoned
        assert of.handled == of.answered


def test_the_facts_state_the_truth(day):
    """Counted by queue from the facts alone: an independent path to the same figures, since nothing is disturbed."""
    answered, abandoned, left, waited = Counter(), Counter(), Counter(), Counter()
    for fact in day.facts:
        queue, data = fact.get("queue"), fact.get("data", {})
        match fact["type"]:
            case "call.answered" if queue:
                answered[queue] += 1
                waited[queue] += round(data["wait_seconds"] * 1000)
            case "call.abandoned":
                abandoned[queue] += 1
            case "call.queue_left":
                left[queue, data["reason"]] += 1
    truth = figures(day.visits, day.legs)
    assert answered == {queue: of.answered for queue, of in truth.items()}
    assert abandoned == {queue: of.abandoned for queue, of in truth.items()}
    assert waited == {queue: of.answered_wait for queue, of in truth.items()}
    assert left == {(queue, reason): n for queue, of in truth.items() for reason, n in of.left_by_reason.items()}


def test_nobody_talks_to_two_callers_at_once(day):
    busy = {}
    for fact in day.facts:
        agent = fact.get("agent")
        if fact["type"] == "call.answered":
            assert agent not in busy, fact
            busy[agent] = fact["call_id"]
        elif fact["type"] == "call.wrapup_ended":
            assert busy.pop(agent) == fact["call_id"]
    assert busy == {}


def test_fewer_agents_make_callers_wait_longer_and_give_up_more():
    def share_lost_and_mean_wait(agents):
        run = Centre(1, replace(Plan(), agents=agents)).day(DAY, 8, 12)
        all_queues = figures(run.visits, run.legs).values()
        answered = sum(of.answered for of in all_queues)
        lost = sum(of.abandoned for of in all_queues) / sum(of.offered for of in all_queues)
        return lost, sum(of.answered_wait for of in all_queues) / answered

    full, half = share_lost_and_mean_wait(AGENTS), share_lost_and_mean_wait(AGENTS[::2])
    assert half[0] > 2 * full[0]
    assert half[1] > 2 * full[1]


def test_a_window_ends_with_its_last_callers(day):
    morning = Centre(1).day(DAY, 8, 12)
    starts = [fact["occurred_at"] for fact in morning.facts if fact["type"] == "call.started"]
    assert min(starts) >= "2026-11-20T07:00"
    assert max(starts) < "2026-11-20T11:00"
    assert all(visit.outcome for visit in morning.visits)
    assert morning.facts[-1]["occurred_at"] < "2026-11-20T12:00"


def test_a_wall_clock_hour_is_found_on_the_day_the_clocks_change():
    facts = Centre(1).day(date(2026, 10, 25), 9, 10).facts
    starts = [fact["occurred_at"] for fact in facts if fact["type"] == "call.started"]
    assert min(starts) >= "2026-10-25T08:00"
    assert max(starts) < "2026-10-25T09:00"


def test_without_disturbance_facts_arrive_as_they_occurred(day):
    assert list(delivered(day.facts, NONE, 1)) == day.facts


def test_disturbances_repeat_and_reorder_but_change_no_fact(day):
    arrived = list(delivered(day.facts, replace(USUAL, missing_ends=0), 1))
    assert arrived != sorted(arrived, key=lambda fact: fact["occurred_at"])
    assert len(arrived) > len(day.facts)
    assert {orjson.dumps(fact) for fact in arrived} == {orjson.dumps(fact) for fact in day.facts}


def test_a_missing_end_leaves_every_wait_known(day):
    arrived = list(delivered(day.facts, Disturbances(missing_ends=0.5), 1))
    missing = Counter(f["type"] for f in day.facts) - Counter(f["type"] for f in arrived)
    assert missing["call.ended"] > 100
    assert missing.keys().isdisjoint({"call.queued", "call.answered", "call.abandoned", "call.queue_left"})


def test_a_wrong_clock_moves_every_instant(day):
    wrong = delivered(day.facts, Disturbances(clock_offset=-90), 1)
    for true, skewed in zip(day.facts, wrong, strict=True):
        moved = datetime.fromisoformat(skewed["occurred_at"]) - datetime.fromisoformat(true["occurred_at"])
        assert moved.total_seconds() == pytest.approx(-90)
