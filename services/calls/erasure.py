"""What erasing a person comes to beside the event that tells of it: their keys are destroyed, those of their calls too.

What a CRM told of a person is sealed with the key of the customer that it made, and is found by the number too. A fact
without a number is sealed with the key of its call. Which calls are a person's is known to the read model, and
of the facts that it has not applied yet, to the store.
"""

from uuid import UUID

from services.calls.api import customers
from services.calls.domain.customers import CustomerErased
from services.calls.domain.subjects import SubjectErased
from services.calls.projections.calls import CallFigures
from services.calls.projections.customers import CustomerRegister
from services.kernel import projections, store
from services.kernel.database import Cursor
from services.kernel.privacy import Keyring
from services.kernel.things import Effects

CALLS_OF = f"""
    SELECT id FROM calls WHERE customer = %(customer)s
    UNION SELECT call FROM further_customers WHERE customer = %(customer)s
    UNION SELECT stream_id FROM {projections.UNAPPLIED}
    WHERE metadata ->> 'customer' = %(customer)s"""  # noqa: S608 - constants
CUSTOMERS_OF = f"""
    SELECT stream FROM customer_numbers JOIN customers USING (customer) WHERE subject = %(subject)s
    UNION SELECT stream_id FROM {projections.UNAPPLIED}
    WHERE type = 'customer_saved' AND jsonb_exists(metadata -> 'subjects', %(subject)s)"""  # noqa: S608 - constants


def effects(keyring: Keyring) -> Effects:
    """What is done in the transaction that appends an event of the calls service."""

    def destroy_keys(db: Cursor, erased: SubjectErased) -> None:
        db.execute(projections.READ_VIEWS)
        subject = UUID(erased.subject)
        if store.heads(db, [subject]):
            return  # the id of a call or of a source, whose key is not a person's
        calls = db.execute(CALLS_OF, {"customer": erased.subject, "model": CallFigures.name}).fetchall()
        known = {"subject": erased.subject, "model": CustomerRegister.name}
        files = db.execute(CUSTOMERS_OF, known).fetchall()
        keyring.destroy(db, [subject, *(call for (call,) in calls), *(file for (file,) in files)])

    def destroy_key(db: Cursor, erased: CustomerErased) -> None:
        keyring.destroy(db, [customers.stream(erased.customer)])

    return {SubjectErased: destroy_keys, CustomerErased: destroy_key}
