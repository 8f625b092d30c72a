"""Personal fields are sealed before they are stored (DESIGN section 7).

Each person (subject) has a data key of their own; the keys lie in a schema apart, wrapped by a key from the
environment.
Destroying the key erases what it sealed. Numbers are looked up by a keyed hash.
"""

import base64
import hmac
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.kernel.database import Cursor, uuid_array
from services.kernel.values import E164

NONCE = 12


@dataclass(frozen=True)
class MasterKey:
    """The key from the environment, and what is derived from it: one to wrap data keys, one to look numbers up."""

    wrapping: bytes
    lookup: bytes

    @classmethod
    def from_text(cls, text: str) -> "MasterKey":
        """From base64 of 32 bytes; raises ValueError otherwise."""
        secret = base64.b64decode(text, validate=True)
        if len(secret) != 32:
            raise ValueError("the master key must be base64 of 32 bytes: openssl rand -base64 32")
        return cls(_derive(secret, b"wrap data keys"), _derive(secret, b"look up numbers"))

    def hash_of(self, text: str) -> str:
        """The keyed hash by which a number or a content is known, 32 hexadecimal digits."""
        return hmac.digest(self.lookup, text.encode(), "sha256")[:16].hex()


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, b"plateau " + purpose).derive(secret)


def seal(key: AESGCM, event_id: UUID, fields: Mapping[str, Any]) -> str:
    """The fields as base64 text that only `key` opens, bound to the event that carries them."""
    nonce = os.urandom(NONCE)
    return base64.b64encode(nonce + key.encrypt(nonce, orjson.dumps(fields), event_id.bytes)).decode()


def unseal(key: AESGCM | None, event_id: UUID, box: str) -> dict[str, Any]:
    """What was sealed; nothing where the key is destroyed."""
    if key is None:
        return {}
    raw = base64.b64decode(box)
    try:
        opened: dict[str, Any] = orjson.loads(key.decrypt(raw[:NONCE], raw[NONCE:], event_id.bytes))
    except InvalidTag:
        # The subject was erased and has a new key since: what the old one sealed stays closed.
        return {}
    return opened


class Keyring:
    """The data keys of subjects, read and made in batches."""

    READ = "SELECT subject, wrapped FROM keyring.keys WHERE subject = ANY(%s::uuid[])"
    # Not flushed by itself: whatever is sealed with a key is appended later, and the flush of that takes the key along.
    MAKE = """WITH unflushed AS (SELECT set_config('synchronous_commit', 'off', true))
        INSERT INTO keyring.keys (subject, wrapped)
        SELECT subject, wrapped FROM unflushed, unnest(%s::uuid[], %s::bytea[]) AS made(subject, wrapped)
        ON CONFLICT (subject) DO NOTHING"""

    DESTROY = "DELETE FROM keyring.keys WHERE subject = ANY(%s::uuid[])"

    def __init__(self, master: MasterKey) -> None:
        self._master, self._wrapping = master, AESGCM(master.wrapping)

    def subject(self, name: str) -> UUID:
        """Whom an E.164 number or the id of a subject means; raises ValueError where it is neither."""
        return UUID(self._master.hash_of(name) if E164.fullmatch(name) else name)

    def open(self, cursor: Cursor, subjects: Iterable[UUID]) -> dict[UUID, AESGCM]:
        """The keys of those subjects that have one."""
        rows = cursor.execute(self.READ, (uuid_array(subjects),))
        return {subject: AESGCM(self._unwrap(subject, wrapped)) for subject, wrapped in rows}

    def ensure(self, cursor: Cursor, subjects: Iterable[UUID]) -> dict[UUID, AESGCM]:
        """The keys of all the subjects, made where missing.

        Must run in a transaction of its own, before the append: appending is the first write of its transaction.
        """
        wanted = set(subjects)
        keys = self.open(cursor, wanted)
        missing = [subject for subject in wanted if subject not in keys]
        if missing:
            fresh = [(subject, AESGCM.generate_key(256)) for subject in missing]
            made = cursor.execute(
                self.MAKE, (uuid_array(missing), [self._wrap(subject, key) for subject, key in fresh])
            )
            if made.rowcount == len(missing):
                keys |= {subject: AESGCM(key) for subject, key in fresh}
            else:
                keys |= self.open(cursor, missing)
        return keys

    def destroy(self, cursor: Cursor, subjects: Iterable[UUID]) -> None:
        """Destroys the keys of subjects: what they sealed stays closed for ever."""
        cursor.execute(self.DESTROY, (uuid_array(subjects),))

    def _wrap(self, subject: UUID, key: bytes) -> bytes:
        nonce = os.urandom(NONCE)
        return nonce + self._wrapping.encrypt(nonce, key, subject.bytes)

    def _unwrap(self, subject: UUID, wrapped: bytes) -> bytes:
        return self._wrapping.decrypt(wrapped[:NONCE], wrapped[NONCE:], subject.bytes)
