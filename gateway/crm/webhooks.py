"""What HubSpot and Zendesk send of their own accord: their signatures, and which person each event is about.

Sources: HubSpot's "Request validation" (signature v3) and "Webhooks API", Zendesk's "Verifying webhooks" and "Webhook
event types". Both send at least once and in any order, so an event only says whom to ask about: what is taken over is
what the provider then answers.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import unquote

import orjson

from gateway.crm.provider import Change

WINDOW = timedelta(minutes=5)
MOST_CHANGES = 1_000
HUBSPOT_CONTACTS = ("contact.", "object.")
CONTACT_TYPE = "0-1"  # of HubSpot's object types
KNOWN = frozenset({"creation", "propertyChange", "deletion", "privacyDeletion", "restore", "merge"})
PEOPLE = ("objectId", "primaryObjectId", "newObjectId")  # a merge may end the primary one in favour of a new one
ZENDESK_USERS = "zen:event-type:user."


class SignatureWrong(Exception):  # noqa: N818 - what came, not a mistake of ours
    """A webhook that the provider has not signed, or not within five minutes."""


class NotRead(Exception):  # noqa: N818 - what came, not a mistake of ours
    """A signed body that is not as the provider writes it."""


@dataclass(frozen=True, slots=True)
class Request:
    """A webhook as it came: under which addresses the provider may know us, headers by lower-case name, raw body."""

    method: str
    addresses: Sequence[str]
    headers: Mapping[bytes, bytes]
    body: bytes

    def header(self, name: bytes) -> str:
        """A header; raises SignatureWrong where it is not there."""
        value = self.headers.get(name)
        if value is None:
            raise SignatureWrong(f"the header {name.decode()} is missing")
        return value.decode("latin-1")


def hubspot_signature(secret: str, method: str, address: str, body: bytes, timestamp: str) -> str:
    """Signature v3: base64 of HMAC-SHA256 over method, decoded address, raw body and timestamp."""
    where, query, parameters = address.partition("?")
    signed = f"{method}{unquote(where)}{query}{unquote(parameters)}".encode() + body + timestamp.encode()
    return base64.b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256)).decode()


def zendesk_signature(secret: str, timestamp: str, body: bytes) -> str:
    """Base64 of HMAC-SHA256 over timestamp and raw body, with nothing between them."""
    return base64.b64encode(hmac.digest(secret.encode(), timestamp.encode() + body, hashlib.sha256)).decode()


def verify_hubspot(secret: str, request: Request, now: datetime) -> None:
    """Raises SignatureWrong; the timestamp is in milliseconds."""
    given, timestamp = request.header(b"x-hubspot-signature-v3"), request.header(b"x-hubspot-request-timestamp")
    try:
        sent_at = datetime.fromtimestamp(int(timestamp) / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise SignatureWrong("the timestamp is none") from error
    _recent(sent_at, now)
    _equal(
        given, [hubspot_signature(secret, request.method, each, request.body, timestamp) for each in request.addresses]
    )


def verify_zendesk(secret: str, request: Request, now: datetime) -> None:
    """Raises SignatureWrong; Zendesk documents no window, ours is that of the others."""
    given = request.header(b"x-zendesk-webhook-signature")
    timestamp = request.header(b"x-zendesk-webhook-signature-timestamp")
    try:
        sent_at = datetime.fromisoformat(timestamp)
    except ValueError as error:
        raise SignatureWrong("the timestamp is none") from error
    _recent(sent_at if sent_at.tzinfo else sent_at.replace(tzinfo=UTC), now)
    _equal(given, [zendesk_signature(secret, timestamp, request.body)])


def _recent(sent_at: datetime, now: datetime) -> None:
    if abs(now - sent_at) > WINDOW:
        raise SignatureWrong("it was signed more than five minutes from now")


def _equal(given: str, computed: Sequence[str]) -> None:
    matching = [hmac.compare_digest(given.encode(), each.encode()) for each in computed]
    if not any(matching):
        raise SignatureWrong("the signature is not that of this body")


def hubspot_changes(body: bytes) -> list[Change]:
    """The events of a body, each person named; raises NotRead."""
    events = _parsed(body)
    try:
        return [change for event in (events if isinstance(events, list) else [events]) for change in _of_hubspot(event)]
    except (KeyError, TypeError, AttributeError) as error:
        raise NotRead(f"an event lacks {error}") from error


def _of_hubspot(event: dict[str, Any]) -> list[Change]:
    # An event id alone is not promised to be unique.
    key = ":".join(str(event.get(name)) for name in ("portalId", "eventId", "subscriptionId", "occurredAt"))
    kind = str(event["subscriptionType"])
    about = kind.startswith(HUBSPOT_CONTACTS) and event.get("objectTypeId", CONTACT_TYPE) == CONTACT_TYPE
    if not about or kind.partition(".")[2] not in KNOWN:
        return [Change(key, kind, said=event)]
    people = [event[name] for name in PEOPLE if name in event] + (event.get("mergedObjectIds") or [])
    if not people:
        return [Change(key, kind, said=event)]
    return [Change(f"{key}:{person}", kind, str(person)) for person in dict.fromkeys(people)]


def zendesk_changes(body: bytes) -> list[Change]:
    """The one event of a body; raises NotRead. One that a trigger of the account made is of no type that we know."""
    event = _parsed(body)
    if not isinstance(event, dict):
        raise NotRead("the body is no JSON object")
    key = str(event.get("id") or hashlib.sha256(body).hexdigest())
    kind = str(event.get("type") or "unknown")
    detail = event.get("detail")
    person = detail.get("id") if isinstance(detail, dict) else None
    if not kind.startswith(ZENDESK_USERS) or person is None:
        return [Change(key, kind, said=event)]
    return [Change(key, kind, str(person))]


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotRead(f"the body is no JSON: {error}") from error


class Webhooks(NamedTuple):
    """How a provider's webhooks are checked and read."""

    verify: Callable[[str, Request, datetime], None]
    read: Callable[[bytes], list[Change]]


OF_PROVIDER = {
    "hubspot": Webhooks(verify_hubspot, hubspot_changes),
    "zendesk": Webhooks(verify_zendesk, zendesk_changes),
}
