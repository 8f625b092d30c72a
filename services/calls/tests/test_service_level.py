"""MEASURES section 2: every formula to the digit, and which policy judges which visit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.calls.domain.service_level import (
    DEFAULT,
    Counts,
    ServiceLevelPolicy,
    abandon_rate,
    answer_rate,
    service_level,
    timeline,
)
from services.kernel.values import ratio

FORMULAS = ["sl1", "sl2", "sl3", "sl4", "sl5", "sl6", "sl7"]
ICMI = Counts(answered=1000, answered_within=860, abandoned=60, abandoned_within=20, abandoned_short=10)
MONDAY = datetime(2026, 11, 16, tzinfo=UTC)


@pytest.mark.parametrize("formula", FORMULAS)
def test_of_nothing_there_is_no_share(formula):
    assert ratio(*service_level(formula, Counts())) is None
    assert ratio(*answer_rate(Counts())) is None
    assert ratio(*abandon_rate(Counts())) is None


@pytest.mark.parametrize(
    ("formula", "fraction", "shown"),
    [
        ("sl1", (880, 1060), "0.8302"),
        ("sl2", (860, 1000), "0.8600"),
        ("sl3", (860, 1060), "0.8113"),
        ("sl4", (860, 1040), "0.8269"),
        ("sl5", (870, 1060), "0.8208"),
        ("sl6", (860, 1050), "0.8190"),
    ],
)
def test_the_worked_example(formula, fraction, shown):
    assert service_level(formula, ICMI) == fraction
    assert str(ratio(*fraction)) == shown


def test_the_worked_example_with_forty_time_outs_besides():
    with_time_outs = replace(ICMI, overflowed=40)
    assert service_level("sl7", with_time_outs) == (860, 1100)
    assert str(ratio(860, 1100)) == "0.7818"
    assert answer_rate(with_time_outs) == (1000, 1100)
    assert service_level("sl1", with_time_outs) == (880, 1060)


def test_exits_counted_as_abandoned_are_in_b_with_their_wait():
    counts = replace(ICMI, overflowed=40, exits=40, exits_within=4, exits_short=1)
    assert [service_level(formula, counts) for formula in FORMULAS] == [
        (884, 1100),
        (860, 1000),
        (860, 1100),
        (860, 1076),
        (871, 1100),
        (860, 1089),
        (860, 1100),
    ]
    assert abandon_rate(counts) == (100, 1100)
    assert counts.offered == 1100


def test_excluded_exits_are_offered_but_in_no_ratio():
    counts = replace(ICMI, overflowed=7, excluded=7)
    assert counts.offered == 1067
    assert answer_rate(counts) == (1000, 1060)
    assert service_level("sl7", counts) == (860, 1060)


def test_who_still_waits_is_offered_but_in_no_ratio():
    counts = replace(ICMI, in_progress=3)
    assert counts.offered == 1063
    assert answer_rate(counts) == (1000, 1060)


def test_a_share_is_rounded_half_even_for_display_only():
    assert [str(ratio(n, 20000)) for n in (1, 3)] == ["0.0000", "0.0002"]


def since(day: int, name: str) -> ServiceLevelPolicy:
    return ServiceLevelPolicy(name=name, effective_from=MONDAY + timedelta(days=day))


def in_force(policies, instant):
    """The policy with which a timeline from that instant begins."""
    return timeline(policies, instant, instant + timedelta(days=30))[0][2]


def test_without_a_policy_the_default_is_in_force():
    assert in_force([], MONDAY) == DEFAULT
    assert in_force([since(1, "tomorrow")], MONDAY) == DEFAULT


def test_a_policy_is_in_force_from_its_own_instant_on_whenever_it_was_adopted():
    adopted = [since(4, "friday"), since(0, "monday")]
    assert in_force(adopted, MONDAY - timedelta(microseconds=1)) == DEFAULT
    assert in_force(adopted, MONDAY).name == "monday"
    assert in_force(adopted, MONDAY + timedelta(days=4)).name == "friday"


def test_of_one_instant_the_policy_adopted_last_is_in_force():
    assert in_force([since(0, "first"), since(0, "second")], MONDAY).name == "second"


def test_policies_follow_each_other_by_their_dates_without_a_gap():
    begin, end = MONDAY - timedelta(days=1), MONDAY + timedelta(days=7)
    spans = timeline([since(4, "friday"), since(0, "monday"), since(9, "later")], begin, end)
    assert [(since, until, policy.name) for since, until, policy in spans] == [
        (begin, MONDAY, "default"),
        (MONDAY, MONDAY + timedelta(days=4), "monday"),
        (MONDAY + timedelta(days=4), end, "friday"),
    ]
