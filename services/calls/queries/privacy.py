"""All that is held of a person."""

from uuid import UUID

from services.calls.domain.customers import CustomerView
from services.calls.queries.calls import CallView, FactView, Name
from services.calls.queries.dispositions import ToldDisposition
from services.kernel.decider import values
from services.kernel.lists import Paged


@values
class ExportSubject(Paged):
    """Give all that is held of a person, who is named by the id of the subject or by an E.164 number."""

    id: Name


@values
class ExportedCall:
    """A call of the person, its facts as they were sent, and what was said of its outcome, with the reasons.

    What was sealed for somebody else stays closed.
    """

    call: CallView
    facts: tuple[FactView, ...]
    dispositions: tuple[ToldDisposition, ...]


@values
class SubjectExport:
    """The person's calls by first fact, a page at a time; on each page the customers that they are."""

    subject: UUID
    customers: tuple[CustomerView, ...]
    calls: tuple[ExportedCall, ...]
    next: str | None
