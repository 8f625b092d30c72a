"""Who may post to a feed as a source: the source itself, by its secret, or whoever has a key for it."""

import time
from typing import NamedTuple

import structlog

from gateway.adapters.proofs import Posted, Proof
from gateway.auth import Authenticator, admit
from gateway.callers import Caller
from gateway.exchange import Exchange
from gateway.metrics import PROOFS_REFUSED
from gateway.problems import Problem
from gateway.public_address import PublicAddress
from gateway.rate_limits import Allowances
from gateway.roles import INGEST
from gateway.sources import Source, Sources
from services.kernel.values import Actor

log = structlog.get_logger(__name__)

STRANGERS = "strangers"  # all who have proven nothing share one allowance: what they ask for costs a question


class Posting(NamedTuple):
    """A body that may be taken, by whom it was posted, and as which source."""

    caller: Caller
    source: Source
    body: bytes


class SourceAccess:
    """Admits to feeds; no other endpoint takes the secret of a source."""

    def __init__(
        self, sources: Sources, authenticator: Authenticator, allowances: Allowances, address: PublicAddress
    ) -> None:
        self._sources, self._authenticator = sources, authenticator
        self._allowances, self._address = allowances, address

    async def by_key(self, exchange: Exchange) -> Caller:
        """The caller with a key or token that may send facts.

        Raises:
            Problem: there is none (401), it may not (403), or its rate limit is used up (429).
        """
        if exchange.caller is None:
            await admit(self._authenticator, exchange)
        return exchange.require(INGEST)

    async def posting(self, exchange: Exchange, name: str, proof: Proof | None) -> Posting:
        """The body of a request, from whoever may post it as the source of this name.

        Raises:
            Problem: nobody known (401), not allowed (403), too often (429), or the source cannot be asked about (503).
        """
        if proof is not None and proof.claimed(exchange.headers):
            body = await exchange.body()
            if (source := await self._proven(exchange, name, proof, body)) is not None:
                return Posting(self._itself(exchange, name), source, body)
        caller = await self.by_key(exchange)
        sources = caller.actor.sources
        if sources is not None and name not in sources:
            raise Problem("auth.source_not_allowed")
        body = await exchange.body()
        source = await self._sources.named(name)
        if source.secret is not None and sources is None:
            raise Problem("auth.source_guarded")
        return Posting(caller, source, body)

    async def _proven(self, exchange: Exchange, name: str, proof: Proof, body: bytes) -> Source | None:
        """The source whose secret is proven; None where no secret guards it."""
        posted = Posted(self._address.of(exchange), exchange.headers, exchange.media_type, body)
        if not self._sources.knows(name):
            self._allowances.of(STRANGERS).take()
        source = await self._sources.named(name)
        if not _proves(proof, source, posted):  # the secret may have been set, or another one, a moment ago
            self._allowances.of(STRANGERS).take()
            source = await self._sources.newest(name)
            if source.secret is None:
                return None
            if not _proves(proof, source, posted):
                PROOFS_REFUSED.labels(exchange.route).inc()
                log.warning("source.proof_refused", source=name, route=exchange.route, **exchange.identity)
                raise Problem("auth.proof_wrong", headers={"WWW-Authenticate": proof.challenge})
        return source

    def _itself(self, exchange: Exchange, name: str) -> Caller:
        actor = Actor(f"source:{name}", scopes=frozenset({INGEST}), sources=frozenset({name}))
        allowance = self._allowances.of(actor.id)
        exchange.extra = allowance.take()
        exchange.caller = Caller(actor, allowance, time.monotonic())
        return exchange.caller


def _proves(proof: Proof, source: Source, posted: Posted) -> bool:
    return source.secret is not None and proof.holds(source.secret, posted)
