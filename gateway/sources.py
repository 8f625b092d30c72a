"""What the gateway must know of a telephone source to read its feed."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from gateway.problems import Problem
from services.kernel.values import Unavailable

KEPT = 5.0  # seconds; a changed setting is in force after that
MOST_KEPT = 10_000

UTC = ZoneInfo("UTC")

Ask = Callable[[str], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Source:
    """A telephone source: its name, the zone of the times that it writes without one, the region of bare numbers."""

    name: str
    timezone: ZoneInfo = UTC
    default_region: str | None = None


class Sources:
    """Source settings, asked of the calls service every few seconds.

    `ask(name)` answers the settings as `GET /v1/telephony/sources/{source}` shows them (defaults where nobody ever
    configured the source), and raises Unavailable where it cannot.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._kept: dict[str, tuple[float, Source]] = {}

    async def named(self, name: str) -> Source:
        """The source of this name. While the service is away, what was last known of it holds.

        Raises:
            Problem: nothing is known of it and the service cannot be asked now (503).
        """
        until, source = self._kept.get(name, (0.0, None))
        if source is not None and time.monotonic() < until:
            return source
        try:
            shown = await self._ask(name)
        except Unavailable as error:
            if source is None:
                raise Problem("service.unavailable", "The source's settings cannot be read now.") from error
            return source
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        source = Source(name, ZoneInfo(shown.get("timezone") or "UTC"), shown.get("default_region"))
        self._kept[name] = (time.monotonic() + KEPT, source)
        return source
