"""What all who see the same of the floor are told: the whole, and from then on what changes."""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

import orjson
import structlog

from gateway.problems import Problem

if TYPE_CHECKING:
    from gateway.ending import Ending

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
LOOK_SECONDS = 0.5  # between two looks whether the process ends
SHARE = 9.0  # so many times as long as an answer takes is waited for the next: a tenth of the time, whoever listens
KEPT = 120  # events, for who comes back

View = dict[str, Any]
NAMED = {"queues": "queue", "agents": "agent"}  # the lists of a view, and the field that names their items


class Channel:
    """Asks for the view as long as anybody listens, and keeps the last events for who comes back.

    Events are numbered. An id names the channel's life and the number, so that one of another process, or of another
    sight, is not understood, and answered with the whole.
    """

    def __init__(self, ask: Callable[[], Awaitable[View]], ending: "Ending") -> None:
        self._ask, self._ending = ask, ending
        self._life = secrets.token_hex(6)
        self._number = 0
        self._view: View = {}
        self._whole = b""
        self._events: deque[bytes] = deque(maxlen=KEPT)  # the last of them has the number
        self._moving: asyncio.Future[None] | None = None
        self._asking: asyncio.Task[None] | None = None
        self._beginning = asyncio.Lock()
        self.listeners = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Self]:
        """While inside, the view is kept up to date.

        Raises:
            Problem: there is no view to begin with.
        """
        self.listeners += 1
        try:
            async with self._beginning:
                if self._asking is None or self._asking.done():
                    self.take(await self._ask())
                    self._asking = asyncio.create_task(self._keep_asking())
            yield self
        finally:
            self.listeners -= 1
            if not self.listeners and self._asking is not None:
                self._asking.cancel()
                self._asking = None

    def place(self, last_event_id: str) -> int | None:
        """Where somebody stands who has seen that event; None where the whole is needed."""
        life, _, number = last_event_id.partition("-")
        known = life == self._life and number.isascii() and number.isdecimal()
        return int(number) if known and int(number) <= self._number else None

    def since(self, place: int | None) -> tuple[bytes, int]:
        """What was told since a place, and where that leads."""
        missed = None if place is None else self._number - place
        if missed is None or missed > len(self._events):
            return self._whole, self._number
        return b"".join(islice(self._events, len(self._events) - missed, None)), self._number

    @property
    def moving(self) -> "asyncio.Future[None]":
        """Done once there is more than now, or once the process ends; the same for all who wait."""
        if self._moving is None:
            self._moving = asyncio.get_running_loop().create_future()
        return self._moving

    def take(self, view: View) -> None:
        """Takes the newest view; tells of it if anything but its time has changed."""
        changes = differences(self._view, view) if self._view else None
        if self._view and changes is None:
            return
        self._number += 1
        if changes is not None:
            self._events.append(self._event(changes))
        self._view = view
        self._whole = self._event({"whole": True, **view, "gone": {name: [] for name in NAMED}})
        self._stir()

    def _stir(self) -> None:
        moving, self._moving = self._moving, None
        if moving is not None:
            moving.set_result(None)

    async def _keep_asking(self) -> None:
        loop = asyncio.get_running_loop()
        begun, pause = loop.time(), POLL_SECONDS
        while not self._ending.begun:
            if (left := begun + pause - loop.time()) > 0:
                await asyncio.sleep(min(left, LOOK_SECONDS))
                continue
            asked = loop.time()
            try:
                self.take(await self._ask())
            except Problem as problem:
                log.warning("live.not_asked", code=problem.code)  # screens keep what they have
            begun = loop.time()
            pause = max(POLL_SECONDS, SHARE * (begun - asked))
        self._stir()

    def _event(self, content: View) -> bytes:
        return b"id: %b-%d\nevent: live\ndata: %b\n\n" % (self._life.encode(), self._number, orjson.dumps(content))


def differences(before: View, after: View) -> View | None:
    """What has changed from one view to the next; None where nothing has but its time."""
    changed: View = {name: after[name] for name in after.keys() - NAMED.keys() if after[name] != before.get(name)}
    gone: dict[str, list[str]] = {}
    for name, key in NAMED.items():
        were = {item[key]: item for item in before[name]}
        are = {item[key]: item for item in after[name]}
        changed[name] = [item for each, item in are.items() if item != were.get(each)]
        gone[name] = sorted(were.keys() - are.keys())
    if not (changed.keys() - NAMED.keys() - {"as_of"} or any(changed[name] or gone[name] for name in NAMED)):
        return None
    return {"whole": False, "as_of": after["as_of"], **changed, "gone": gone}
