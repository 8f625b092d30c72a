"""The channel that posts public events to webhook endpoints."""

import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any
from uuid import UUID

import httpx
import structlog
import uuid_utils.compat
from psycopg_pool import AsyncConnectionPool

from gateway.deliveries import queue
from gateway.deliveries.channel import (
    STANDARD_DELAYS,
    Database,
    Delivered,
    Delivery,
    Event,
    Gone,
    Outcome,
    Refused,
    Retry,
    Wanted,
)
from gateway.deliveries.guard import GuardedTransport, Resolver
from gateway.deliveries.targets import give_up_target, wake
from gateway.settings import Settings
from gateway.webhooks import standard, store
from gateway.webhooks.addresses import Addresses
from services.kernel.wire import rfc3339

log = structlog.get_logger(__name__)

NAME = "webhooks"
PING = "plateau.ping"
FAILING, DISABLED = "plateau.webhooks.endpoint_failing", "plateau.webhooks.endpoint_disabled"
# Events of these types may name in `webhooks` endpoints that are told, whatever these take: those of an alert rule.
NAMING = frozenset({"plateau.calls.alert_raised", "plateau.calls.alert_cleared"})
OWN_TYPES = (FAILING, DISABLED)  # what webhooks themselves tell those endpoints that want to hear of others
WARNED_AFTER, DISABLED_AFTER = timedelta(days=1), timedelta(days=5)
ANSWER_BYTES = 16 * 1024  # of an answer that are read
EXCERPT = 500  # characters of it that are kept
THROTTLING = frozenset({429, 502, 503, 504})


class Webhooks:
    """Posts events to the endpoints that want their type; each as soon as it can, in no order that one may rely on."""

    name = NAME
    delays: Sequence[float] = STANDARD_DELAYS
    lanes = 16

    def __init__(self, settings: Settings, pool: AsyncConnectionPool, tls: ssl.SSLContext | None = None) -> None:
        self._addresses = Addresses(pool, settings.secrets)
        self.seconds = float(settings.delivery_timeout)  # in all, whatever its parts take
        self._http = httpx.AsyncClient(
            transport=GuardedTransport(Resolver(settings.allowed_networks), tls),
            timeout=settings.delivery_timeout,
            follow_redirects=False,
            headers={"User-Agent": f"Plateau/{version('plateau')}", "Accept-Encoding": "identity"},
        )

    async def types(self, db: Database) -> frozenset[str]:
        """Those of all endpoints that are not disabled, and those that may name one."""
        types = await store.types_wanted(db)
        return types | NAMING if types else types

    async def wanted(self, db: Database, events: Sequence[Event]) -> Sequence[Wanted]:
        """Each event for each endpoint that wants its type, or that it names."""
        named = {event["id"]: _named(event) for event in events}
        types = sorted({event["type"] for event in events})
        endpoints = await store.wanting(db, types, sorted(set().union(*named.values())))
        return [
            Wanted(endpoint, event)
            for event in events
            for endpoint, taken in endpoints
            if event["type"] in taken or str(endpoint) in named[event["id"]]
        ]

    async def send(self, delivery: Delivery) -> Outcome:
        """Posts it, signed with every secret that the endpoint has now."""
        address = await self._addresses.of(delivery.target_id)
        if address is None:
            return Refused(reason="the endpoint was deleted")
        body, now = standard.body_of(delivery.event), datetime.now(UTC)
        signed = standard.headers(address.secrets, delivery.event["id"], int(now.timestamp()), body)
        headers = {"Content-Type": "application/json", **signed}
        try:
            async with self._http.stream("POST", address.url, content=body, headers=headers) as answer:
                return outcome_of(answer, await _excerpt(answer), now)
        except httpx.HTTPError as error:
            return Retry(reason=f"{type(error).__name__}: {error}"[:EXCERPT], unreachable=True)

    async def settled(self, db: Database, delivery: Delivery, outcome: Outcome, failing_since: datetime | None) -> None:
        """Disables an endpoint that is gone or has failed for days; warns before that."""
        endpoint = delivery.target_id
        if isinstance(outcome, Gone):
            await disable(db, endpoint, "it answered 410 Gone")
        elif failing_since is not None:
            failing = datetime.now(UTC) - failing_since
            if failing > DISABLED_AFTER:
                await disable(db, endpoint, f"every delivery has failed since {rfc3339(failing_since)}")
            elif failing > WARNED_AFTER and (url := await store.warn(db, endpoint, failing_since)):
                until = rfc3339(failing_since + DISABLED_AFTER)
                log.warning("webhooks.endpoint_failing", endpoint=str(endpoint), url=url, disabled_from=until)
                about = {"failing_since": rfc3339(failing_since), "disabled_from": until, "reason": outcome.reason}
                await tell(db, FAILING, endpoint, about)

    async def close(self) -> None:
        """Closes connections that are kept open."""
        await self._http.aclose()


def _named(event: Event) -> set[str]:
    return set(event["data"].get("webhooks", ())) if event["type"] in NAMING else set()


def outcome_of(answer: httpx.Response, excerpt: str, now: datetime) -> Outcome:
    """What an answer means: 2xx arrived, 410 the endpoint is gone, anything else a failure.

    A receiver that is overloaded (429, 502, 503, 504), or says when to come again, is left in peace for that long.
    """
    status, after = answer.status_code, standard.retry_after(answer.headers.get("Retry-After"), now)
    said: dict[str, Any] = {"status": status, "excerpt": excerpt}
    if 200 <= status < 300:
        return Delivered(**said)
    if status == 410:
        return Gone(reason="HTTP 410: the receiver wants nothing any more", **said)
    reason = f"HTTP {status}" + (": redirects are not followed" if 300 <= status < 400 else "")
    patience = status in THROTTLING and after is not None
    return Retry(reason=reason, after=after, throttled=patience, unreachable=status in THROTTLING, **said)


async def disable(db: Database, endpoint: UUID, reason: str) -> None:
    """Ends what is sent to an endpoint, until somebody resumes it; what is due to it is dead."""
    if await store.set_status(db, endpoint, "disabled", reason):
        await give_up_target(db, NAME, endpoint, f"the endpoint was disabled: {reason}")
        log.warning("webhooks.endpoint_disabled", endpoint=str(endpoint), reason=reason)
        await tell(db, DISABLED, endpoint, {"reason": reason})


async def tell(db: Database, kind: str, endpoint: UUID, about: Mapping[str, Any]) -> None:
    """Tells other endpoints of one, where they want to hear that."""
    event = own_event(kind, endpoint, about)
    others = [each for each, _ in await store.wanting(db, [kind], []) if each != endpoint]
    if others:
        await queue.write(db, NAME, [Wanted(each, event) for each in others])
        await wake(db)


def own_event(kind: str, endpoint: UUID, about: Mapping[str, Any]) -> dict[str, Any]:
    """An event of the webhooks themselves, in the form of the public ones."""
    return {
        "specversion": "1.0",
        "id": str(uuid_utils.compat.uuid7()),
        "source": "/plateau/webhooks",
        "type": kind,
        "subject": str(endpoint),
        "time": rfc3339(datetime.now(UTC)),
        "datacontenttype": "application/json",
        "data": {"endpoint_id": str(endpoint), **about},
    }


async def _excerpt(answer: httpx.Response) -> str:
    """The beginning of an answer, as text; no more of it is read than that."""
    read = b""
    async for part in answer.aiter_raw():
        read += part
        if len(read) >= ANSWER_BYTES:
            break
    return read[: 4 * EXCERPT].decode(errors="replace").replace("\0", "")[:EXCERPT]
