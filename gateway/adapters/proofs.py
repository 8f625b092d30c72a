"""How an outside system that calls us back proves to know the secret of its source.

A proof is claimed by the headers of a request (which then bears no key of ours), and holds or does not.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol
from urllib.parse import parse_qs, urlsplit

from gateway.adapters.reading import decoded
from gateway.keys import PREFIX

Headers = Mapping[bytes, bytes]


class Posted(NamedTuple):
    """A request as it came: `url` as the caller called it, headers by lower-case name, the body as it was sent."""

    url: str
    headers: Headers
    media_type: bytes
    body: bytes


class Proof(Protocol):
    """One way to prove it; `challenge` is the WWW-Authenticate of a refusal, `says` tells an integrator how."""

    challenge: str
    says: str

    def claimed(self, headers: Headers) -> bool:
        """Whether a request with these headers claims to be of the source itself."""

    def holds(self, secret: str, posted: Posted) -> bool:
        """Whether it is; compared in constant time."""


class Callback(NamedTuple):
    """How a system calls us back: how it proves who it is, and with which status it wants to hear that we have it."""

    proof: Proof
    status: int = 202


class Password:
    """The secret itself: as the password of HTTP Basic, whoever the user, or as a bearer token."""

    challenge = 'Basic realm="plateau", charset="UTF-8"'
    says = "the password of HTTP Basic (any user), or a bearer token"

    def claimed(self, headers: Headers) -> bool:
        """Any Basic credentials; a bearer token that is neither a key of ours nor a JWT."""
        scheme, credentials = _authorization(headers)
        return scheme == b"basic" or (
            scheme == b"bearer" and bool(credentials) and not credentials.startswith((PREFIX.encode(), b"eyJ"))
        )

    def holds(self, secret: str, posted: Posted) -> bool:
        """Whether password or token are the secret."""
        scheme, credentials = _authorization(posted.headers)
        if scheme == b"basic":
            try:
                credentials = base64.b64decode(credentials, validate=True).partition(b":")[2]
            except binascii.Error:
                return False
        return hmac.compare_digest(credentials, secret.encode())


class TwilioSignature:
    """X-Twilio-Signature: HMAC-SHA1 over the URL that Twilio called and the form, keyed with the account's auth token.

    Of a body that is no form, the URL bears the SHA-256 (FORMATS section 6; twilio-python `request_validator.py`).
    """

    challenge = "Bearer"
    says = "the auth token with which Twilio makes X-Twilio-Signature"

    def claimed(self, headers: Headers) -> bool:
        """Any signature."""
        return b"x-twilio-signature" in headers

    def holds(self, secret: str, posted: Posted) -> bool:
        """Whether the signature is that of the request; Twilio names the port in the URL at times, and at times not."""
        try:
            urls = list(_with_and_without_port(posted.url))
        except ValueError:  # of a Host that is none
            return False
        given = posted.headers.get(b"x-twilio-signature", b"")
        if posted.media_type == b"application/x-www-form-urlencoded":
            form = _flat(posted.body)
        else:
            form, stated = "", parse_qs(urlsplit(posted.url).query).get("bodySHA256", [""])[-1]
            if not hmac.compare_digest(hashlib.sha256(posted.body).hexdigest().encode(), stated.lower().encode()):
                return False
        return any(hmac.compare_digest(signature(secret, url + form), given) for url in urls)


def signature(secret: str, text: str) -> bytes:
    """What Twilio would send for this text: the URL and the form's names and values."""
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha1"))


def _flat(body: bytes) -> str:
    names, _, texts = zip(*[pair.partition("=") for pair in body.decode("latin-1").split("&")], strict=True)
    pairs = set(zip(decoded(names), decoded(texts), strict=True))
    return "".join([name + text for name, text in sorted(pairs)])


def _with_and_without_port(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    host, colon, port = parts.netloc.rpartition(":")
    if not colon or not port.isdigit():  # there is none, or the colon is within an IPv6 address
        host, port = parts.netloc, {"http": "80"}.get(parts.scheme, "443")
    rest = url.partition("://")[2].removeprefix(parts.netloc)
    yield f"{parts.scheme}://{host}{rest}"
    yield f"{parts.scheme}://{host}:{port}{rest}"


def _authorization(headers: Headers) -> tuple[bytes, bytes]:
    scheme, _, credentials = headers.get(b"authorization", b"").partition(b" ")
    return scheme.lower(), credentials.strip()


PASSWORD = Password()
TWILIO_SIGNATURE = TwilioSignature()
