"""One request and its answer, as the gateway's own code sees them: headers, identity, body, response."""

import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import orjson
from starlette.types import Receive, Scope, Send

from gateway import bodies
from gateway.callers import Caller
from gateway.problems import MEDIA_TYPE, Problem, invalid
from services.kernel import traces
from services.kernel.values import FieldError

Headers = list[tuple[bytes, bytes]]

SECURITY: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; style-src 'self'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
]
JSON = b"application/json"

_REQUEST_ID = re.compile(rb"[\w.:+/=-]{1,128}\Z", re.ASCII)
_LIFE = f"{random.getrandbits(64):016x}"


class BrokenOff(Exception):  # noqa: N818 - says what became of the answer
    """An answer that was being sent cannot be finished."""


class Exchange:
    """A request on its way through the gateway.

    `headers` by lower-case name (the last of equals), `caller` once known, `route` as metrics call it, `extra` headers
    for the answer, `status` once answered (0 before).
    """

    __slots__ = ("_begun", "caller", "extra", "headers", "number", "receive", "route", "scope", "send", "status")
    _count = 0

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.caller: Caller | None = None
        self.extra: Headers = []
        self.route = "unmatched"
        self.status = 0
        self._begun: str | None = None
        Exchange._count = self.number = Exchange._count + 1

    @property
    def request_id(self) -> str:
        """The client's X-Request-Id if it is a sane one, else an id of ours."""
        given = self.headers.get(b"x-request-id")
        return given.decode() if given and _REQUEST_ID.match(given) else f"{_LIFE}-{self.number:x}"

    @property
    def given_traceparent(self) -> str | None:
        """The W3C trace that the client takes part in, if it said so."""
        given = self.headers.get(b"traceparent")
        return None if given is None else traces.parsed(given.decode("latin-1"))

    @property
    def traceparent(self) -> str:
        """The client's trace, or one of ours that begins with this request."""
        if self._begun is None:
            self._begun = self.given_traceparent or traces.begun()
        return self._begun

    @property
    def identity(self) -> dict[str, str]:
        """What log lines know the request by: `request_id`, and `trace_id` where it takes part in a trace."""
        traceparent = self._begun or self.given_traceparent
        identity = {"request_id": self.request_id}
        return {**identity, "trace_id": traces.id_of(traceparent)} if traceparent else identity

    @property
    def media_type(self) -> bytes:
        """The media type of the body, in lower case, without parameters; empty where none is named."""
        return self.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()

    @property
    def in_path(self) -> dict[str, str]:
        """The parameters in the path."""
        parameters = self.scope.get("path_params", {})
        if any("\0" in value for value in parameters.values()):
            raise Problem("request.not_found")  # nothing can have that name
        return dict(parameters)

    def in_query(self) -> dict[str, str]:
        """The parameters of the query string.

        Raises:
            Problem: they are not percent-encoded UTF-8, or one is given twice (422).
        """
        try:
            query = self.scope["query_string"].decode("ascii")
            given = parse_qsl(query, keep_blank_values=True, errors="strict")
        except UnicodeDecodeError as error:
            raise invalid(FieldError("", "invalid_field", "Write the query in percent-encoded UTF-8.")) from error
        parameters = dict(given)
        if len(parameters) < len(given):  # to leave one out unsaid would answer another question
            repeated = sorted(name for name, times in Counter(name for name, _ in given).items() if times > 1)
            raise invalid(*(FieldError(f"/{name}", "invalid_field", "Give it once.") for name in repeated))
        if unstorable := [name for name, value in parameters.items() if "\0" in name + value]:
            raise invalid(*(FieldError(f"/{name}", "invalid_characters", "Leave out NUL.") for name in unstorable))
        return parameters

    def link_to(self, cursor: str | None, parameter: str = "cursor") -> Headers:
        """The header that leads to the next page of the list that was asked for; none where there is no more."""
        if cursor is None:
            return []
        query = urlencode(self.in_query() | {parameter: cursor})
        return [(b"link", f'<{quote(self.scope["path"])}?{query}>; rel="next"'.encode())]

    def require(self, permission: str) -> Caller:
        """The caller, who holds this scope.

        Raises:
            Problem: there is no caller (401), or it lacks the scope (403).
        """
        if self.caller is None:
            raise Problem("auth.missing", headers={"WWW-Authenticate": "Bearer"})
        if permission not in self.caller.actor.scopes:
            raise Problem("auth.not_allowed", f"This needs the scope {permission}. Ask an administrator for it.")
        return self.caller

    def require_all(self, permission: str) -> Caller:
        """The caller, who holds this scope for everything: no limit to certain queues, sources or a client.

        Raises:
            Problem: as `require` says, or the caller is limited (403).
        """
        caller = self.require(permission)
        actor = caller.actor
        if actor.queues is not None or actor.sources is not None or actor.party == "client":
            raise Problem("auth.not_allowed", "This is of all queues and sources, and you are limited to some.")
        return caller

    async def body(self) -> bytes:
        """The whole body, inflated; raises what `bodies.read` does."""
        return await bodies.read(self.headers, self.receive)

    async def answer(
        self, status: int, body: bytes, media_type: bytes = JSON, headers: Iterable[tuple[bytes, bytes]] = ()
    ) -> None:
        """Sends the whole answer."""
        await self.begin(status, media_type, [(b"content-length", b"%d" % len(body)), *headers])
        await self.send({"type": "http.response.body", "body": body if self.scope["method"] != "HEAD" else b""})

    async def stream(
        self, status: int, parts: AsyncIterator[bytes], media_type: bytes, headers: Iterable[tuple[bytes, bytes]] = ()
    ) -> None:
        """Sends an answer part by part; what is raised for the first part can still be answered with a problem.

        What is raised later breaks the connection, so that nobody takes half an answer for a whole one.

        Raises:
            BrokenOff: a later part was answered with a problem.
        """
        first = await anext(parts, b"")
        await self.begin(status, media_type, headers)
        try:
            if self.scope["method"] != "HEAD":
                await self.write(first)
                async for part in parts:
                    await self.write(part)
        except Problem as problem:
            raise BrokenOff from problem
        await self.end()

    async def begin(self, status: int, media_type: bytes, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """Begins an answer; one of which nobody knows the length goes on with `write` for each part, then `end`."""
        self.status = status
        fields: Headers = [
            (b"content-type", media_type),
            (b"x-request-id", self.request_id.encode()),
            # What answers a POST is neither kept nor shown by a browser, and ingest pays for each header.
            *(() if self.scope["method"] == "POST" else SECURITY),
            *self.extra,
            *headers,
        ]
        await self.send({"type": "http.response.start", "status": status, "headers": fields})

    async def write(self, part: bytes) -> None:
        """Sends a part; waits while the client takes nothing."""
        await self.send({"type": "http.response.body", "body": part, "more_body": True})

    async def end(self) -> None:
        """Ends the answer."""
        await self.send({"type": "http.response.body", "body": b""})

    async def gone(self) -> None:
        """Returns once the client has gone away."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def answer_json(self, status: int, content: Any, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """Sends `content` as JSON."""
        await self.answer(status, orjson.dumps(content), headers=headers)

    async def refuse(self, problem: Problem) -> None:
        """Sends a problem."""
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in problem.headers.items()]
        await self.answer(problem.status, problem.body(self.request_id), MEDIA_TYPE, headers)
