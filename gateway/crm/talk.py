"""How a provider is spoken with: authorised, renewed once where it no longer is, and no faster than it allows."""

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx
import orjson

from gateway.webhooks import standard

LONGEST_WAIT = 86_400.0
THROTTLED = 10.0  # seconds, where a provider names none
EXCERPT = 300
LONGEST_ANSWER = 4 * 1024 * 1024  # bytes
PERSONAL = re.compile(r"[^\s\"'<>=:]+@[^\s\"'<>,]+|\+?\d[\d .()-]{6,}\d")  # an address, or what may be a number


def kept(text: str) -> str:
    """What is kept of what a provider says, which may repeat what it was sent."""
    return PERSONAL.sub("…", text)[:EXCERPT].strip()


class Said(Exception):  # noqa: N818 - what a provider answered, not a mistake of ours
    """A provider did not do what it was asked; `status` is that of its answer, None where there was none.

    `reason` is kept: it is shortened, and repeats nothing about a person.
    """

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.status = kept(reason), status


class Waits(Said):
    """It has had enough for now; ask again after so many seconds."""

    def __init__(self, reason: str, status: int | None, after: float) -> None:
        super().__init__(reason, status)
        self.after = after


class Unauthorised(Said):
    """Our authorisation is not, or no longer, good; only a person can change that."""


class Refuses(Said):
    """It will never take this."""


class Gone(Said):
    """It wants nothing more of us."""


class Fails(Said):
    """It may take this later; whether it has already is not known."""


class Tokens(Protocol):
    """Where access tokens come from."""

    async def current(self) -> str:
        """The token to use now."""
        ...

    async def renewed(self, stale: str) -> str:
        """Another than the stale one; raises Unauthorised where there is none."""
        ...


class Pace:
    """Until when one provider is not to be asked; shared by all who ask it with one connection."""

    def __init__(self) -> None:
        self._until = 0.0

    async def keep(self) -> None:
        """Waits as long as that is short; raises Waits where it is longer."""
        left = self._until - asyncio.get_running_loop().time()
        if left > THROTTLED:
            raise Waits("its limit is used up", None, left)
        if left > 0:
            await asyncio.sleep(left)

    def hold(self, seconds: float) -> None:
        """Nothing for so many seconds."""
        self._until = max(self._until, asyncio.get_running_loop().time() + seconds)


Limits = Callable[[httpx.Response], float | None]


def no_limit(_answer: httpx.Response) -> float | None:
    """A provider that says nothing of its limits while they last."""
    return None


class Talk:
    """Requests to one provider with one connection's authorisation.

    `limits` reads off an answer for how many seconds nothing more may be asked (None: go on); `busy` whether a refusal
    is one of those that only mean later, and how much.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        tokens: Tokens | None,
        pace: Pace,
        limits: Limits = no_limit,
        busy: Limits = no_limit,
    ) -> None:
        self._http, self._tokens, self._pace = http, tokens, pace
        self._limits, self._busy = limits, busy

    async def ask(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        also: frozenset[int] = frozenset(),
    ) -> httpx.Response:
        """The answer, where it is a success or has one of the statuses in `also`.

        Raises:
            Said: what else it answered, by what is to be done about it.
        """
        sent = {"Accept": "application/json", **(headers or {})}
        content = None if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        request = {"method": method, "url": url, "content": content, "params": params}
        token = await self._tokens.current() if self._tokens else None
        answer = await self._once(request, sent, token)
        if answer.status_code == 401 and self._tokens and token:
            token = await self._tokens.renewed(token)
            answer = await self._once(request, sent, token)
        if answer.is_success or answer.status_code in also:
            return answer
        raise said(answer, self._busy(answer))

    async def _once(self, request: Mapping[str, Any], headers: dict[str, str], token: str | None) -> httpx.Response:
        await self._pace.keep()
        bearing = {**headers, "Authorization": f"Bearer {token}"} if token else headers
        answer = await reached(self._http, headers=bearing, **request)
        if (seconds := self._limits(answer)) is not None:
            self._pace.hold(seconds)
        return answer


async def reached(http: httpx.AsyncClient, **request: Any) -> httpx.Response:
    """The answer, of which no more is read than a provider needs; raises Fails where there is none."""
    try:
        async with http.stream(follow_redirects=False, **request) as answer:
            read = b""
            async for part in answer.aiter_bytes():
                read += part
                if len(read) > LONGEST_ANSWER:
                    raise Refuses("the answer is longer than any that was asked for", answer.status_code)
            return httpx.Response(answer.status_code, headers=_plain(answer.headers), content=read)
    except httpx.HTTPError as error:
        raise Fails(f"{type(error).__name__}: no answer") from error


def _plain(headers: httpx.Headers) -> list[tuple[str, str]]:
    """The headers of an answer that has been decoded."""
    return [(name, value) for name, value in headers.items() if name not in {"content-encoding", "content-length"}]


def said(answer: httpx.Response, busy: float | None = None) -> Said:
    """What a refusal means for us."""
    status, reason = answer.status_code, f"{answer.status_code} {answer.text}"
    after = waiting(answer)
    if busy is not None:
        return Waits(reason, status, busy)
    if status == 429 or (status == 503 and after is not None):
        return Waits(reason, status, THROTTLED if after is None else after)
    if status in {401, 403}:
        return Unauthorised(reason, status)
    if status == 410:
        return Gone(reason, status)
    if status in {408, 409, 423, 425} or status >= 500:
        return Fails(reason, status)
    return Refuses(reason, status)


def waiting(answer: httpx.Response) -> float | None:
    """What Retry-After asks for, in seconds; at least one, at most a day."""
    asked = standard.retry_after(answer.headers.get("retry-after"), datetime.now(UTC))
    return None if asked is None else min(max(asked, 1.0), LONGEST_WAIT)
