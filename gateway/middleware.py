"""What every request passes through: admission, manners of the answer, and the one place where errors end."""

import logging
import time
from collections.abc import Container

import psycopg
import structlog
from starlette.types import Receive, Scope, Send

from gateway.auth import Authenticator, admit
from gateway.bodies import Disconnected
from gateway.endpoints import Endpoints
from gateway.exchange import Exchange
from gateway.metrics import observe
from gateway.problems import Problem

log = structlog.get_logger(__name__)

GONE = 499  # what metrics call a request whose client did not wait


class Manners:
    """Pure ASGI: one object a request, so that ingest pays for no more than it needs.

    Nobody passes without credentials but to the `public` paths: those that anybody may see, and feeds, which admit by
    themselves (`gateway/source_access.py`). A problem raised anywhere below becomes its answer; any
    other exception becomes a 500 that says nothing of our inside and is logged under its request id.
    """

    def __init__(self, endpoints: Endpoints, authenticator: Authenticator, public: Container[str]) -> None:
        self.endpoints = endpoints
        self._authenticator = authenticator
        self._public = public
        self._tells = log.is_enabled_for(logging.DEBUG)  # asked once: a question to a logger costs as much as a fact

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self.endpoints.lifespan(scope, receive, send)
            return
        started = time.perf_counter()
        exchange = Exchange(scope, receive, send)
        try:
            if scope["path"] not in self._public:
                await admit(self._authenticator, exchange)
            await self.endpoints.handler(exchange)(exchange)
        except Problem as problem:
            await exchange.refuse(problem)
        except psycopg.OperationalError as error:
            log.warning("database.unavailable", **exchange.identity, reason=str(error))
            await exchange.refuse(Problem("service.unavailable", "The gateway's database cannot be reached now."))
        except Disconnected:
            exchange.status = GONE
        except Exception:
            log.exception("request.failed", **exchange.identity, route=exchange.route)
            if not exchange.status:
                await exchange.refuse(Problem("request.internal"))
        finally:
            seconds = time.perf_counter() - started
            observe(exchange.route, exchange.status, seconds)
            if self._tells:
                _tell(exchange, seconds)


def _tell(exchange: Exchange, seconds: float) -> None:
    answered = {"route": exchange.route, "status": exchange.status, "seconds": round(seconds, 6)}
    log.debug("request.answered", **exchange.identity, **answered)
