"""`GET /v1/live/stream`: the floor as it changes, as server-sent events, for any number of screens.

However many listen, the calls service is asked once a second for each distinct sight: everything that decides what a
caller may see. What has changed since the answer before is written once and handed to all who share the sight.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg

from gateway.bodies import Disconnected
from gateway.endpoints import Entry
from gateway.exchange import Exchange
from gateway.live_channel import Channel
from gateway.metrics import LISTENERS
from gateway.problems import Problem, invalid
from gateway.rpc import RpcClient
from gateway.service_calls import live_view
from services.kernel import schemas
from services.kernel.decider import values
from services.kernel.values import Actor

if TYPE_CHECKING:
    from gateway.auth import Authenticator
    from gateway.ending import Ending

PATH = "/v1/live/stream"
SCOPE = "live:read"
MEDIA_TYPE = b"text/event-stream"
RETRY = b"retry: 3000\n\n"
KEEP_ALIVE = b": still here\n\n"
KEEP_ALIVE_SECONDS = 15.0
RECHECK_SECONDS = 4.0  # as long as a caller is remembered
STALLED_SECONDS = 30.0  # who takes nothing for so long is let go
MOST_CHANNELS = 200  # kept for who comes back, with or without listeners


@values
class LiveStreamOf:
    """Follow what happens on the floor, as server-sent events.

    Each event is named `live` and has the shape of `GET /v1/live`, with `whole` and `gone` beside it. The first is
    `whole`: take it in the place of what you have. Those that follow hold what has changed: put each queue and each
    agent in the place of the one of its name, take away those that `gone` names, and keep what is not there. An event
    comes at most once a second. Its `id` is where to go on: sent back as `Last-Event-ID`, as browsers do by themselves,
    what was missed comes first, or a whole view where that is too much. A comment comes every 15 seconds. The stream
    ends when the key ends, and when the process does: come back then.
    """


class LiveStream:
    """Lets callers listen, as many as `most` at once."""

    def __init__(self, rpc: RpcClient, authenticator: "Authenticator", ending: "Ending", most: int) -> None:
        self._rpc, self._authenticator, self._ending, self._most = rpc, authenticator, ending, most
        self._channels: dict[Actor, Channel] = {}
        self._listeners = 0

    def entries(self) -> Iterator[Entry]:
        """The endpoint."""
        yield Entry("GET", PATH, self.listen)

    async def listen(self, exchange: Exchange) -> None:
        """Sends events until the caller goes away or may no longer listen, or the process ends."""
        caller = exchange.require(SCOPE)
        asked = schemas.load(LiveStreamOf, exchange.in_query(), lenient=True)
        if isinstance(asked, list):
            raise invalid(*asked)
        if self._listeners >= self._most:
            raise Problem("live.too_many_listeners", headers={"Retry-After": "5"})
        self._listeners += 1
        LISTENERS.set(self._listeners)
        try:
            async with self._channel(sight(caller.actor)).listening() as channel:
                await exchange.begin(200, MEDIA_TYPE, [(b"x-accel-buffering", b"no")])
                if exchange.scope["method"] != "HEAD":
                    await self._tell(exchange, channel, caller.actor)
                await exchange.end()
        finally:
            self._listeners -= 1
            LISTENERS.set(self._listeners)

    async def _tell(self, exchange: Exchange, channel: Channel, actor: Actor) -> None:
        loop = asyncio.get_running_loop()
        gone = asyncio.create_task(exchange.gone())
        place = channel.place(exchange.headers.get(b"last-event-id", b"").decode("latin-1"))
        await _write(exchange, RETRY)
        written = checked = loop.time()
        try:
            while not (self._ending.begun or gone.done()):
                moving = channel.moving
                events, place = channel.since(place)
                if not events and loop.time() - written >= KEEP_ALIVE_SECONDS:
                    events = KEEP_ALIVE
                if events:
                    await _write(exchange, events)
                    written = loop.time()
                if loop.time() - checked >= RECHECK_SECONDS:
                    checked = loop.time()
                    if not await self._still_allowed(exchange, actor):
                        return
                until = min(checked + RECHECK_SECONDS, written + KEEP_ALIVE_SECONDS)
                await asyncio.wait(
                    (gone, moving), timeout=max(0.0, until - loop.time()), return_when=asyncio.FIRST_COMPLETED
                )
        finally:
            gone.cancel()

    async def _still_allowed(self, exchange: Exchange, actor: Actor) -> bool:
        """Whether the caller is still who they were; where that cannot be known now, they are."""
        authorization = exchange.headers.get(b"authorization", b"")
        try:
            known = self._authenticator.remembered(authorization) or await self._authenticator.identify(authorization)
        except Problem as problem:
            return problem.status >= 500
        except psycopg.OperationalError:
            return True
        return known.actor == actor

    def _channel(self, seen_by: Actor) -> Channel:
        channel = self._channels.pop(seen_by, None) or Channel(lambda: live_view(self._rpc, seen_by), self._ending)
        self._channels[seen_by] = channel
        for each, other in list(self._channels.items()):
            if len(self._channels) <= MOST_CHANNELS:
                break
            if not other.listeners and other is not channel:
                del self._channels[each]
        return channel


def sight(actor: Actor) -> Actor:
    """The actor less all that does not bear on what they see of the floor, so that many are the same."""
    agent = actor.agent if "agent" in actor.roles else None
    team = actor.team if "supervisor" in actor.roles else None
    return replace(actor, id="live", kind="machine", scopes=frozenset({SCOPE}), agent=agent, team=team, sources=None)


async def _write(exchange: Exchange, part: bytes) -> None:
    try:
        async with asyncio.timeout(STALLED_SECONDS):
            await exchange.write(part)
    except TimeoutError as error:
        raise Disconnected from error
