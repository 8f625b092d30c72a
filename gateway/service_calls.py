"""Calls of a service's two methods, with what goes wrong turned into problems."""

from typing import Any

import orjson
import structlog

from gateway.exchange import Exchange
from gateway.problems import Problem
from gateway.rpc import DeadlinePassed, RemoteError, RpcClient
from services.calls.api import Live, SourcesWithProofOf, SourceToReadOf
from services.kernel.actors import as_sent
from services.kernel.decider import SYSTEM
from services.kernel.values import Actor, Unavailable

log = structlog.get_logger(__name__)

DEADLINE = 5.0  # seconds


async def ask(
    rpc: RpcClient,
    exchange: Exchange,
    service: str,
    method: str,
    message: dict[str, Any],
    *,
    deadline: float = DEADLINE,
) -> dict[str, Any]:
    """What the service answers within `deadline` seconds.

    Raises:
        Problem: it refuses (as it says), cannot be reached (503), did not answer in time (504), or is broken (500).
    """
    try:
        answer = await rpc.call(
            service,
            method,
            message,
            deadline=deadline,
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


async def source_to_read(rpc: RpcClient, name: str) -> dict[str, Any]:
    """The settings of a telephone source, and the secret that guards it.

    Raises:
        Unavailable: the calls service cannot be asked now.
    """
    return await _inside(rpc, SourceToReadOf, {"source": name})


async def sources_with_proof(rpc: RpcClient) -> list[str]:
    """The names of the sources that a secret guards.

    Raises:
        Unavailable: the calls service cannot be asked now.
    """
    return list((await _inside(rpc, SourcesWithProofOf, {}))["sources"])


async def _inside(rpc: RpcClient, question: type, parameters: dict[str, Any]) -> dict[str, Any]:
    message = {"use_case": question.__name__, "parameters": parameters, "actor": as_sent(SYSTEM)}
    try:
        answer = await rpc.call("calls", "query", message, deadline=DEADLINE)
        return dict(orjson.loads(answer["body"]))
    except (DeadlinePassed, RemoteError) as error:
        raise Unavailable("the settings of sources cannot be read now") from error


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
