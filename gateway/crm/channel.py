"""Completed calls on their way to CRMs: one at a time of each call, its numbers asked of the calls service at the end.

What waits holds ids and figures only. The call is read when it is sent, so whoever was erased has no number any more.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg_pool import AsyncConnectionPool

from gateway.crm import connections
from gateway.crm.completed import completed_call
from gateway.crm.connections import CALLS, CHECK, COMPLETED, Connection
from gateway.crm.provider import Record
from gateway.crm.providers import Providers
from gateway.crm.talk import Fails, Gone, Said, Unauthorised, Waits
from gateway.deliveries import channel as ways
from gateway.deliveries.channel import STANDARD_DELAYS, Database, Delivered, Delivery, Event, Outcome, Retry, Wanted
from gateway.rpc import RpcClient
from gateway.sealing import WrongKey
from services.kernel.actors import as_sent
from services.kernel.decider import SYSTEM

UNAUTHORISED = {"unauthorised": True}
LATER = 60.0  # seconds until what waits for an authorisation is looked at, where it was renewed meanwhile


class CompletedCalls:
    """The channel of calls to connections."""

    name = CALLS
    delays: Sequence[float] = STANDARD_DELAYS
    lanes = 4
    seconds = 60.0  # of several requests, each of which may take some

    def __init__(self, pool: AsyncConnectionPool, rpc: RpcClient, providers: Providers) -> None:
        self._pool, self._rpc, self._providers = pool, rpc, providers

    async def types(self, db: Database) -> frozenset[str]:
        """Completed calls, where there is a connection."""
        return frozenset({COMPLETED}) if await connections.listening(db) else frozenset()

    async def wanted(self, db: Database, events: Sequence[Event]) -> Sequence[Wanted]:
        """Every revision of every call, for each connection that wants to hear of one of its queues."""
        listening = await connections.listening(db)
        return [
            Wanted(connection_id, event, ordering_key=event["data"]["call"])
            for event in events
            if event["type"] == COMPLETED
            for connection_id, queues in listening
            if queues is None or not queues.isdisjoint(event["data"]["queues"])
        ]

    async def send(self, delivery: Delivery) -> Outcome:
        """Makes or corrects the call at the provider."""
        async with self._pool.connection() as db:
            connection = await connections.find(db, delivery.target_id)
        if connection is None:
            return ways.Refused(reason="the connection was deleted")
        try:
            if delivery.event["type"] == CHECK:
                return Delivered(reason=await self._providers.of(connection).check())
            return await self._put(connection, delivery.event)
        except (Said, WrongKey) as error:
            return outcome_of(error)

    async def close(self) -> None:
        """Lets go of its connections."""
        await self._providers.close()

    async def settled(self, db: Database, delivery: Delivery, outcome: Outcome, _: datetime | None) -> None:
        """A connection whose authorisation is not good any more waits for somebody; so does one that wants no more."""
        await stop_where_refused(db, delivery, outcome)

    async def _put(self, connection: Connection, event: Event) -> Outcome:
        call_id, revision = event["data"]["call"], int(event.get("revision") or 1)
        about = {"call": call_id, "revision": revision}
        async with self._pool.connection() as db:
            record = await connections.record(db, connection.id, UUID(call_id))
        if record.revision > revision:
            return Delivered(reason="a later revision was sent before", result=about | _shown(record))
        view = await self._call(call_id)
        if view is None:
            return ways.Refused(reason="the calls service knows of no such call", result=about)
        call = completed_call(view, revision)
        if call.excluded and record.revision == 0:
            return Delivered(reason="not sent: the call is excluded", result=about)

        async def keep(known: Record) -> None:
            async with self._pool.connection() as db:
                await connections.keep(db, connection.id, UUID(call_id), known)

        known = replace(await self._providers.of(connection).put(call, record, keep), revision=revision)
        await keep(known)
        return Delivered(result=about | _shown(known))

    async def _call(self, call_id: str) -> dict[str, Any] | None:
        question = {"use_case": "CallOf", "parameters": {"id": call_id}, "actor": as_sent(SYSTEM), "min_position": None}
        answer = await self._rpc.call("calls", "query", question)
        return None if "refused" in answer else dict(orjson.loads(answer["body"]))


def outcome_of(error: Said | WrongKey) -> Outcome:
    """What the engine does about what a provider said."""
    match error:
        case WrongKey():
            return Retry(reason=str(error), after=LATER, throttled=True, result=UNAUTHORISED)
        case Waits():
            return Retry(reason=error.reason, status=error.status, after=error.after, throttled=True)
        case Unauthorised():
            return Retry(reason=error.reason, status=error.status, after=LATER, throttled=True, result=UNAUTHORISED)
        case Fails():
            return Retry(reason=error.reason, status=error.status, unreachable=error.status is None)
        case Gone():
            return ways.Gone(reason=error.reason, status=error.status)
        case _:
            return ways.Refused(reason=error.reason, status=error.status)


async def stop_where_refused(db: Database, delivery: Delivery, outcome: Outcome) -> None:
    """Has a connection wait that is not authorised, or is wanted no more; in the transaction that notes the outcome."""
    if outcome.result == UNAUTHORISED:
        await connections.stop(db, delivery.target_id, "unauthorised", outcome.reason)
    elif isinstance(outcome, ways.Gone):
        await connections.stop(db, delivery.target_id, "paused", outcome.reason)


def _shown(record: Record) -> dict[str, Any]:
    matched = record.matched
    return {
        "provider_id": record.provider_id,
        "kind": record.kind,
        "matching": matched.matching if matched else None,
        "contacts": list(matched.contacts) if matched else [],
        **({"errors": record.state["errors"]} if "errors" in record.state else {}),
    }
