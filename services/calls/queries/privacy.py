"""All that is held of a person."""

from uuid import UUID

from services.calls.queries.calls import CallView, FactView, Limit, Name
from services.kernel.decider import values


@values
class ExportSubject:
    """Give all that is held of a person, who is named by the id of the subject or by an E.164 number."""

    id: Name
    limit: Limit = 100
    cursor: str | None = None


@values
class ExportedCall:
    """A call of the person, and its facts as they were sent; what was sealed for somebody else stays closed."""

    call: CallView
    facts: tuple[FactView, ...]


@values
class SubjectExport:
    """The person's calls by first fact, a page at a time."""

    subject: UUID
    calls: tuple[ExportedCall, ...]
    next: str | None
