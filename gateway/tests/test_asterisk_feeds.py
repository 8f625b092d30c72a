"""The feeds of one Asterisk about the same calls: each alone, and all of them in any order, tell the same story."""

import random
from datetime import UTC, datetime, timedelta
from itertools import permutations
from zoneinfo import ZoneInfo

import orjson
import pytest

from gateway.adapters.asterisk_ami import AsteriskAmi
from gateway.adapters.asterisk_cdr import AsteriskCdr
from gateway.adapters.asterisk_queue_log import AsteriskQueueLog
from gateway.sources import Source
from services.calls.api import canonical
from services.calls.domain.facts import event_id, stream_id
from services.calls.domain.fold import Fact, fold

SOURCE = Source("pbx1", ZoneInfo("Europe/Paris"), "FR")
CALL, NOON = "1767607190.101", 1_767_607_200
LOG, AMI, CDR = AsteriskQueueLog(), AsteriskAmi(), AsteriskCdr()
AGENT, OTHER = "a-1042", "a-1043"


def line(second, agent, event, *parameters, queue="q-sales", call=CALL):
    return "|".join(map(str, (NOON + second, call, queue, agent or "NONE", event, *parameters)))


def event(second, name, agent=None, queue="q-sales", call=CALL, **more):
    """An event of the caller's channel, a third of a second after the log's line."""
    said = {"Event": name, "Timestamp": f"{NOON + second}.333333", "Uniqueid": call, "Linkedid": call, "Queue": queue}
    member = {"MemberName": agent, "Interface": f"PJSIP/{agent}"} if agent else {}
    return orjson.dumps(said | member | more).decode()


def hold(second, name, agent):
    said = {"Event": name, "Timestamp": f"{NOON + second}.333333", "Channel": f"PJSIP/{agent}-00000a1b"}
    return orjson.dumps(said | {"Uniqueid": "1767607190.902", "Linkedid": CALL}).decode()


def row(**columns):
    usual = {"uniqueid": CALL, "linkedid": CALL, "src": "+33199001234", "dst": "600", "disposition": "ANSWERED"}
    usual |= {"channel": "PJSIP/trunk-00000a1a", "dstchannel": "PJSIP/1042-00000a1b", "start": "2026-01-05 11:00:00"}
    usual |= {"answer": "2026-01-05 11:00:20", "end": "2026-01-05 11:02:20", "duration": "140", "billsec": "120"}
    return orjson.dumps(usual | columns).decode()


def facts(adapter, told, call=CALL, **given):
    """The facts of the items told, as the fold reads them."""
    stream = stream_id("pbx1", "call", call)
    found = []
    for item in adapter.items("\n".join(told).encode(), SOURCE, given):
        assert item.fault is None, item
        for fact in map(canonical, item.facts):
            at = Fact.of(event_id(stream, fact["id"]), fact, _microseconds(fact["occurred_at"]))
            found += [at] if fact["call_id"] == call else []
    return found


