"""Standard Webhooks 1.0 (github.com/standard-webhooks, spec/standard-webhooks.md): secrets, signatures, bodies."""

import base64
import binascii
import hmac
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    """A secret for one endpoint."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; raises ValueError where the secret is none."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError(f"a secret is {PREFIX} and base64") from error
    signed = hmac.digest(key, b"%s.%d.%s" % (message_id.encode(), timestamp, body), "sha256")
    return f"v1,{base64.b64encode(signed).decode()}"


def headers(live_secrets: Iterable[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a message; each of the secrets signs."""
    signatures = [signature(secret, message_id, timestamp, body) for secret in live_secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def body_of(event: Mapping[str, Any]) -> bytes:
    """`{"type", "timestamp", "data"}` of a CloudEvent of ours.

    A receiver must know what replaces what: so `data` has the event's `subject` too, and its `revision` if it has one.
    """
    told = {name: event[name] for name in ("subject", "revision") if name in event}
    return orjson.dumps({"type": event["type"], "timestamp": event["time"], "data": {**told, **event["data"]}})


def retry_after(value: str | None, now: datetime) -> float | None:
    """The seconds that a Retry-After header asks for, given as such or as a date (RFC 9110, 10.2.3); None: neither."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds())
