"""Endpoints that alert rules name in their `webhooks`.

The calls service keeps the rules and knows no endpoints, so what they name is looked at here: when it is said, and
before an endpoint is deleted. So nobody waits for an alert at an endpoint that is not there.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from psycopg_pool import AsyncConnectionPool

from gateway.exchange import Exchange
from gateway.problems import Problem
from gateway.rpc import RpcClient
from gateway.service_calls import ask
from gateway.webhooks import store
from services.calls.api import AlertRules
from services.kernel.actors import as_sent
from services.kernel.decider import SYSTEM
from services.kernel.values import FieldError

SHOWN = 10  # rules of those that name an endpoint


class Naming:
    """Who names which endpoints."""

    def __init__(self, pool: AsyncConnectionPool, rpc: RpcClient) -> None:
        self._pool, self._rpc = pool, rpc

    async def faults(self, order: Mapping[str, Any]) -> list[FieldError]:
        """A fault for each endpoint that a valid order names and that there is not; a paused or disabled one is."""
        named = [UUID(each) for each in order.get("webhooks", ())]
        if not named:
            return []
        async with self._pool.connection() as db:
            there = await store.existing(db, named)
        detail = "There is no webhook endpoint of this id: make it first, or leave it out."
        return [
            FieldError(f"/webhooks/{place}", "webhooks.endpoint.unknown", detail)
            for place, each in enumerate(named)
            if each not in there
        ]

    async def release(self, exchange: Exchange, endpoint: UUID) -> None:
        """Lets an endpoint be deleted that no alert rule names, no paused one either.

        Raises:
            Problem: rules name it (409), or the calls service cannot be asked now (503).
        """
        parameters = {"webhook": str(endpoint), "limit": str(SHOWN)}
        question = {"use_case": AlertRules.__name__, "parameters": parameters, "actor": as_sent(SYSTEM)}
        answer = await ask(self._rpc, exchange, "calls", "query", question)
        if rules := [rule["id"] for rule in orjson.loads(answer["body"])["items"]]:
            raise Problem("webhooks.endpoint.named", f"Alert rules name it: {', '.join(rules)}.")