def _microseconds(instant):
    return (datetime.fromisoformat(instant) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def figures(call):
    """What reports count of a call; instants by the second, since the log knows no finer ones."""
    visits = [
        (v.queue, v.outcome, v.reason, v.wait_ms, v.agent, v.inferred, v.entered_at // 10**6) for v in call.visits
    ]
    legs = [(leg.agent, leg.queue, leg.talk_ms, leg.hold_ms, leg.ring_ms, leg.handled) for leg in call.legs]
    missed = sorted((ring.agent, ring.ring_ms) for ring in call.rings if ring.result == "missed")
    return call.state, call.outcome, visits, legs, missed, call.notes


ANSWERED_LOG = [
    line(0, None, "ENTERQUEUE", "", "+33199001234", 1),
    line(12, AGENT, "RINGNOANSWER", 10000),
    line(20, OTHER, "CONNECT", 20, "1767607190.903", 6),
    line(140, OTHER, "COMPLETECALLER", 20, 120, 1),
]
ANSWERED_AMI = [
    event(0, "QueueCallerJoin", Position="1", CallerIDNum="+33199001234"),
    event(12, "AgentRingNoAnswer", AGENT, RingTime="10000"),
    event(20, "AgentConnect", OTHER, HoldTime="20", RingTime="6"),
    event(20, "QueueCallerLeave", Position="1"),
    event(140, "AgentComplete", OTHER, HoldTime="20", TalkTime="120", Reason="caller"),
]
STORIES = {
    "answered": (ANSWERED_LOG, ANSWERED_AMI),
    "abandoned": (
        [ANSWERED_LOG[0], line(42, None, "ABANDON", 1, 1, 42)],
        [ANSWERED_AMI[0], event(42, "QueueCallerAbandon", Position="1", OriginalPosition="1", HoldTime="42")],
    ),
    "round and round in one queue": (
        [
            *ANSWERED_LOG[:3],
            line(60, OTHER, "BLINDTRANSFER", 600, "ctx", 20, 40, 1),
            line(60, None, "ENTERQUEUE", "", "+33199001234", 1),
            line(75, OTHER, "CONNECT", 15, "1767607190.904", 6),
            line(90, OTHER, "COMPLETEAGENT", 15, 15, 1),
        ],
        [
            *ANSWERED_AMI[:3],
            event(60, "AgentComplete", OTHER, HoldTime="20", TalkTime="40", Reason="transfer"),
            event(60, "QueueCallerJoin", Position="1"),
            event(75, "AgentConnect", OTHER, HoldTime="15", RingTime="6"),
            event(90, "AgentComplete", OTHER, HoldTime="15", TalkTime="15", Reason="agent"),
        ],
    ),
    "from queue to queue": (
        [
            *ANSWERED_LOG[:3],
            line(60, OTHER, "ATTENDEDTRANSFER", "BRIDGE", "b-1", 20, 40, 1),
            line(61, None, "ENTERQUEUE", "", "", 1, queue="q-care"),
            line(70, AGENT, "CONNECT", 9, "1.9", 2, queue="q-care"),
            line(80, AGENT, "COMPLETEAGENT", 9, 10, 1, queue="q-care"),
        ],
        [
            *ANSWERED_AMI[:3],
            event(60, "AgentComplete", OTHER, HoldTime="20", TalkTime="40", Reason="transfer"),
            event(61, "QueueCallerJoin", queue="q-care"),
            event(70, "AgentConnect", AGENT, "q-care", HoldTime="9", RingTime="2"),
            event(80, "AgentComplete", AGENT, "q-care", HoldTime="9", TalkTime="10", Reason="agent"),
        ],
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_the_log_and_ami_tell_the_same_alone_and_together_in_any_order(story):
    log, ami = (facts(adapter, told) for adapter, told in zip((LOG, AMI), STORIES[story], strict=True))
    truth = figures(fold(log))
    assert figures(fold(ami)) == truth
    for seed in range(20):
        assert figures(fold(random.Random(seed).sample(log + ami, len(log + ami)))) == truth
    assert fold(log + ami).contradictions == ()


def test_what_the_log_and_ami_say_differently_is_a_contradiction():
    log, ami = facts(LOG, ANSWERED_LOG), facts(AMI, STORIES["abandoned"][1])
    (found,) = fold(log + ami).contradictions
    assert (found.thing, found.about) == ("queue", "q-sales")
    assert found.detail == f"unanswered q-sales wait 42 s / answered q-sales {OTHER} wait 20 s"


def test_that_ami_calls_every_way_out_an_abandon_is_none():
    log = facts(LOG, [ANSWERED_LOG[0], line(42, None, "EXITWITHTIMEOUT", 1, 1, 42)])
    assert fold(log + facts(AMI, STORIES["abandoned"][1])).contradictions == ()


def test_whatever_ami_missed_the_log_tells_and_nothing_counts_twice():
    """AMI was away for a while, and the lines of that while come from the log, with some on both edges."""
    log, ami = facts(LOG, ANSWERED_LOG), facts(AMI, ANSWERED_AMI)
    truth = figures(fold(log))
    for begin in range(len(log)):
        for end in range(begin, len(log)):
            heard = [each for each in ami if each.id not in {ami[place].id for place in range(begin, end)}]
            for edge in (log[begin:end], log[max(begin - 1, 0) : end + 1]):
                assert figures(fold(heard + edge)) == truth


def test_an_entry_that_only_ami_told_is_implied_where_the_log_tells_of_a_later_one():
    heard, filled = facts(AMI, ANSWERED_AMI[:4]), facts(LOG, [line(60, None, "ENTERQUEUE", "", "", 1, queue="q-care")])
    call = fold(heard + filled)
    assert [(v.queue, v.outcome, v.wait_ms, v.inferred) for v in call.visits] == [
        ("q-sales", "answered", 20_000, True),
        ("q-care", "in_progress", None, False),
    ]


@pytest.mark.parametrize(("left", "reason"), [("EXITWITHTIMEOUT", "timeout"), ("EXITEMPTY", "no_agents")])
def test_an_exit_that_ami_calls_an_abandon_is_what_the_log_calls_it(left, reason):
    ami = facts(AMI, STORIES["abandoned"][1])
    log = facts(LOG, [line(42, None, left, 1, 1, 42)])
    assert [(v.outcome, v.reason) for v in fold(ami + log).visits] == [("overflowed", reason)]


def test_by_ami_alone_who_presses_a_key_waits_no_longer_and_who_is_sent_on_gave_nothing_up():
    key = [ANSWERED_AMI[0], event(30, "QueueCallerLeave", Position="1")]
    late = [ANSWERED_AMI[0], event(42, "QueueCallerAbandon", HoldTime="42"), event(42, "QueueCallerLeave")]
    assert [(v.outcome, v.reason) for v in fold(facts(AMI, key)).visits] == [("overflowed", "key")]
    assert [(v.outcome, v.reason) for v in fold(facts(AMI, late)).visits] == [("abandoned", None)]
    sent_on = [*late, event(43, "QueueCallerJoin", queue="q-care")]
    assert [(v.outcome, v.reason) for v in fold(facts(AMI, sent_on)).visits] == [
        ("overflowed", "overflow"),
        ("in_progress", None),
    ]


@pytest.mark.parametrize("feeds", [(AMI,), (AMI, LOG)])
def test_talk_is_net_of_the_holds_that_ami_tells(feeds):
    told = {LOG: ANSWERED_LOG, AMI: [*ANSWERED_AMI, hold(40, "Hold", "1043"), hold(70, "Unhold", "1043")]}
    call = fold([fact for feed in feeds for fact in facts(feed, told[feed])])
    assert [(leg.agent, leg.talk_ms, leg.hold_ms) for leg in call.legs] == [(OTHER, 90_000, 30_000)]


@pytest.mark.parametrize("columns", [{"lastapp": "Queue"}, {"dcontext": "ext-queues"}, {}])
@pytest.mark.parametrize("told", [(LOG, ANSWERED_LOG), (AMI, ANSWERED_AMI)], ids=["log", "ami"])
def test_a_row_of_a_call_that_a_queue_handled_adds_neither_visit_nor_leg(told, columns):
    of_queue, of_row = facts(*told), facts(CDR, [row(**columns)])
    truth = figures(fold(of_queue))
    for order in permutations((of_queue, of_row)):
        assert figures(fold([fact for part in order for fact in part])) == truth


def test_a_leg_before_the_queue_counts_beside_it():
    """The reception answers and transfers: the row says by which application the phone was rung."""
    columns = {"lastapp": "Dial", "dst": "1001", "dstchannel": "PJSIP/1001-00000a1a", "start": "2026-01-05 10:59:00"}
    reception = row(**columns, answer="2026-01-05 10:59:10", end="2026-01-05 11:00:00", billsec="50")
    for told in (facts(LOG, ANSWERED_LOG), facts(AMI, ANSWERED_AMI)):
        call = fold(told + facts(CDR, [reception, row(lastapp="Queue")]))
        assert [(leg.agent, leg.talk_ms, leg.handled) for leg in call.legs] == [
            ("PJSIP/1001", 50_000, True),
            (OTHER, 120_000, True),
        ]
        assert [(visit.outcome, visit.wait_ms) for visit in call.visits] == [("answered", 20_000)]
        assert call.state == "ended"


DIRECT = {"src": "1042", "dst": "0199005678", "channel": "PJSIP/1042-00000a1b", "dstchannel": "PJSIP/trunk-00000a1c"}


def test_an_outbound_call_is_a_leg_of_the_phone_that_dialled():
    told = facts(CDR, [row(**DIRECT)])
    call = fold(told)
    assert (call.state, call.outcome, call.direction, call.visits) == ("ended", "answered", "outbound", ())
    (leg,) = call.legs
    assert (leg.agent, leg.talk_ms, leg.handled) == ("PJSIP/1042", 120_000, True)
    held = [hold(0, "Hold", "1042"), hold(30, "Unhold", "1042")]
    held = facts(AMI, [each.replace(str(NOON), str(NOON + 60)) for each in held])
    assert [(leg.talk_ms + leg.hold_ms) for leg in fold(told + held).legs] == [120_000]


def test_a_row_again_changes_nothing_and_one_that_is_said_to_be_corrected_wins():
    first, again = facts(CDR, [row(**DIRECT)]), facts(CDR, [row(**DIRECT)])
    assert fold(first + again) == fold(first)
    corrected = facts(CDR, [row(**DIRECT, billsec="90")], corrected_at="1767700000")
    corrected += facts(CDR, [row(**DIRECT, billsec="60")], corrected_at="1767700001")
    for order in permutations((first, corrected)):
        (leg,) = fold([fact for part in order for fact in part]).legs
        assert leg.talk_ms == 60_000
    assert figures(fold(corrected + facts(LOG, ANSWERED_LOG))) == figures(fold(facts(LOG, ANSWERED_LOG)))
