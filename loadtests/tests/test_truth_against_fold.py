"""The fold reads the simulated facts, the truth was counted without them: both must come to the same figures."""

from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime

import pytest

from gateway.adapters.asterisk_queue_log import AsteriskQueueLog
from gateway.sources import Source
from loadtests.simulator.centre import Centre
from loadtests.simulator.disturbances import NONE, USUAL, Disturbances, delivered
from loadtests.simulator.journal import Figures, figures
from loadtests.simulator.queue_log import queue_log
from services.calls.domain.facts import canonical, event_id, stream_id
from services.calls.domain.fold import Fact, fold


def folded(items):
    """The calls as the fold tells them, by call id."""
    calls = defaultdict(list)
    for item in items:
        if "call_id" in item:
            fact = canonical(item)
            stream = stream_id(fact["source"], "call", fact["call_id"])
            occurred_at = round(datetime.fromisoformat(fact["occurred_at"]).timestamp() * 1_000_000)
            calls[fact["call_id"]].append(Fact.of(event_id(stream, fact["id"]), fact, occurred_at))
    return {call_id: fold(facts) for call_id, facts in calls.items()}


def reported(calls):
    by_queue = defaultdict(Figures)
    for call in calls:
        queue_of = {visit.id: visit.queue for visit in call.visits}
        for visit in call.visits:
            of = by_queue[visit.queue]
            of.offered += 1
            if visit.outcome == "answered":
                of.answered += 1
                of.answered_within += visit.wait_ms <= 20_000
                of.answered_wait += visit.wait_ms
            elif visit.outcome == "abandoned":
                of.abandoned += 1
                of.abandoned_within += visit.wait_ms <= 20_000
                of.short_abandoned += visit.wait_ms <= 5_000
            else:
                of.left_by_reason[visit.reason] += 1
        for leg in call.legs:
            if leg.visit_id and leg.handled:
                of = by_queue[queue_of[leg.visit_id]]
                of.handled += 1
                of.talk += leg.talk_ms
                of.hold += leg.hold_ms
                of.wrapup += leg.wrapup_ms
    return dict(by_queue)


def without_legs(by_queue):
    return {queue: replace(of, handled=0, talk=0, hold=0, wrapup=0) for queue, of in by_queue.items()}


@pytest.mark.parametrize("disturbances", [NONE, replace(USUAL, duplicated=0.1, late=0.2, missing_ends=0)])
def test_every_figure_is_true_however_the_facts_arrive(disturbances):
    day = Centre(5).day(date(2026, 11, 20))
    calls = folded(delivered(day.facts, disturbances, 5))
    assert reported(calls.values()) == figures(day.visits, day.legs)
    assert {note for call in calls.values() for note in call.notes} == set()
    assert {call.state for call in calls.values()} == {"ended"}


def test_waits_and_counts_are_true_where_ends_are_missing():
    day = Centre(5).day(date(2026, 11, 20), 8, 12)
    calls = folded(delivered(day.facts, Disturbances(missing_ends=0.2), 5))
    told = without_legs(reported(calls.values()))
    assert told == figures(day.visits, [])
    assert any(call.state == "talking" for call in calls.values())


def test_the_queue_log_of_a_day_tells_its_visits_in_whole_seconds():
    day = Centre(5).day(date(2026, 11, 20))
    body = "\n".join(queue_log(day.facts)).encode()
    items = list(AsteriskQueueLog().items(body, Source("pbx1"), {}))
    assert [item.fault for item in items if item.fault] == []
    calls = folded(fact for item in items for fact in item.facts)
    assert without_legs(reported(calls.values())) == figures(day.visits, [], resolution=1000)
