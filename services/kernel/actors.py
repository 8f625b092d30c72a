"""Actors on their way from the gateway to a service: the same few come again and again, so each is converted once."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from services.kernel import schemas
from services.kernel.values import Actor

REMEMBERED = 1000


@lru_cache(maxsize=REMEMBERED)
def as_sent(actor: Actor) -> Mapping[str, Any]:
    """An actor as plain JSON data, which is not to be changed."""
    return schemas.dump(actor)


def as_received(data: Mapping[str, Any]) -> Actor:
    """The actor that was sent as such data."""
    return _read(orjson.dumps(data))


@lru_cache(maxsize=REMEMBERED)
def _read(data: bytes) -> Actor:
    actor: Actor = schemas.revive(Actor, orjson.loads(data))
    return actor
