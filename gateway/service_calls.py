"""Calls of a service's two methods, with what goes wrong turned into problems."""

from typing import Any

import orjson
import structlog

from gateway.exchange import Exchange
from gateway.problems import Problem
from gateway.rpc import DeadlinePassed, RemoteError, RpcClient
from services.calls.api import Live, SourceOf
from services.kernel.actors import as_sent
from services.kernel.decider import SYSTEM
from services.kernel.values import Actor, Unavailable

log = structlog.get_logger(__name__)

DEADLINE = 5.0  # seconds


async def ask(rpc: RpcClient, exchange: Exchange, service: str, method: str, message: dict[str, Any]) -> dict[str, Any]:
    """What the service answers.

    Raises:
        Problem: it refuses (as it says), cannot be reached (503), did not answer in time (504), or is broken (500).
    """
    try:
        answer = await rpc.call(
            service,
            method,
            message,
            deadline=DEADLINE,
            request_id=exchange.request_id,
            traceparent=exchange.traceparent,
        )
    except Unavailable as error:
        raise Problem("service.unavailable", str(error)) from error
    except DeadlinePassed as error:
        raise Problem("request.outcome_unknown") from error
    except RemoteError as error:
        log.exception("service.failed", service=service, method=method, **exchange.identity)
        raise Problem("request.internal") from error
    if refused := answer.get("refused"):
        wait = refused.get("retry_after")
        raise Problem(
            refused["code"],
            refused["detail"],
            status=refused["status"],
            errors=refused["errors"],
            headers={"Retry-After": str(wait)} if wait else None,
        )
    return dict(answer)


async def source_settings(rpc: RpcClient, name: str) -> dict[str, Any]:
    """The settings of a telephone source, as `GET /v1/telephony/sources/{source}` shows them.

    Raises:
        Unavailable: the calls service cannot be asked now.
    """
    message = {
        "use_case": SourceOf.__name__,
        "key": name,
        "parameters": {"source": name},
        "actor": as_sent(SYSTEM),
    }
    try:
        answer = await rpc.call("calls", "query", message, deadline=DEADLINE)
        return dict(orjson.loads(answer["body"]))
    except (DeadlinePassed, RemoteError) as error:
        raise Unavailable("the source's settings cannot be read now") from error


async def live_view(rpc: RpcClient, actor: Actor) -> dict[str, Any]:
    """What an actor sees of the floor, as `GET /v1/live` shows it.

    Raises:
        Problem: the calls service cannot be asked now (503), or is broken (500).
    """
    message = {"use_case": Live.__name__, "parameters": {}, "actor": as_sent(actor)}
    try:
        answer = await rpc.call("calls", "query", message, deadline=DEADLINE)
    except (Unavailable, DeadlinePassed) as error:
        raise Problem("service.unavailable", str(error)) from error
    except RemoteError as error:
        log.exception("service.failed", service="calls", method="query")
        raise Problem("request.internal") from error
    if "body" not in answer:
        raise Problem(answer["refused"]["code"], answer["refused"]["detail"], status=answer["refused"]["status"])
    return dict(orjson.loads(answer["body"]))
