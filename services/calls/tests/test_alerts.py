"""Alerts: when a figure raises one, when it is over, what quiet hours do, and who sees it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from services.calls.alert_policies import watch_alerts
from services.calls.domain import alert_rules, alerts
from services.calls.domain.alert_rules import (
    AlertRule,
    AlertTerms,
    QuietHours,
    QuietSpan,
    ReviseAlertRule,
    SetAlertRule,
    Watched,
    quiet_until,
)
from services.calls.domain.alerts import (
    AcknowledgeAlert,
    Alarm,
    Alert,
    AlertCleared,
    ClearAlert,
    RaiseAlert,
    ReleaseAlert,
    Watch,
    look,
)
from services.calls.tests.running import call_fact
from services.calls.tests.test_live import agent_fact, ago
from services.kernel.decider import of, specification
from services.kernel.values import Actor

NOW = datetime(2026, 11, 18, 9, tzinfo=UTC)  # a Wednesday
KEY = UUID(int=7)
SALES = Watched("queue", "sales")
TERMS = AlertTerms("Too many wait", "waiting", SALES, "above", Decimal(5), duration_seconds=60)
ALARM = Alarm(KEY, "Too many wait", "waiting", SALES, "above", Decimal(5), Decimal(9), NOW)
LATER = NOW + timedelta(hours=8)

rule = specification(alert_rules.decide, alert_rules.evolve, AlertRule()).at(NOW)
alert = specification(alerts.decide, alerts.evolve, Alert()).on(str(KEY)).at(NOW)


# Rules


@pytest.mark.parametrize(
    ("kind", "measure"), [("queue", "silence_seconds"), ("source", "waiting"), ("quota", "service_level")]
)
def test_what_is_watched_must_have_the_figure(kind, measure):
    unfit = SetAlertRule("x", measure, Watched(kind, "y"), "above", Decimal(1))
    rule.when(unfit).rejected("calls.alert_rule.scope_unfit")


def test_nothing_is_revised_that_was_not_made():
    rule.when(of(ReviseAlertRule, TERMS)).rejected("calls.alert_rule.unknown")


# What a series of figures raises and clears


def verdicts(*series, terms=TERMS):
    watch, is_open, found = Watch(), False, []
    for second, value in series:
        watch, verdict = look(
            terms, watch, NOW + timedelta(seconds=second), None if value is None else Decimal(value), is_open=is_open
        )
        if verdict:
            is_open = verdict == "raise"
            found.append((second, verdict))
    return found


def test_a_threshold_must_stay_crossed_for_as_long_as_the_rule_says():
    assert verdicts((0, 6), (30, 9), (59, 9), (60, 9), (70, 9)) == [(60, "raise")]
    assert verdicts((0, 6), (30, 9), (50, 5), (60, 9), (119, 9)) == []


def test_a_figure_that_wavers_neither_raises_again_nor_clears():
    wavering = [(60 + 10 * n, 9 if n % 3 else 4) for n in range(30)]
    assert verdicts((0, 9), (60, 9), *wavering) == [(60, "raise")]
    assert verdicts((0, 9), (60, 9), (70, 4), (100, 4), (130, 4), (140, 9)) == [(60, "raise"), (130, "clear")]


def test_what_was_not_looked_at_for_long_counts_for_nothing():
    assert verdicts((0, 9), (1000, 9), (1030, 9), (1060, 9)) == [(1060, "raise")]


def test_no_figure_crosses_nothing():
    below = AlertTerms("x", "service_level", SALES, "below", Decimal("0.8"), duration_seconds=0)
    assert verdicts((0, None), (10, "0.8"), terms=below) == []
    assert verdicts((0, "0.79"), (10, None), (69, None), (70, None), terms=below) == [(0, "raise"), (70, "clear")]


# Raised, told and cleared once


def test_an_unknown_alert_is_not_acknowledged():
    alert.when(AcknowledgeAlert()).rejected("calls.alert.unknown")


def test_an_alert_is_raised_and_cleared_once_and_may_come_again():
    (raised,) = alert.when(RaiseAlert(ALARM)).outcome
    assert (raised.event_type, raised.alert, raised.raised_at, raised.value) == ("alert_raised", KEY, NOW, 9)
    alert.given(raised).when(RaiseAlert(ALARM)).then()
    (cleared,) = alert.given(raised).at(LATER).when(ClearAlert()).outcome
    assert (cleared.event_type, cleared.raised_at, cleared.cleared_at) == ("alert_cleared", NOW, LATER)
    alert.given(raised, cleared).when(ClearAlert()).then()
    assert len(alert.given(raised, cleared).when(RaiseAlert(ALARM)).outcome) == 1


def test_what_is_held_back_is_told_at_the_end_and_so_is_that_it_is_over():
    (held,) = alert.when(RaiseAlert(ALARM, LATER)).outcome
    assert (held.event_type, held.held_until) == ("alert_held_back", LATER)
    (told,) = alert.given(held).at(LATER).when(ReleaseAlert()).outcome
    assert (told.event_type, told.raised_at) == ("alert_raised", NOW)
    alert.given(held, told).when(ReleaseAlert()).then()
    over_at = NOW + timedelta(hours=1)
    (over,) = alert.given(held).at(over_at).when(ClearAlert()).outcome
    both = alert.given(held, over).at(LATER).when(ReleaseAlert()).outcome
    assert [type(each).__name__ for each in both] == ["AlertRaised", "AlertCleared"]
    assert both[1] == of(AlertCleared, told, cleared_at=over_at)


# Quiet hours


PARIS = ZoneInfo("Europe/Paris")
NIGHTS = QuietHours((QuietSpan(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "22:00", "07:00"),), PARIS)
WEEKENDS = QuietHours((*NIGHTS.spans, QuietSpan(("sat", "sun"), "07:00", "22:00")), PARIS)


@pytest.mark.parametrize(
    ("quiet", "now", "until"),
    [
        (None, "2026-11-18T23:00", None),
        (NIGHTS, "2026-11-18T21:59", None),
        (NIGHTS, "2026-11-18T22:00", "2026-11-19T07:00"),
        (NIGHTS, "2026-11-19T06:59", "2026-11-19T07:00"),
        (NIGHTS, "2026-11-19T07:00", None),
        (NIGHTS, "2026-03-28T23:00", "2026-03-29T07:00"),  # an hour less
        (WEEKENDS, "2026-11-20T23:00", "2026-11-23T07:00"),  # span after span
    ],
)
def test_quiet_hours_end_by_the_clock_of_their_zone(quiet, now, until):
    def here(text):
        return datetime.fromisoformat(text).replace(tzinfo=PARIS)

    assert quiet_until(quiet, here(now)) == (until and here(until))


# The policy on real calls


def made(calls, measure="waiting", threshold=0, comparison="above", *, scope=("queue", "sales"), number=1, **more):
    scope = dict(zip(("kind", "name"), scope, strict=True))
    body = {"name": measure, "measure": measure, "scope": scope, "threshold": threshold, "comparison": comparison}
    key = str(UUID(int=number))
    calls.order("SetAlertRule", key, {**body, "duration_seconds": 30, **more})
    calls.follow()
    return key


def watch(calls, *seconds, begin):
    told = []
    for second in seconds:
        told.append(watch_alerts(calls.connection, begin + timedelta(seconds=second)))
        calls.follow()
    return told


def shown(calls, actor=None, **asked):
    listed = calls.ask("Alerts", *([actor] if actor else []), **asked)["items"]
    return [(each["measure"], each["status"]) for each in listed]


def test_an_alert_is_raised_acknowledged_and_cleared_and_each_is_told_once(calls):
    begin = datetime.now(UTC)
    calls.take(call_fact("c1", "queued", ago(seconds=90), queue="sales"))
    endpoint = str(UUID(int=77))
    key = made(calls, emails=["duty@example.org"], webhooks=[endpoint])
    assert watch(calls, 0, 20, 30, 40, begin=begin) == [0, 0, 1, 0]
    (seen,) = calls.ask("Alerts")["items"]
    assert (seen["rule"], seen["value"], seen["status"], seen["acknowledged_at"]) == (key, 1, "open", None)
    calls.order("AcknowledgeAlert", seen["id"], {}, by=Actor("supervisor"))
    calls.take(call_fact("c1", "abandoned", ago(seconds=1), queue="sales"))
    assert watch(calls, 50, 100, 110, 120, begin=begin) == [0, 0, 1, 0]
    assert calls.ask("AlertOf", key=seen["id"])["acknowledged_by"] == "supervisor"
    assert shown(calls, status="cleared", acknowledged=True) == [("waiting", "cleared")]
    events = (
        "SELECT string_agg(type, ' ' ORDER BY transaction_id, position) FROM store.events WHERE type ~ 'alert_[rc]'"
    )
    types = calls.connection.execute(events).fetchone()[0]
    assert types == "alert_rule_set alert_raised alert_cleared"
    naming = (
        "SELECT count(*) FROM store.events WHERE type IN ('alert_raised', 'alert_cleared') AND data -> 'webhooks' ? %s"
    )
    assert calls.connection.execute(naming, (endpoint,)).fetchone() == (2,)
    stored = "SELECT count(*) FROM store.events WHERE data::text LIKE '%duty@%'"
    assert calls.connection.execute(stored).fetchone() == (0,)
    assert calls.ask("AlertRuleOf", key=key)["emails"] == ["duty@example.org"]
    assert calls.ask("AlertRecipientsOf", rule=key)["emails"] == ["duty@example.org"]


def test_in_quiet_hours_an_alert_is_seen_and_told_of_at_their_end_whatever_was_rebuilt(calls):
    begin = datetime(2026, 11, 17, 23, tzinfo=UTC)
    calls.take(call_fact("c1", "queued", ago(seconds=90), queue="sales"))
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    made(calls, quiet_hours={"spans": [{"days": days, "from": "22:00", "to": "07:00"}]})
    assert watch(calls, 0, 30, 60, begin=begin) == [0, 1, 0]
    assert shown(calls, status="held") == [("waiting", "held")]
    public = "SELECT count(*) FROM store.events WHERE type = 'alert_raised'"
    assert calls.connection.execute(public).fetchone() == (0,)
    calls.rebuild()
    assert watch(calls, 8 * 3600, 8 * 3600 + 10, begin=begin) == [1, 0]
    assert calls.connection.execute(public).fetchone() == (1,)
    assert shown(calls) == [("waiting", "open")]


def test_every_measure_is_looked_at(calls):
    begin = datetime.now(UTC)
    for queue, client in (("sales", "acme"), ("care", "acme")):
        calls.configure("ConfigureQueue", queue, {"client": client})
    calls.take(
        call_fact("c1", "queued", ago(seconds=90), queue="sales"),
        call_fact("c2", "queued", ago(seconds=80), queue="care"),
        call_fact("c3", "queued", ago(seconds=70), queue="care"),
        call_fact("c3", "abandoned", ago(seconds=10), queue="care"),
        agent_fact("a-1", "signed_in", ago(hours=1), {"queues": ["sales"]}),
    )
    quota = str(UUID(int=99))
    day = {"metric": "answered", "target": 5, "scope": {"kind": "queue", "name": "sales"}, "period": {"every": "day"}}
    calls.order("SetQuota", quota, day)
    acme = ("client", "acme")
    expected = [
        made(calls, "waiting", 1, scope=acme, number=1),
        made(calls, "longest_wait_seconds", 85, scope=acme, number=2),
        made(calls, "service_level", "0.5", "below", scope=acme, number=3),
        made(calls, "abandon_rate", "0.9", scope=acme, number=4),
        made(calls, "agents_available", 2, "below", scope=acme, number=5),
        made(calls, "quota_projection", 1, "below", scope=("quota", quota), number=6),
        made(calls, "silence_seconds", 20, scope=("source", "pbx1"), number=7),
    ]
    not_crossed = [made(calls, "agents_available", 1, "below", number=8), made(calls, "waiting", 1, number=9)]
    watch(calls, 0, 30, 60, begin=begin)
    assert sorted(each["rule"] for each in calls.ask("Alerts")["items"]) == expected
    assert not {*not_crossed} & {each["rule"] for each in calls.ask("Alerts")["items"]}
    calls.order("PauseAlertRule", expected[0], {})
    calls.follow()
    assert watch(calls, 70, begin=begin) == [1]
    assert shown(calls, status="cleared") == [("waiting", "cleared")]


def test_a_source_that_is_heard_is_not_silent(calls):
    begin = datetime.now(UTC)
    made(calls, "silence_seconds", 60, scope=("source", "pbx1"))
    assert watch(calls, 0, begin=begin) == [0]
    calls.take(call_fact("c1", "queued", ago(seconds=90), queue="sales"))
    assert watch(calls, 50, 61, 95, begin=begin) == [0, 0, 1]


def test_a_limited_caller_sees_and_makes_alerts_of_its_own_queues_alone(calls):
    begin = datetime.now(UTC)
    calls.take(call_fact("c1", "queued", ago(seconds=90), queue="sales"))
    key = made(calls)
    watch(calls, 0, 30, begin=begin)
    (seen,) = calls.ask("Alerts")["items"]
    own, other = Actor("tool", queues=frozenset({"sales"})), Actor("tool", queues=frozenset({"care"}))
    assert (shown(calls, own), shown(calls, other)) == ([("waiting", "open")], [])
    assert calls.ask("AlertRules", other)["items"] == []
    assert calls.query("AlertRuleOf", other, key=key)["refused"]["status"] == 404
    assert calls.query("AlertOf", other, key=seen["id"])["refused"]["status"] == 404
    assert calls.execute("AcknowledgeAlert", seen["id"], {}, by=other)["refused"]["status"] == 404
    body = {"name": "x", "measure": "waiting", "scope": {"kind": "queue", "name": "sales"}, "comparison": "above"}
    refused = calls.execute("SetAlertRule", str(UUID(int=5)), {**body, "threshold": 1}, by=other)
    assert refused["refused"]["status"] == 404
