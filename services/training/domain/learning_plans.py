"""Learning plans: the courses that one employee takes, because of an induction or of a training need."""

from typing import Literal
from uuid import UUID

from services.kernel.decider import Context, Decision, Rejected, changed, command, event, of, state, values
from services.training.domain.inductions import Course, Name

Kind = Literal["induction", "need"]
Status = Literal["absent", "running", "finished"]


@values
class PlanTerms:
    """Whose plan it is, what it follows, and its courses in their order."""

    employee: UUID
    kind: Kind
    courses: tuple[Course, ...]


@command
class StartPlan(PlanTerms):
    """Open a learning plan; one without courses is finished at once."""


@command
class CompleteStep:
    """Note that the employee has completed a course of the plan; the last one finishes it."""

    course: Name


@event("plan_started")
class PlanStarted(PlanTerms):
    """The employee has these courses before them."""


@event("step_completed")
class StepCompleted:
    """The employee has completed a course; `open_steps` are left."""

    course: str
    open_steps: int


@event("learning_plan_finished")
class PlanFinished:
    """The employee has completed every course of the plan."""

    plan: UUID
    employee: UUID
    kind: Kind


@state
class LearningPlan:
    """A learning plan; `terms` is None until it is started, `open` are the courses still to complete."""

    status: Status = "absent"
    terms: PlanTerms | None = None
    open: tuple[str, ...] = ()


@values
class LearningPlanSummary:
    """A learning plan as it is listed: how many steps it has, and how many of them are open."""

    id: UUID
    employee: UUID
    kind: Kind
    status: Status
    steps: int
    open_steps: int


@values
class StepView(Course):
    """A step as it is shown."""

    completed: bool = False


@values
class LearningPlanView:
    """A learning plan as it is shown, its steps in their order."""

    id: UUID
    employee: UUID
    kind: Kind
    status: Status
    steps: tuple[StepView, ...]


def decide(plan: LearningPlan, order: StartPlan | CompleteStep, ctx: Context) -> Decision:
    """A plan is started once; its steps are completed in any order, each once."""
    match order:
        case StartPlan() if plan.terms:
            return Rejected("training.plan.started_already", "This plan is running or finished: start another.")
        case StartPlan():
            started = of(PlanStarted, order)
            return (started,) if order.courses else (started, _finished(order, ctx))
        case CompleteStep(course):
            return _complete(plan, course, ctx)


def _complete(plan: LearningPlan, course: str, ctx: Context) -> Decision:
    if plan.terms is None:
        return Rejected("training.plan.unknown", "There is no such plan: one opens when somebody is hired.", 404)
    if course not in {each.course for each in plan.terms.courses}:
        left = ", ".join(plan.open) or "none is left"
        return Rejected("training.plan.step_unknown", f"Name a step of this plan that is open: {left}.", 422, "/course")
    if course not in plan.open:
        left = ", ".join(plan.open) or "none, it is finished"
        return Rejected("training.plan.step_completed", f"{course} is completed already; still open: {left}.")
    completed = StepCompleted(course, len(plan.open) - 1)
    return completed if completed.open_steps else (completed, _finished(plan.terms, ctx))


def _finished(terms: PlanTerms, ctx: Context) -> PlanFinished:
    return of(PlanFinished, terms, plan=UUID(ctx.key))


def evolve(plan: LearningPlan, happened: PlanStarted | StepCompleted | PlanFinished) -> LearningPlan:
    """Open are the courses that were not completed."""
    match happened:
        case PlanStarted():
            return LearningPlan("running", of(PlanTerms, happened), tuple(each.course for each in happened.courses))
        case StepCompleted(course):
            return changed(plan, open=tuple(each for each in plan.open if each != course))
        case PlanFinished():
            return changed(plan, status="finished")


def view(key: str, plan: LearningPlan) -> LearningPlanView:
    """What is shown of a plan that was started."""
    courses = plan.terms.courses if plan.terms else ()
    steps = tuple(of(StepView, each, completed=each.course not in plan.open) for each in courses)
    return of(LearningPlanView, plan.terms, id=UUID(key), status=plan.status, steps=steps)
