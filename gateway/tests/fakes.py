"""Stand-ins for what the gateway depends on. What the real broker and database do is tested against them."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Any

import httpx
import orjson

from gateway.callers import Caller
from gateway.endpoints import Endpoints, Entry
from gateway.ingest import PATH, Ingest
from gateway.middleware import Manners
from gateway.problems import Problem
from gateway.public_address import PublicAddress
from gateway.publisher import Unconfirmed
from gateway.rate_limits import Allowance, Allowances
from gateway.roles import SCOPES
from gateway.source_access import SourceAccess
from gateway.sources import Sources
from services.kernel.ingest_queues import IngestQueues
from services.kernel.values import Actor

QUEUES = IngestQueues.of("calls", {"PLATEAU_INGEST_QUEUES": "3"})
ADMINISTRATOR = Actor("key-1", scopes=frozenset(SCOPES))
TOKEN = {"Authorization": "Bearer pl_known"}


class FakePublisher:
    """Confirms every fact at once, or never."""

    def __init__(self, *, confirms: bool = True) -> None:
        self.confirms = confirms
        self.published: list[tuple[str, dict[str, Any]]] = []

    @property
    def facts(self) -> list[dict[str, Any]]:
        return [fact for _, fact in self.published]

    def publish(self, queue: str, facts: Sequence[bytes], _traceparent: str | None = None) -> "asyncio.Future[None]":
        done = asyncio.get_running_loop().create_future()
        self.published += [(queue, orjson.loads(fact)) for fact in facts]
        if self.confirms:
            done.set_result(None)
        else:
            done.set_exception(Unconfirmed("a fake that never confirms"))
        return done


class FakeAuthenticator:
    """Knows one key."""

    def __init__(self, actor: Actor = ADMINISTRATOR, allowance: Allowance | None = None) -> None:
        self.caller = Caller(actor, allowance, time.monotonic() + 3600)

    def remembered(self, authorization: bytes) -> Caller | None:
        return self.caller if authorization == b"Bearer pl_known" else None

    async def identify(self, _authorization: bytes) -> Caller:
        raise Problem("auth.unknown", headers={"WWW-Authenticate": "Bearer"})


def keys_alone(sources: Sources) -> SourceAccess:
    """Access to feeds for whom `client` has let in, and by whatever secrets the sources have."""
    return SourceAccess(sources, FakeAuthenticator(), Allowances(1000, 60), PublicAddress())


def client(
    entries: Iterable[Entry], actor: Actor = ADMINISTRATOR, allowance: Allowance | None = None, **headers: str
) -> httpx.AsyncClient:
    """A client of a gateway with these endpoints, bearing the known key."""
    app = Manners(Endpoints(entries, None), FakeAuthenticator(actor, allowance), frozenset({"/open"}))
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://gateway", headers={**TOKEN, **headers})


def ingest_client(publisher: FakePublisher, actor: Actor = ADMINISTRATOR) -> httpx.AsyncClient:
    """A client of the ingest endpoint."""
    return client([Entry("POST", PATH, Ingest(publisher, QUEUES).events)], actor)


def a_fact(**changes: Any) -> dict[str, Any]:
    """A good fact with these fields changed."""
    return {
        "id": "f-1",
        "source": "pbx1",
        "type": "call.answered",
        "call_id": "c-1",
        "occurred_at": "2026-11-21T09:14:03.120Z",
        "queue": "sales-fr",
        "agent": "a-1042",
        **changes,
    }
