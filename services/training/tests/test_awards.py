"""Awards: granted by one, approved by another."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.kernel.decider import specification
from services.kernel.values import Actor, Money
from services.training.domain import awards
from services.training.domain.awards import ApproveAward, Award, AwardApproved, AwardGranted, GrantAward

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
AWARD, ADA = UUID(int=1), UUID(int=2)
MANAGER, HR = Actor("manager"), Actor("hr")
TERMS = {"employee": ADA, "amount": Money(15_000, "EUR"), "cost_centre": "floor", "period": "2026-11"}

award = specification(awards.decide, awards.evolve, Award()).on(str(AWARD)).at(NOW)
grant = GrantAward("Most first-contact resolutions", **TERMS)
granted = AwardGranted("manager", "Most first-contact resolutions", **TERMS)
approved = AwardApproved(AWARD, ADA, Money(15_000, "EUR"), "floor", NOW, "hr")


@pytest.mark.parametrize("minor", [0, -1])
def test_an_award_is_worth_something(minor):
    nothing = GrantAward("x", **{**TERMS, "amount": Money(minor, "EUR")})
    award.when(nothing, by=MANAGER).rejected("training.award.amount_not_positive")


def test_an_award_is_granted_once():
    award.given(granted).when(grant, by=MANAGER).rejected("training.award.granted_already")


def test_nothing_is_approved_that_was_not_granted():
    award.when(ApproveAward(), by=HR).rejected("training.award.unknown")


def test_whoever_grants_an_award_does_not_approve_it():
    award.given(granted).when(ApproveAward(), by=MANAGER).rejected("training.award.own_grant")


@pytest.mark.parametrize("beneficiary", [Actor(str(ADA)), Actor("oidc|ada", agent=str(ADA))])
def test_nobody_approves_their_own_award(beneficiary):
    award.given(granted).when(ApproveAward(), by=beneficiary).rejected("training.award.own_award")


def test_an_award_is_approved_once():
    award.given(granted, approved).when(ApproveAward(), by=Actor("owner")).rejected("training.award.approved_already")


def test_an_award_is_granted():
    award.when(grant, by=MANAGER).then(granted).leaves(approved=None)


def test_an_award_is_approved_by_somebody_else():
    award.given(granted).when(ApproveAward(), by=HR).then(approved)


def test_an_award_is_shown_with_who_granted_and_who_approved_it():
    before = awards.view(str(AWARD), award.when(grant, by=MANAGER).after)
    assert (before.id, before.amount, before.status, before.reason) == (
        AWARD,
        TERMS["amount"],
        "granted",
        granted.reason,
    )
    assert (before.granted_by, before.approved_by, before.approved_at) == ("manager", None, None)
    after = awards.view(str(AWARD), award.given(granted).when(ApproveAward(), by=HR).after)
    assert (after.status, after.granted_by, after.approved_by, after.approved_at) == ("approved", "manager", "hr", NOW)
