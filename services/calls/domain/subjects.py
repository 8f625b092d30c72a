"""Persons whose data is held: they are known by the keyed hash of their number, and may have it erased."""

from uuid import UUID

from services.kernel.decider import Context, Decision, changed, command, event, state


@command
class EraseSubject:
    """Erase a person: whatever was sealed for them, or in their calls, is unreadable from now on; the figures stay.

    Repeating it erases what has come since. A call that comes later begins anew, unconnected with those before.
    """


@event("subject_erased")
class SubjectErased:
    """What is held of the person up to here counts as nobody's. `subject` is the keyed hash that their facts bear."""

    subject: str


@state
class Subject:
    """How often a person was erased."""

    erasures: int = 0


def decide(_subject: Subject, _order: EraseSubject, ctx: Context) -> Decision:
    """Always: whether anything is left to erase is not for a rule to know."""
    return SubjectErased(subject=UUID(ctx.key).hex)


def evolve(subject: Subject, _happened: SubjectErased) -> Subject:
    """Counts."""
    return changed(subject, erasures=subject.erasures + 1)
