"""Customers by name, and the persons that their numbers stand for: `customer_numbers` joins the two.

A row of `calls` names its customer by the same hash as `customer_numbers.subject`. So the calls of one customer are
those of all the numbers that the CRM holds of them.
"""

from collections.abc import Sequence
from uuid import UUID

from services.calls.domain.customers import CustomerErased, CustomerSaved, CustomerUnlinked
from services.calls.domain.subjects import SubjectErased
from services.kernel.database import Cursor
from services.kernel.decider import event_type
from services.kernel.projections import Projection
from services.kernel.store import StoredEvent
from services.kernel.things import SUBJECTS

SAVED, UNLINKED, ERASED = map(event_type, (CustomerSaved, CustomerUnlinked, CustomerErased))
SUBJECT_ERASED = event_type(SubjectErased)


class CustomerRegister(Projection):
    """Follows whom CRMs hold, and who is erased."""

    name = "customers"
    version = 1
    handles = (SAVED, UNLINKED, ERASED, SUBJECT_ERASED)
    tables = """
        CREATE TABLE customers (
            customer text PRIMARY KEY, stream uuid NOT NULL, system text NOT NULL, linked boolean NOT NULL,
            file_event uuid, updated_at timestamptz NOT NULL
        );
        CREATE TABLE customer_numbers (
            customer text NOT NULL, subject text NOT NULL, PRIMARY KEY (customer, subject)
        );
        CREATE INDEX customers_of_number ON customer_numbers (subject);"""

    SAVE = """INSERT INTO customers VALUES (%s, %s, %s, true, %s, %s) ON CONFLICT (customer) DO UPDATE
        SET linked = true, file_event = excluded.file_event, updated_at = excluded.updated_at"""
    FORGET_NUMBERS = "DELETE FROM customer_numbers WHERE customer = ANY(%s)"
    KNOW = "INSERT INTO customer_numbers SELECT %s, unnest(%s::text[])"
    UNLINK = "UPDATE customers SET linked = false, updated_at = %s WHERE customer = %s"
    ERASE = "UPDATE customers SET file_event = NULL, updated_at = %s WHERE customer = ANY(%s)"
    OF_SUBJECT = "SELECT customer FROM customer_numbers WHERE subject = %s"

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """The latest stands; whoever is erased keeps their name in the CRM, and nothing else."""
        for event in events:
            match event.type:
                case "customer_saved":
                    self._save(event.data["customer"], event.stream_id, event, db)
                case "customer_unlinked":
                    db.execute(self.UNLINK, (event.recorded_at, event.data["customer"]))
                case "customer_erased":
                    self._erase([event.data["customer"]], event, db)
                case _:
                    found = db.execute(self.OF_SUBJECT, (event.data["subject"],)).fetchall()
                    self._erase([customer for (customer,) in found], event, db)

    def _save(self, customer: str, stream: UUID, event: StoredEvent, db: Cursor) -> None:
        system = customer.partition(":")[0]
        db.execute(self.SAVE, (customer, stream, system, event.event_id, event.recorded_at))
        db.execute(self.FORGET_NUMBERS, ([customer],))
        db.execute(self.KNOW, (customer, event.metadata.get(SUBJECTS, [])))

    def _erase(self, customers: list[str], event: StoredEvent, db: Cursor) -> None:
        db.execute(self.ERASE, (event.recorded_at, customers))
        db.execute(self.FORGET_NUMBERS, (customers,))
