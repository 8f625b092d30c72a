"""What a provider's webhooks tell: taken when they are signed, and made customers of behind the answer.

An event names a person. The provider is asked for them as they are now, which makes order and repetition harmless:
whoever is there is a customer with what the provider says, whoever is not is unlinked.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid5

from psycopg_pool import AsyncConnectionPool

from gateway.adapters.phone_numbers import e164
from gateway.crm import connections
from gateway.crm.channel import outcome_of, stop_where_refused
from gateway.crm.connections import CHANGES
from gateway.crm.provider import Card
from gateway.crm.providers import Providers
from gateway.crm.talk import Said
from gateway.deliveries import channel as ways
from gateway.deliveries.channel import STANDARD_DELAYS, Database, Delivered, Delivery, Event, Outcome, Wanted
from gateway.rpc import RpcClient
from gateway.sealing import WrongKey
from services.kernel.actors import as_sent
from services.kernel.decider import SYSTEM

SAVE, UNLINK = "SaveCustomer", "UnlinkCustomer"
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")


def customer(card: Card, region: str | None) -> dict[str, Any]:
    """A person as a customer of ours; what the provider holds as a number and is none is left out."""
    numbers = [found for number in card.numbers if (found := e164(number, region))]
    emails = [each for each in card.emails if EMAIL.fullmatch(each)]
    return {
        "given_name": (card.given_name or "")[:100] or None,
        "family_name": (card.family_name or "")[:100] or None,
        "company": (card.company or "")[:200] or None,
        "numbers": list(dict.fromkeys(numbers)),
        "emails": list(dict.fromkeys(emails)),
    }


class Changes:
    """The channel by which what providers told becomes customers."""

    name = CHANGES
    delays: Sequence[float] = STANDARD_DELAYS
    lanes = 4
    seconds = 30.0

    def __init__(self, pool: AsyncConnectionPool, rpc: RpcClient, providers: Providers) -> None:
        self._pool, self._rpc, self._providers = pool, rpc, providers

    async def types(self, db: Database) -> frozenset[str]:  # noqa: ARG002
        """No public event: what is delivered here comes from outside."""
        return frozenset()

    async def wanted(self, db: Database, events: Sequence[Event]) -> Sequence[Wanted]:  # noqa: ARG002
        """None of them."""
        return ()

    async def send(self, delivery: Delivery) -> Outcome:
        """Asks for the person, and has them saved or unlinked."""
        person = delivery.event["person"]
        if person is None:
            return Delivered(reason="kept: of a type that we do not know")
        async with self._pool.connection() as db:
            connection = await connections.find(db, delivery.target_id)
        if connection is None:
            return ways.Refused(reason="the connection was deleted")
        try:
            card = await self._providers.of(connection).card(person)
        except (Said, WrongKey) as error:
            return outcome_of(error)
        key = f"{connection.provider}:{person}"
        if card is None or card.external_id != person:  # gone, or merged into another
            return await self._order(UNLINK, key, {}, delivery)
        return await self._order(SAVE, key, customer(card, connection.settings.get("default_region")), delivery)

    async def close(self) -> None:
        """Lets go of its connections."""
        await self._providers.close()

    async def settled(self, db: Database, delivery: Delivery, outcome: Outcome, _: datetime | None) -> None:
        """As of calls."""
        await stop_where_refused(db, delivery, outcome)

    async def _order(self, use_case: str, key: str, body: dict[str, Any], delivery: Delivery) -> Outcome:
        message = {
            "use_case": use_case,
            "key": key,
            "body": body,
            # Each attempt may bring something newer than the one before.
            "command_id": str(uuid5(delivery.id, str(delivery.attempt))),
            "actor": as_sent(SYSTEM),
            "expected_version": None,
        }
        answer = await self._rpc.call("calls", "execute", message)
        result = {"customer": key}
        if refused := answer.get("refused"):
            return ways.Refused(reason=refused["code"], status=refused["status"], result=result)
        return Delivered(reason="saved" if use_case == SAVE else "unlinked", result=result)
