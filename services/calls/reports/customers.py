"""Lists of customers; who they are is unsealed for the answer alone."""

from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

from services.calls.domain.customers import CustomerFile, CustomerView
from services.calls.queries import CustomerList, Customers
from services.kernel import schemas
from services.kernel.boxes import Boxes
from services.kernel.database import Cursor
from services.kernel.decider import of
from services.kernel.lists import Listing, Row, equal
from services.kernel.privacy import Keyring, MasterKey
from services.kernel.projections import answers
from services.kernel.values import Actor

FILTERS: dict[str, LiteralString] = {
    **equal("system", "linked"),
    "external_id": "customer = %(external_id)s",
    "updated_since": "updated_at >= %(updated_since)s",
    "subject": "customer IN (SELECT customer FROM customer_numbers WHERE subject = %(subject)s)",
}
LISTED = Listing("customers", FILTERS, order={"customer": str})
SUBJECTS = "SELECT customer, subject FROM customer_numbers WHERE customer = ANY(%s) ORDER BY customer, subject"


class CustomerReader:
    """Answers about customers."""

    def __init__(self, master: MasterKey) -> None:
        self._master, self._boxes = master, Boxes(Keyring(master))

    @answers(Customers)
    def customers(self, asked: Customers, db: Cursor, actor: Actor) -> CustomerList:
        """A page of the customers that the filters leave, by name; none for whoever sees certain queues only."""
        if actor.queues is not None or actor.client is not None:
            return CustomerList((), None)
        wanted = LISTED.wanted(asked)
        if asked.subject is not None:
            wanted["subject"] = asked.subject.hex
        if asked.number is not None:  # a plus that was not encoded arrives as a space
            wanted["subject"] = self._master.hash_of("+" + asked.number.strip().lstrip("+"))
        rows, following = LISTED.page(db, asked, wanted)
        return CustomerList(self._views(db, rows), following)

    def of_subject(self, db: Cursor, subject: UUID) -> tuple[CustomerView, ...]:
        """The customers that a person is."""
        return self._views(db, LISTED.rows(db, {"subject": subject.hex}, 100))

    def _views(self, db: Cursor, rows: Sequence[Row]) -> tuple[CustomerView, ...]:
        places = [(row["stream"], row["file_event"]) for row in rows if row["file_event"]]
        opened = self._boxes.opened(db, places)
        subjects: dict[str, list[UUID]] = {}
        for customer, subject in db.execute(SUBJECTS, ([row["customer"] for row in rows],)):
            subjects.setdefault(customer, []).append(UUID(subject))
        return tuple(_view(row, opened.get(row["file_event"], {}), subjects.get(row["customer"], [])) for row in rows)


def _view(row: Row, opened: dict[str, Any], subjects: Sequence[UUID]) -> CustomerView:
    file = schemas.revive(CustomerFile, opened)
    return of(CustomerView, file, customer=row["customer"], linked=row["linked"], subjects=tuple(subjects))
