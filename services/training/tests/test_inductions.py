"""Defining the induction of a role."""

from services.kernel.decider import specification
from services.training.domain import inductions
from services.training.domain.inductions import Course, DefineInduction, Induction, InductionDefined, InductionView

WELCOME, PHONE = Course("welcome", "Welcome", 1), Course("phone", "The telephone", 2)

induction = specification(inductions.decide, inductions.evolve, Induction()).on("agent")
defined = InductionDefined((WELCOME, PHONE), "agent")


def test_a_course_is_named_once():
    twice = DefineInduction((WELCOME, PHONE, Course("welcome", "Welcome again")))
    refused = induction.when(twice).rejected("training.induction.course_twice")
    assert refused.outcome.detail.endswith(": welcome.")


def test_an_induction_is_defined():
    induction.when(DefineInduction((WELCOME, PHONE))).then(defined).leaves(courses=(WELCOME, PHONE))


def test_what_stands_already_does_not_happen_again():
    induction.given(defined).when(DefineInduction((WELCOME, PHONE))).then()


def test_another_order_is_another_induction():
    other = InductionDefined((PHONE, WELCOME), "agent")
    induction.given(defined).when(DefineInduction((PHONE, WELCOME))).then(other)


def test_a_role_without_an_induction_is_shown_without_courses():
    assert inductions.view("agent", Induction()) == InductionView((), "agent")
