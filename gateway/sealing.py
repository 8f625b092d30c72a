"""Secrets of others that the gateway must be able to read again, sealed at rest with a key from the environment."""

import base64
import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE = 12


class WrongKey(Exception):  # noqa: N818 - what is set, not a mistake in the code
    """What was sealed was sealed with another key, or for another owner."""


class SecretBox:
    """Seals texts for an owner: an endpoint, a connection. AES-256-GCM, the owner's id as associated data."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(HKDF(SHA256(), 32, None, b"plateau gateway secrets").derive(key))

    @classmethod
    def from_text(cls, text: str) -> "SecretBox":
        """From base64 of 32 bytes; raises ValueError otherwise."""
        key = base64.b64decode(text, validate=True)
        if len(key) != 32:
            raise ValueError("give base64 of 32 bytes: openssl rand -base64 32")
        return cls(key)

    def seal(self, owner: UUID, text: str) -> bytes:
        """The text, which only this key opens, and only for this owner."""
        nonce = os.urandom(NONCE)
        return nonce + self._cipher.encrypt(nonce, text.encode(), owner.bytes)

    def open(self, owner: UUID, sealed: bytes) -> str:
        """The text that was sealed; raises WrongKey."""
        try:
            return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], owner.bytes).decode()
        except InvalidTag as error:
            raise WrongKey("sealed with another PLATEAU_GATEWAY_KEY") from error
