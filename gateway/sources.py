"""What the gateway must know of a telephone source to read its feed, and who may post as it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from gateway.endpoints import Handler
from gateway.exchange import Exchange
from gateway.problems import Problem
from services.kernel.values import Unavailable

KEPT = 5.0  # seconds; a changed setting is in force after that
MOST_KEPT = 10_000
SOON = 0.5  # seconds between attempts as long as nobody has said which sources are guarded

UTC = ZoneInfo("UTC")

Ask = Callable[[str], Awaitable[Mapping[str, Any]]]
AskGuarded = Callable[[], Awaitable[Iterable[str]]]


async def _none_guarded() -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Source:
    """A telephone source: its name, the zone of the times that it writes without one, the region of bare numbers.

    `secret` guards it: whoever posts as it proves to know it, or has a key that names the source. `activities` say
    which of signed_out, available and paused an outside activity is; `disposition_attribute` holds a disposition's
    code.
    """

    name: str
    timezone: ZoneInfo = UTC
    default_region: str | None = None
    secret: str | None = field(default=None, repr=False)
    activities: Mapping[str, str] = field(default_factory=dict)
    disposition_attribute: str | None = None


class Sources:
    """Source settings, asked of the calls service every few seconds.

    `ask(name)` answers the settings of a source with its secret (defaults where nobody ever configured it), and
    `ask_guarded()` the names of all that have a secret; both raise Unavailable where they cannot. `guarded` are those
    names as far as they are known: keys that do not name such a source may not send as it.
    """

    def __init__(self, ask: Ask, ask_guarded: AskGuarded = _none_guarded) -> None:
        self._ask, self._ask_guarded = ask, ask_guarded
        self._kept: dict[str, tuple[float, Source]] = {}
        self.guarded: frozenset[str] = frozenset()

    def knows(self, name: str) -> bool:
        """Whether the source was asked for before, so that naming it costs no question."""
        return name in self._kept

    async def named(self, name: str) -> Source:
        """The source of this name. While the service is away, what was last known of it holds.

        Raises:
            Problem: nothing is known of it and the service cannot be asked now (503).
        """
        until, source = self._kept.get(name, (0.0, None))
        return source if source is not None and time.monotonic() < until else await self.newest(name)

    async def newest(self, name: str) -> Source:
        """The same, asked for now: a secret may have been set a moment ago."""
        try:
            told = await self._ask(name)
        except Unavailable as error:
            _, known = self._kept.get(name, (0.0, None))
            if known is None:
                raise Problem("service.unavailable", "The source's settings cannot be read now.") from error
            return known
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        source = Source(
            name,
            ZoneInfo(told.get("timezone") or "UTC"),
            told.get("default_region"),
            told.get("secret"),
            told.get("activities") or {},
            told.get("disposition_attribute"),
        )
        self._kept[name] = (time.monotonic() + KEPT, source)
        self.guarded = self.guarded | {name} if source.secret else self.guarded - {name}
        return source

    async def refresh(self) -> None:
        """Learns which sources are guarded; the list may be behind what single sources have said since.

        Raises:
            Unavailable: the service cannot be asked now.
            Problem: likewise.
        """
        listed = set(await self._ask_guarded())
        for name in self.guarded - listed:
            if (await self.newest(name)).secret:
                listed.add(name)
        self.guarded = frozenset(listed)

    async def follow(self) -> None:
        """Refreshes for ever; while the service is away, what was last known holds."""
        pause = SOON
        while True:
            with suppress(Unavailable, Problem):
                await self.refresh()
                pause = KEPT
            await asyncio.sleep(pause)

    def heeding(self, configure: Handler) -> Handler:
        """`configure`, the handler of a command on a source, such that its answer comes when this gateway heeds it."""

        async def heeded(exchange: Exchange) -> None:
            send = exchange.send

            async def send_when_known(message: Any) -> None:
                if message["type"] == "http.response.start" and message["status"] < 300:
                    with suppress(Problem):
                        await self.newest(exchange.in_path["source"])
                await send(message)

            exchange.send = send_when_known
            await configure(exchange)

        return heeded
