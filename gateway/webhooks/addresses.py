"""Where endpoints are at this moment, and what signs for them."""

import asyncio
from typing import NamedTuple
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from gateway.sealing import SecretBox, WrongKey
from gateway.webhooks import store


class Address(NamedTuple):
    """Where a delivery goes, and with what it is signed."""

    url: str
    secrets: tuple[str, ...]


class Addresses:
    """Asks for addresses, with one question for all that are wanted in the same turn of the loop.

    Nothing is remembered, so that a secret that was rotated and an address that was changed are in force at once.
    """

    def __init__(self, pool: AsyncConnectionPool, box: SecretBox | None) -> None:
        self._pool, self._box = pool, box
        self._wanted: dict[UUID, asyncio.Future[Address | None]] = {}
        self._asking: set[asyncio.Task[None]] = set()

    async def of(self, endpoint: UUID) -> Address | None:
        """The address of an endpoint; None where it was deleted.

        Raises:
            WrongKey: its secrets cannot be read.
            psycopg.OperationalError: the database is away.
        """
        if not self._wanted:
            asking = asyncio.create_task(self._ask())
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)
        found = self._wanted.get(endpoint)
        if found is None:
            found = self._wanted[endpoint] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(found)  # whoever is cut off while waiting must not cut the others off

    async def _ask(self) -> None:
        wanted, self._wanted = self._wanted, {}
        try:
            async with self._pool.connection() as db:
                known = await store.addresses(db, wanted)
        except Exception as error:  # noqa: BLE001 - told to all who wait
            for found in wanted.values():
                found.set_exception(error)
            return
        for endpoint, found in wanted.items():
            try:
                found.set_result(self._opened(endpoint, *known[endpoint]) if endpoint in known else None)
            except WrongKey as error:
                found.set_exception(error)

    def _opened(self, endpoint: UUID, url: str, sealed: list[bytes]) -> Address:
        return Address(url, tuple(opened(self._box, endpoint, each) for each in sealed))


def opened(box: SecretBox | None, endpoint: UUID, sealed: bytes) -> str:
    """A secret that can be signed with; raises WrongKey."""
    if box is None:
        raise WrongKey("PLATEAU_GATEWAY_KEY is not set")
    return box.open(endpoint, sealed)
