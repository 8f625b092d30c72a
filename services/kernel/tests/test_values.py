"""Ratios, durations and money."""

from decimal import Decimal

import pytest

from services.kernel.values import Actor, Money, mean_seconds, ratio, seconds


def test_nothing_out_of_nothing_is_null_not_zero_and_not_one():
    assert ratio(0, 0) is None
    assert mean_seconds(0, 0) is None


@pytest.mark.parametrize(
    ("numerator", "denominator", "shown"),
    [
        (880, 1060, "0.8302"),
        (1, 3, "0.3333"),
        (2, 3, "0.6667"),
        (1, 20_000, "0.0000"),
        (3, 20_000, "0.0002"),
        (1, 1, "1.0000"),
    ],
)
def test_a_ratio_has_four_decimals_and_a_half_goes_to_the_even_one(numerator, denominator, shown):
    assert str(ratio(numerator, denominator)) == shown


def test_a_mean_is_told_to_the_millisecond_and_a_half_goes_to_the_even_one():
    assert mean_seconds(10_000, 3) == Decimal("3.333")
    assert mean_seconds(1, 2) == Decimal("0.000")
    assert mean_seconds(3, 2) == Decimal("0.002")


def test_milliseconds_are_exact_seconds():
    assert seconds(14_205) == Decimal("14.205")


def test_two_currencies_are_never_added():
    assert Money(125, "EUR") + Money(75, "EUR") == Money(200, "EUR")
    with pytest.raises(ValueError, match="convert first"):
        Money(100, "EUR") + Money(100, "USD")


@pytest.mark.parametrize("weights", [[], [0, 0], [2, -1]])
def test_a_split_by_no_weight_or_a_negative_one_is_refused(weights):
    with pytest.raises(ValueError, match="weights"):
        Money(100, "EUR").split(weights)


@pytest.mark.parametrize(
    ("minor", "weights", "parts"),
    [
        (10_000, [1, 1, 1], [3334, 3333, 3333]),
        (10_000_000, [1] * 12, [833_334] * 4 + [833_333] * 8),
        (-101, [1, 1, 1, 1], [-26, -25, -25, -25]),
        (1000, [7, 2, 2], [636, 182, 182]),
        (5, [0, 1, 1], [0, 3, 2]),
        (0, [1, 2], [0, 0]),
    ],
)
def test_a_split_follows_the_largest_remainder_and_sums_to_the_whole(minor, weights, parts):
    assert Money(minor, "EUR").split(weights) == [Money(part, "EUR") for part in parts]
    assert sum(parts) == minor


def test_who_belongs_to_a_client_acts_for_the_client():
    assert Actor("1", client="acme").party == "client"
    assert Actor("1").party == "centre"
    assert Actor("1", scopes=frozenset({"calls:read"})).may("calls:read")
    assert not Actor("1").may("calls:read")


def test_an_employee_acts_as_an_agent_or_under_their_own_id():
    assert Actor("oidc|ada", agent="e-1").is_employee("e-1")
    assert Actor("e-1").is_employee("e-1")
    assert not Actor("oidc|ada", agent="e-1").is_employee("e-2")
