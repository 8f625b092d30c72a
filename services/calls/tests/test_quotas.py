"""Quotas: who sets them, who agrees, which periods they have, and what they come to."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.calls.domain import periods, quotas
from services.calls.domain.pace import Figures, pace
from services.calls.domain.periods import Period, Recurrence
from services.calls.domain.quota_assessments import AssessQuota
from services.calls.domain.quota_terms import Scope
from services.calls.domain.quotas import (
    AgreeQuota,
    Proposal,
    Quota,
    QuotaAgreed,
    QuotaRevised,
    QuotaSet,
    ReviseQuota,
    SetQuota,
    Target,
)
from services.kernel.decider import specification
from services.kernel.values import Actor

KEY = UUID(int=7)
PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 11, 18, 9, tzinfo=UTC)  # a Wednesday
MANAGER, CLIENT = Actor("manager"), Actor("acme-key", client="acme")
SALES = Scope("queue", "sales-fr")
WEEKLY = Recurrence("week", date(2026, 11, 18), timezone=PARIS)
MONDAY, NEXT_MONDAY = date(2026, 11, 16), date(2026, 11, 23)
THIS_WEEK = periods.holding(WEEKLY, MONDAY)

quota = specification(quotas.decide, quotas.evolve, Quota()).at(NOW).on(str(KEY))


def order(target="100", metric="answered", scope=SALES, period=WEEKLY, **more):
    return SetQuota(metric, scope, period, target=Decimal(target), **more)


def quota_set(party="centre", target="100", metric="answered", period=WEEKLY, **more):
    return QuotaSet(metric, SALES, period, target=Decimal(target), party=party, **more)


def assess(figure, denominator=None, period=THIS_WEEK):
    return AssessQuota(period, Figures(Decimal(figure), denominator), KEY)


@pytest.mark.parametrize(
    ("unfit", "code"),
    [
        ({"scope": Scope("team", "north"), "metric": "answered"}, "metric_not_of_agent"),
        ({"scope": Scope("team", "north"), "metric": "handled", "jointly": True}, "agent_not_for_clients"),
        ({"scope": Scope("agent", "a-1"), "metric": "service_level", "target": "0.8"}, "metric_not_of_agent"),
        ({"scope": Scope("agent", "a-1"), "metric": "handled", "jointly": True}, "agent_not_for_clients"),
        ({"flag": "sale"}, "flag_without_dispositions"),
        ({"metric": "service_level", "target": "80"}, "target_not_a_share"),
        ({"period": Recurrence("once", date(2026, 11, 1))}, "span_incomplete"),
        ({"period": Recurrence("once", date(2026, 11, 1), date(2028, 1, 1))}, "span_too_long"),
        ({"period": Recurrence("day", date(2025, 1, 1))}, "begins_too_early"),
        ({"period": Recurrence("day", last_day=date(2026, 11, 17))}, "ends_before_it_begins"),
    ],
)
def test_what_makes_no_sense_is_refused(unfit, code):
    quota.when(order(**unfit), by=MANAGER).rejected(f"calls.quota.{code}")


@pytest.mark.parametrize("scope", [Scope("agent", "a-1"), Scope("team", "north")])
def test_a_client_sets_no_quota_for_an_agent_or_a_team(scope):
    quota.when(order(metric="handled", scope=scope), by=CLIENT).rejected("calls.quota.agent_not_for_clients")


def test_a_quota_is_set_once():
    quota.given(quota_set()).when(order(), by=MANAGER).rejected("calls.quota.exists")


def test_nobody_agrees_for_the_other_party():
    quota.given(quota_set(jointly=True)).when(AgreeQuota(), by=MANAGER).rejected("calls.quota.nothing_to_agree")


def test_nobody_revises_what_the_other_party_set_alone():
    for party, other in (("centre", CLIENT), ("client", MANAGER)):
        quota.given(quota_set(party)).when(ReviseQuota(Decimal(90)), by=other).rejected("calls.quota.not_yours")


def test_there_is_nothing_to_agree_to_or_to_revise_before_it_is_set():
    for early in (AgreeQuota(), ReviseQuota(Decimal(90))):
        quota.when(early, by=MANAGER).rejected("calls.quota.unknown")


def test_one_party_alone_sets_a_quota_that_is_in_force_at_once_from_the_period_of_today_on():
    (
        quota.when(order(period=Recurrence("week", timezone=PARIS)), by=CLIENT)
        .then(quota_set("client", client="acme"))
        .leaves(status="in_force", targets=(Target(Decimal(100), MONDAY),))
    )


def test_a_joint_quota_is_in_force_once_the_other_party_agrees():
    proposed = quota.given(quota_set(jointly=True))
    agreed = proposed.when(AgreeQuota(), by=CLIENT)
    agreed.then(QuotaAgreed("client", "acme")).leaves(status="in_force", client="acme", proposal=None)


def test_a_revision_of_both_holds_from_its_date_once_both_agree():
    revised = QuotaRevised(Decimal(120), NEXT_MONDAY, None, "client")
    in_force = (quota_set(jointly=True), QuotaAgreed("client", "acme"))
    asked = ReviseQuota(Decimal(120), effective_from=date(2026, 11, 26))
    pending = quota.given(*in_force).when(asked, by=CLIENT)
    pending.then(revised).leaves(
        targets=(Target(Decimal(100), MONDAY),), proposal=Proposal(Decimal(120), NEXT_MONDAY, None, "centre")
    )
    agreed = quota.given(*in_force, revised).when(AgreeQuota(), by=MANAGER).after
    assert [quotas.target_of(agreed, day) for day in (MONDAY, NEXT_MONDAY)] == [100, 120]
    assert quotas.target_of(agreed, MONDAY - timedelta(7)) is None


def test_what_one_may_do_is_what_would_not_be_refused():
    joint = quota.given(quota_set(jointly=True)).when(ReviseQuota(Decimal(9)), by=MANAGER).after
    assert quotas.allowed(joint, CLIENT) == {AgreeQuota, ReviseQuota}
    assert quotas.allowed(joint, MANAGER) == {ReviseQuota}
    alone = quota.when(order(), by=MANAGER).after
    assert (quotas.allowed(alone, CLIENT), quotas.allowed(alone, MANAGER)) == (set(), {ReviseQuota})


# Assessments


@pytest.mark.parametrize(
    ("metric", "target", "figure", "over", "kind"),
    [
        ("answered", "100", "100", None, "quota_reached"),
        ("answered", "100", "99", None, "quota_missed"),
        ("service_level", "0.8", "79999", 100_000, "quota_missed"),  # 0.8000 as it is shown
        ("service_level", "0.8", "80", 100, "quota_reached"),
        ("service_level", "0.8", "0", 0, "quota_unmeasured"),
        ("aht_seconds", "200", "2000", 10, "quota_reached"),
        ("aht_seconds", "200", "2000.001", 10, "quota_missed"),
    ],
)
def test_a_period_is_judged_by_its_exact_counts(metric, target, figure, over, kind):
    (told,) = quota.given(quota_set(metric=metric, target=target)).when(assess(figure, over)).outcome
    assert (told.event_type, told.numerator, told.denominator, told.revised) == (kind, Decimal(figure), over, False)


def test_the_same_assessment_is_told_once_and_another_as_a_revision():
    (missed,) = quota.given(quota_set()).when(assess("99")).outcome
    quota.given(quota_set(), missed).when(assess("99")).then()
    (reached,) = quota.given(quota_set(), missed).when(assess("101")).outcome
    assert (reached.event_type, reached.revised, reached.first_day) == ("quota_reached", True, MONDAY)
    (back,) = quota.given(quota_set(), missed, reached).when(assess("99")).outcome
    assert (back.event_type, back.revised) == ("quota_missed", True)


def test_a_revision_of_the_past_is_judged_by_the_new_target():
    (missed,) = quota.given(quota_set()).when(assess("99")).outcome
    lower = QuotaRevised(Decimal(90), MONDAY, None, "centre")
    (reached,) = quota.given(quota_set(), missed, lower).when(assess("99")).outcome
    assert (reached.event_type, reached.target, reached.revised) == ("quota_reached", 90, True)


# Periods


def test_a_day_of_a_zone_can_have_23_or_25_hours():
    hours = [
        (each.end - each.begin) / timedelta(hours=1)
        for day in (date(2026, 3, 29), date(2026, 10, 25))
        for each in [periods.holding(Recurrence("day", timezone=PARIS), day)]
    ]
    assert hours == [23, 25]


def test_a_single_span_and_a_last_day_end():
    once = Recurrence("once", date(2026, 11, 3), date(2026, 11, 9), PARIS)
    (span,) = periods.periods(once, None, NOW)
    assert span == Period(date(2026, 11, 3), *(datetime(2026, 11, day, 23, tzinfo=UTC) for day in (2, 9)))
    assert list(periods.periods(once, span.first_day, NOW)) == []
    monthly = Recurrence("month", date(2026, 8, 20), date(2026, 9, 3))
    assert [each.first_day for each in periods.periods(monthly, None, NOW)] == [date(2026, 8, 1), date(2026, 9, 1)]


@given(
    every=st.sampled_from(["day", "week", "month"]),
    first=st.dates(date(2024, 1, 1), date(2026, 10, 1)),
    zone=st.sampled_from(["UTC", "Europe/Paris", "America/Havana", "Asia/Beirut", "Pacific/Apia"]),
)
def test_periods_follow_each_other_without_gap_or_overlap(every, first, zone):
    recurrence = Recurrence(every, first, timezone=ZoneInfo(zone))
    found = list(periods.periods(recurrence, None, NOW))
    assert found[0] == periods.holding(recurrence, first)
    assert [each.begin for each in found[1:]] == [each.end for each in found[:-1]]
    assert all(each.begin < each.end <= NOW for each in found)
    assert list(periods.periods(recurrence, found[0].first_day, NOW)) == found[1:]


# Pace


def test_a_count_goes_on_as_it_did():
    so_far = pace("answered", Decimal(100), Figures(Decimal(30)), 0.25)
    assert (so_far.share, so_far.projection, so_far.method, so_far.expected) == (
        Decimal("0.3"),
        120,
        "linear",
        "reached",
    )
    assert pace("answered", Decimal(100), Figures(Decimal(99)), 1.0).expected == "missed"


def test_a_share_stays_what_it_is_and_nothing_is_expected_of_nothing():
    so_far = pace("abandon_rate", Decimal("0.05"), Figures(Decimal(6), 100), 0.5)
    assert (so_far.attained, so_far.projection, so_far.method, so_far.expected) == (
        Decimal("0.06"),
        Decimal("0.06"),
        "as_so_far",
        "missed",
    )
    nothing = pace("service_level", Decimal("0.8"), Figures(Decimal(0), 0), 0.5)
    assert (nothing.attained, nothing.share, nothing.projection, nothing.expected) == (None,) * 4
    assert pace("answered", Decimal(100), Figures(Decimal(0)), 0.0).expected is None
