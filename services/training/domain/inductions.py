"""Induction programmes: the ordered courses that whoever is hired into a role takes first."""

from typing import Annotated

from services.kernel.decider import Context, Decision, Rejected, command, event, of, state, values
from services.kernel.values import Example, Length, Range

Name = Annotated[str, Length(1, 100)]


@values
class Course:
    """A course of a programme, by the name that is its own there; `weeks` is how long it takes, where that is set."""

    course: Annotated[Name, Example("welcome")]
    title: Annotated[str, Length(1, 200), Example("Welcome to the floor")]
    weeks: Annotated[int | None, Range(1, 104)] = None


@values
class Programme:
    """The courses in their order."""

    courses: Annotated[tuple[Course, ...], Length(0, 100)]


@command
class DefineInduction(Programme):
    """Say which courses the induction of a role has; plans that are running keep theirs."""


@event("induction_defined")
class InductionDefined(Programme):
    """Whoever is hired into the role from now on takes these courses."""

    role: str


@state
class Induction:
    """The induction of a role; without courses until one is defined."""

    courses: tuple[Course, ...] = ()


@values
class InductionView(Programme):
    """The induction of a role as it is shown."""

    role: str


def decide(induction: Induction, order: DefineInduction, ctx: Context) -> Decision:
    """Only what changes happens."""
    names = [course.course for course in order.courses]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        detail = f"Name each course once: {', '.join(twice)}."
        return Rejected("training.induction.course_twice", detail, 422, "/courses")
    return () if induction.courses == order.courses else of(InductionDefined, order, role=ctx.key)


def evolve(_induction: Induction, happened: InductionDefined) -> Induction:
    """The latest programme stands."""
    return Induction(happened.courses)


def view(role: str, induction: Induction) -> InductionView:
    """What is shown of a role's induction."""
    return InductionView(induction.courses, role)
