"""Rows of calls: what figures they give, how they correct each other, and how bad ones are told apart."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.adapters.csv_calls import CsvCalls
from gateway.problems import Problem
from gateway.sources import Source
from services.calls.api import canonical
from services.calls.domain.facts import event_id, stream_id
from services.calls.domain.fold import Fact, fold

PARIS = Source("old-pbx", ZoneInfo("Europe/Paris"), "FR")
HEAD = "external_id,direction,started_at,queue,queued_at,answered_at,ended_at,agent,from_number,outcome,hold_s,wrapup_s"
ROW = (
    "c-0001,inbound,2026-01-05T10:00:00+01:00,q-sales,2026-01-05T10:00:05+01:00,2026-01-05T10:00:25+01:00,"
    "2026-01-05T10:03:00+01:00,a-1042,+33199001234,answered,12,30"
)
SHORT = "external_id,direction,started_at"


def items(*lines, at="2026-11-23T09:00:00+00:00", separator="\r\n", **given):
    return list(CsvCalls(lambda: datetime.fromisoformat(at)).items(separator.join(lines).encode(), PARIS, given))


def facts_of(*lines, **how):
    (item,) = items(*lines, **how)
    assert item.fault is None, item.fault
    taken = [canonical(fact) for fact in item.facts]
    assert not [fault for fault in taken if isinstance(fault, list)]
    return taken


def folded(*facts):
    stream = stream_id("old-pbx", "call", facts[0]["call_id"])
    return fold(
        Fact.of(event_id(stream, f["id"]), f, int(datetime.fromisoformat(f["occurred_at"]).timestamp() * 1_000_000))
        for f in facts
    )


def fault_of(*lines):
    (item,) = items(*lines)
    return item.fault.pointer, item.fault.code


def test_the_row_of_the_format_is_an_answered_call_with_its_durations():
    call = folded(*facts_of(HEAD, ROW))
    (visit,), (leg,) = call.visits, call.legs
    assert (call.outcome, call.direction, visit.queue, visit.wait_ms) == ("answered", "inbound", "q-sales", 20_000)
    assert (leg.agent, leg.talk_ms, leg.hold_ms, leg.wrapup_ms) == ("a-1042", 143_000, 12_000, 30_000)


@pytest.mark.parametrize(
    ("outcome", "became", "reason"),
    [("abandoned", "abandoned", None), ("timeout", "overflowed", "timeout"), ("full", "overflowed", "full")],
)
def test_a_call_that_nobody_took_left_its_queue_as_the_row_says(outcome, became, reason):
    head = "external_id,direction,started_at,queue,ended_at,outcome,wait_s"
    call = folded(*facts_of(head, f"c-1,inbound,2026-01-05T09:00:00Z,q-sales,2026-01-05T09:01:00Z,{outcome},41.5"))
    (visit,) = call.visits
    assert (visit.outcome, visit.reason, visit.wait_ms) == (became, reason, 41_500)


def test_an_end_that_no_column_says_follows_from_the_durations():
    head = "external_id,direction,started_at,answered_at,agent,queue,talk_s,hold_s,wrapup_s"
    call = folded(*facts_of(head, "c-1,inbound,2026-01-05T09:00:00Z,2026-01-05T09:00:10Z,a-1,q-sales,95,5,20"))
    leg = call.legs[0]
    assert (call.state, leg.handled, leg.talk_ms, leg.hold_ms, leg.wrapup_ms) == ("ended", True, 95_000, 5_000, 20_000)
    assert leg.ended_at - leg.answered_at == 100_000_000
    head = "external_id,direction,started_at,queue,outcome,wait_s"
    (visit,) = folded(*facts_of(head, "c-2,inbound,2026-01-05T09:00:00Z,q-sales,abandoned,35")).visits
    assert (visit.wait_ms, visit.ended_at - visit.entered_at) == (35_000, 35_000_000)


def test_stated_durations_win_over_instants():
    head = f"{HEAD},talk_s,wait_s"
    call = folded(*facts_of(head, f"{ROW},100,18"))
    assert (call.visits[0].wait_ms, call.legs[0].talk_ms) == (18_000, 100_000)


def test_an_outbound_call_has_a_leg_and_no_visit():
    head = "external_id,direction,started_at,answered_at,ended_at,agent,to_number"
    call = folded(
        *facts_of(head, "c-9,outbound,2026-01-05T09:00:00Z,2026-01-05T09:00:10Z,2026-01-05T09:02:10Z,a-7,0199001234")
    )
    assert (call.direction, call.visits, call.legs[0].talk_ms) == ("outbound", (), 120_000)


def test_an_equal_row_says_the_same_and_a_changed_one_corrects_the_call():
    first = facts_of(HEAD, ROW)
    again = facts_of(HEAD, ROW, at="2026-11-24T09:00:00+00:00")
    assert [fact["id"] for fact in again] == [fact["id"] for fact in first]
    changed = facts_of(HEAD, ROW.replace("a-1042", "a-1043"), at="2026-11-24T09:00:00+00:00")
    for told in ((*first, *changed), (*changed, *first)):
        assert [leg.agent for leg in folded(*told).legs] == ["a-1043"]


def test_the_newest_version_counts_whenever_it_came():
    head, row = f"{HEAD},updated_at", f"{ROW},2026-02-0%dT00:00:00Z"
    newer = facts_of(head, (row % 2).replace("a-1042", "a-1043"), at="2026-11-23T09:00:00+00:00")
    older = facts_of(head, row % 1, at="2026-11-24T09:00:00+00:00")
    assert [leg.agent for leg in folded(*newer, *older).legs] == ["a-1043"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters_a_mark_of_unicode_and_quotes_are_understood(delimiter):
    head, row = (
        "\ufeff" + SHORT.replace(",", delimiter) + f"{delimiter}note",
        delimiter.join(["c-1", "INBOUND", "2026-01-05T09:00:00Z", f'"said ""no""{delimiter}\r\ntwice"']),
    )
    (fact,) = facts_of(head, row)
    assert fact["data"]["raw"] == {"note": f'said "no"{delimiter}\r\ntwice'}


def test_columns_of_other_names_are_mapped():
    (fact,) = facts_of("CallID,Way,Start: at", "c-1,inbound,2026-01-05T09:00:00Z",
                       mapping="CallID:external_id,Way:direction,Start: at:started_at")  # fmt: skip
    assert fact["call_id"] == "c-1"


def test_local_times_are_in_the_rows_zone_else_in_the_sources():
    (fact,) = facts_of(SHORT, "c-1,inbound,2026-07-05 10:00:00")
    assert fact["occurred_at"] == "2026-07-05T08:00:00+00:00"
    (fact,) = facts_of(f"{SHORT},tz", "c-1,inbound,2026-07-05T10:00:00,America/New_York")
    assert fact["occurred_at"] == "2026-07-05T14:00:00+00:00"


@pytest.mark.parametrize(
    ("row", "pointer"),
    [
        (",inbound,2026-01-05T09:00:00Z", "/external_id"),
        ("c-1,sideways,2026-01-05T09:00:00Z", "/direction"),
        ("c-1,inbound,yesterday", "/started_at"),
        ("c-1,inbound,2026-10-25T02:30:00", "/started_at"),  # twice in Paris
        ("c-1,inbound,2026-03-29T02:30:00", "/started_at"),  # never in Paris
        ("c-1,inbound", ""),
        ("c-1,inbound,2026-01-05T09:00:00Z,more", ""),
    ],
)
def test_a_bad_row_is_told_by_its_column(row, pointer):
    assert fault_of(SHORT, row) == (pointer, "telephony.malformed_row")


@pytest.mark.parametrize(
    ("column", "value", "pointer"),
    [
        ("answered_at", "2026-01-05T09:00:00Z", "/agent"),
        ("outcome", "answered", "/answered_at"),
        ("outcome", "timeout", "/queue"),
        ("outcome", "vanished", "/outcome"),
        ("wait_s", "a while", "/wait_s"),
        ("wait_s", "-3", "/wait_s"),
        ("tz", "Mars/Olympus", "/tz"),
        ("updated_at", "soon", "/updated_at"),
    ],
)
def test_what_contradicts_itself_is_told_by_its_column(column, value, pointer):
    assert fault_of(f"{SHORT},{column}", f"c-1,inbound,2026-01-05T09:00:00,{value}")[0] == pointer


def test_a_bad_row_leaves_the_others_alone():
    told = items(SHORT, "c-1,inbound,2026-01-05T09:00:00Z", "c-2", "", "c-3,inbound,2026-01-05T09:00:00Z")
    assert [(item.id, item.fault is None) for item in told] == [("c-1", True), ("c-2", False), ("c-3", True)]


@pytest.mark.parametrize(
    ("head", "given", "pointer"),
    [
        ("external_id,direction", {}, "/started_at"),
        (f"{SHORT},queue,Queue", {"mapping": "Queue:queue"}, "/queue"),
        (SHORT, {"mapping": "external_id"}, "/mapping"),
        (SHORT, {"mapping": "Start:began"}, "/mapping"),
    ],
)
def test_a_file_whose_columns_make_no_sense_is_refused_as_a_whole(head, given, pointer):
    with pytest.raises(Problem) as refused:
        items(head, "c-1,inbound,2026-01-05T09:00:00Z", **given)
    assert (refused.value.status, refused.value.errors[0]["pointer"]) == (422, pointer)
