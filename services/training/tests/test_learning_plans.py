"""Learning plans from their start to their last step."""

from uuid import UUID

import pytest

from services.kernel.decider import specification
from services.training.domain import learning_plans
from services.training.domain.inductions import Course
from services.training.domain.learning_plans import (
    CompleteStep,
    LearningPlan,
    PlanFinished,
    PlanStarted,
    StartPlan,
    StepCompleted,
)

PLAN, ADA = UUID(int=1), UUID(int=2)
COURSES = (Course("welcome", "Welcome", 1), Course("phone", "The telephone"))

plan = specification(learning_plans.decide, learning_plans.evolve, LearningPlan()).on(str(PLAN))
started = PlanStarted(ADA, "induction", COURSES)
half_way = StepCompleted("phone", 1)
finished = PlanFinished(PLAN, ADA, "induction")


def test_a_plan_is_started_once():
    plan.given(started).when(StartPlan(ADA, "induction", COURSES)).rejected("training.plan.started_already")


def test_no_step_is_completed_of_a_plan_that_is_not_there():
    plan.when(CompleteStep("welcome")).rejected("training.plan.unknown")


def test_a_course_that_is_no_step_is_refused_with_the_steps_that_are_open():
    refused = plan.given(started, half_way).when(CompleteStep("fax")).rejected("training.plan.step_unknown")
    assert refused.outcome.detail.endswith(": welcome.")


@pytest.mark.parametrize("more", [(), (StepCompleted("welcome", 0), finished)])
def test_a_step_is_completed_once(more):
    plan.given(started, half_way, *more).when(CompleteStep("phone")).rejected("training.plan.step_completed")


def test_a_plan_starts_with_every_step_open():
    order = StartPlan(ADA, "induction", COURSES)
    plan.when(order).then(started).leaves(status="running", open=("welcome", "phone"))


def test_a_plan_without_steps_is_finished_at_once():
    empty = PlanStarted(ADA, "induction", ())
    plan.when(StartPlan(ADA, "induction", ())).then(empty, finished).leaves(status="finished")


def test_steps_are_completed_in_any_order():
    plan.given(started).when(CompleteStep("phone")).then(half_way).leaves(status="running", open=("welcome",))


def test_the_last_step_finishes_the_plan():
    last = plan.given(started, half_way).when(CompleteStep("welcome"))
    last.then(StepCompleted("welcome", 0), finished).leaves(status="finished")


def test_a_plan_is_shown_with_its_steps():
    shown = learning_plans.view(str(PLAN), plan.given(started).when(CompleteStep("phone")).after)
    assert (shown.id, shown.employee, shown.kind, shown.status) == (PLAN, ADA, "induction", "running")
    assert [(step.course, step.weeks, step.completed) for step in shown.steps] == [
        ("welcome", 1, False),
        ("phone", None, True),
    ]
