"""How many requests a caller may make: RateLimit headers as the IETF's draft names them."""

import time

from gateway.problems import Problem

MOST_KEPT = 10_000


class Allowance:
    """What one caller has used of the present window (seconds, monotonic)."""

    __slots__ = ("_ends", "_limit", "_policy", "_used", "_window")

    def __init__(self, limit: int, window: int) -> None:
        self._limit = limit
        self._window = window
        self._policy = b'"default";q=%d;w=%d' % (limit, window)
        self._used = 0
        self._ends = 0.0

    def take(self) -> list[tuple[bytes, bytes]]:
        """Counts a request; returns the headers that say what is left.

        Raises:
            Problem: nothing is left (429).
        """
        now = time.monotonic()
        if now >= self._ends:
            self._ends, self._used = now + self._window, 0
        seconds_left = int(self._ends - now) + 1
        if self._used >= self._limit:
            raise Problem(
                "request.rate_limited",
                headers={
                    "Retry-After": str(seconds_left),
                    "RateLimit-Policy": self._policy.decode(),
                    "RateLimit": f'"default";r=0;t={seconds_left}',
                },
            )
        self._used += 1
        left = b'"default";r=%d;t=%d' % (self._limit - self._used, seconds_left)
        return [(b"ratelimit-policy", self._policy), (b"ratelimit", left)]

    @property
    def over(self) -> bool:
        """Whether its window has ended, so that forgetting it changes nothing."""
        return time.monotonic() >= self._ends


class Allowances:
    """The allowance of each caller: `limit` requests in `window` seconds, in this process."""

    def __init__(self, limit: int, window: int) -> None:
        self._limit = limit
        self._window = window
        self._kept: dict[str, Allowance] = {}

    def of(self, caller: str) -> Allowance:
        """The allowance of the caller with this id."""
        allowance = self._kept.get(caller)
        if allowance is None:
            if len(self._kept) >= MOST_KEPT:
                self._kept = {name: kept for name, kept in self._kept.items() if not kept.over}
            allowance = self._kept[caller] = Allowance(self._limit, self._window)
        return allowance
