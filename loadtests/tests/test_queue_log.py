from collections import Counter
from datetime import date

import pytest

from loadtests.simulator.centre import Centre
from loadtests.simulator.journal import figures
from loadtests.simulator.queue_log import queue_log

PARAMETERS = {
    "ENTERQUEUE": {3},
    "CONNECT": {3},
    "COMPLETECALLER": {3},
    "COMPLETEAGENT": {3},
    "ABANDON": {3},
    "EXITWITHTIMEOUT": {3},
    "EXITEMPTY": {3},
    "EXITWITHKEY": {4},
    "RINGNOANSWER": {1},
    "RINGCANCELED": {1},
    "BLINDTRANSFER": {5},
    "ATTENDEDTRANSFER": {5},
    "ADDMEMBER": {1},
    "REMOVEMEMBER": {1},
    "PAUSE": {1},
    "UNPAUSE": {1},
    "PAUSEALL": {1},
    "UNPAUSEALL": {1},
    "OUTCALL": {3},
    "FULL": {0},
    "JOINEMPTY": {0},
    "CLOSED": {0},
}


@pytest.fixture(scope="module")
def day():
    return Centre(3).day(date(2026, 11, 20))


@pytest.fixture(scope="module")
def lines(day):
    return [line.split("|") for line in queue_log(day.facts)]


def test_every_line_has_the_parameters_of_its_event(lines):
    assert {(event, len(parameters)) for _, _, _, _, event, *parameters in lines} <= {
        (event, count) for event, counts in PARAMETERS.items() for count in counts
    }
    assert all(epoch.isdigit() for epoch, *_ in lines)


def test_lines_are_in_the_order_of_a_log(lines):
    instants = [int(epoch) for epoch, *_ in lines]
    assert instants == sorted(instants)


def test_the_lines_tell_the_same_visits_in_whole_seconds(day, lines):
    """Reads the log as its reader must: an entry is a visit, a CONNECT answers it, an ABANDON or an EXIT loses it."""
    offered, answered, abandoned, waits, left = Counter(), Counter(), Counter(), Counter(), Counter()
    for _, _, queue, _, event, *parameters in lines:
        if event in {"ENTERQUEUE", "FULL", "JOINEMPTY", "CLOSED"}:
            offered[queue] += 1
        if event == "CONNECT":
            answered[queue] += 1
            waits[queue] += int(parameters[0])
        elif event == "ABANDON":
            abandoned[queue] += 1
        elif event.startswith("EXIT") or event in {"FULL", "JOINEMPTY", "CLOSED"}:
            left[queue] += 1
    truth = figures(day.visits, [], resolution=1000)
    assert offered == {queue: of.offered for queue, of in truth.items()}
    assert answered == {queue: of.answered for queue, of in truth.items()}
    assert abandoned == {queue: of.abandoned for queue, of in truth.items()}
    assert left == {queue: of.overflowed for queue, of in truth.items() if of.overflowed}
    assert waits == {queue: of.answered_wait // 1000 for queue, of in truth.items()}


def test_each_answered_visit_is_closed_once(lines):
    closing = Counter(event for *_, event in (line[:5] for line in lines))
    ends = ("COMPLETECALLER", "COMPLETEAGENT", "BLINDTRANSFER", "ATTENDEDTRANSFER")
    assert closing["CONNECT"] == sum(closing[event] for event in ends)


def test_an_outbound_call_is_one_line_when_it_is_over(day, lines):
    over = {f["call_id"] for f in day.facts if f["type"] == "call.ended" and f["direction"] == "outbound"}
    assert Counter(call for _, call, _, _, event, *_ in lines if event == "OUTCALL") == dict.fromkeys(over, 1)
