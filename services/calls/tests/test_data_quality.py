"""The report on data quality: what it may be asked, and that its lists lose and repeat nothing."""

from collections import Counter
from datetime import timedelta

import pytest

from services.calls.reports import data_quality
from services.calls.tests.doubting import NINE, RANGE, after, agent_fact, counts, doubts
from services.calls.tests.running import call_fact
from services.kernel.values import Actor


def test_what_gives_no_reason_for_doubt_has_no_row(calls):
    calls.take(
        call_fact("c1", "queued", NINE, queue="sales"),
        call_fact("c1", "answered", after(12), queue="sales", agent="a-1"),
        call_fact("c1", "ended", after(60)),
    )
    assert counts(calls) == {}


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"to": RANGE["from_"]}, ("calls.report.range_empty", 422)),
        ({"to": RANGE["from_"] + timedelta(days=93)}, ("calls.report.range_too_long", 422)),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(calls, change, refusal):
    assert calls.refusal("DataQualityOf", **{**RANGE, **change}) == refusal


def test_whoever_is_limited_may_not_ask(calls):
    limited = Actor("key", queues=frozenset({"sales"}))
    for question, more in (("DataQualityOf", {}), ("DoubtsOf", {"kind": "late"})):
        assert calls.refusal(question, limited, **RANGE, **more) == ("auth.not_allowed", 403)


def test_whoever_sees_some_agents_only_is_told_how_many_doubts_there_are_and_not_of_whom(calls):
    calls.take(call_fact("c1", "answered", NINE, agent="a-1"))
    supervisor = Actor("ann", "person", frozenset({"supervisor"}), team="north")
    late = {**RANGE, "late_after_seconds": 60}
    assert [item["count"] for item in calls.ask("DataQualityOf", supervisor, **late)["items"]] == [1]
    assert calls.refusal("DoubtsOf", supervisor, kind="late", **late) == ("calls.report.names_not_shown", 403)


def test_a_key_of_some_sources_is_told_of_those(calls):
    calls.take(*(call_fact("c1", "answered", NINE, agent="a-1", source=source) for source in ("pbx1", "pbx2")))
    own = Actor("key", sources=frozenset({"pbx2", "pbx3"}))
    late = {**RANGE, "late_after_seconds": 60}
    assert [item["source"] for item in calls.ask("DataQualityOf", own, **late)["items"]] == ["pbx2"]
    assert [item["source"] for item in calls.ask("DoubtsOf", own, kind="late", **late)["items"]] == ["pbx2"]
    assert calls.refusal("DataQualityOf", own, source="pbx1", **late) == ("auth.source_not_allowed", 403)


def test_who_asks_for_too_much_is_told_so_before_the_deadline(calls, monkeypatch):
    calls.store(call_fact(f"c{n}", "queued", after(n % 60), queue="sales") for n in range(5000))
    monkeypatch.setattr(data_quality, "PATIENCE", 0.002)
    for question, more in (("DataQualityOf", {}), ("DoubtsOf", {"kind": "skewed"})):
        assert calls.refusal(question, **RANGE, **more) == ("calls.report.takes_too_long", 422)
    monkeypatch.undo()
    assert counts(calls) == {}


@pytest.fixture
def doubtful(calls):
    """Several doubts of each kind, of one call and at one instant."""
    facts = []
    for call in ("c1", "c2", "c3"):
        facts += [
            call_fact(call, "queued", after(20), queue="sales"),
            call_fact(call, "answered", after(10), queue="sales", agent="101"),
            call_fact(call, "queued", after(20), queue="care"),
            call_fact(call, "ringing", after(20), agent="102"),
            call_fact(call, "ringing", after(20), agent="103"),
        ]
        for record in ("r1", "r2"):
            versions = (("1", "a-1"), ("2", "a-2"))
            facts += [
                call_fact(call, "leg_ended", after(20), id=f"{record} {version}", agent=agent, record=record,
                          record_version=version)
                for version, agent in versions
            ]  # fmt: skip
    for agent in ("101", "102", "103"):
        facts += [agent_fact(agent, "signed_in", at) for at in (NINE, after(7200))]
    calls.store(facts)
    calls.store({**fact, "channel": channel} for fact in facts for channel in ("voice", "chat", "video"))
    for source in ("pbx1", "pbx2"):
        calls.store([call_fact("c1", "queued", NINE, queue="sales", source=source)] * 3)
    calls.map("agent", "100", "ada")
    calls.follow()
    calls.reap(after(30 * 86400))
    calls.follow()
    return calls


def test_pages_of_any_size_show_each_doubt_once_and_in_order(doubtful):
    counted = counts(doubtful, late_after_seconds=60)
    kinds = sorted({kind for _, kind in counted})
    assert len(kinds) > 8, kinds
    for kind in kinds:
        found = doubts(doubtful, kind, late_after_seconds=60)
        assert len(found) > 1, kind
        assert [item["at"] for item in found] == sorted(item["at"] for item in found)
        told = [str(item) for item in found]
        assert kind == "conflict" or len(set(told)) == len(told)
        sums = Counter()
        for item in found:
            sums[item["source"], kind] += item["count"]
        assert sums == {row: count for row, count in counted.items() if row[1] == kind}
        for limit in (1, 2, 3, 5):
            assert doubts(doubtful, kind, late_after_seconds=60, limit=limit) == found, (kind, limit)
