"""What the gateway itself does at somebody's order, once for each Idempotency-Key."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from gateway.exchange import Exchange, Headers
from gateway.idempotency import Answer, IdempotencyKeys, Identity, digest_of

Work = Callable[[Identity], Awaitable[dict[str, Any]]]

REPLAYED: Headers = [(b"idempotency-replayed", b"true")]


async def once(
    keys: IdempotencyKeys, caller: str, exchange: Exchange, body: bytes, work: Work
) -> tuple[dict[str, Any], Headers]:
    """What comes of the work (plain JSON; it is kept, so nothing secret), and the headers of a repeat where it is one.

    `caller` is the id of whoever asks. Work that fails was not done: a repeat tries it again, under the same ids.
    """
    key = exchange.headers.get(b"idempotency-key")
    digest = digest_of(exchange.scope["method"], exchange.scope["path"], body)
    identity = await keys.begin(caller, None if key is None else key.decode("latin-1"), digest)
    if isinstance(identity, Answer):
        return orjson.loads(identity.body), REPLAYED
    try:
        done = await work(identity)
    except Exception:
        await keys.finish(identity, None)
        raise
    await keys.finish(identity, Answer(200, {}, orjson.dumps(done)))
    return done, []
