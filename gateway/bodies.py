"""Bodies of requests: whole, inflated and within their limit, and what they hold as JSON."""

import zlib
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.types import Message, Receive

from gateway.problems import Problem, invalid
from services.kernel.values import FieldError

BODY_LIMIT = 4 * 1024 * 1024
GZIP = 31  # zlib's number for a gzip header and trailer


class Disconnected(Exception):  # noqa: N818 - nothing of ours is wrong
    """The client went away before its request was complete; nobody waits for an answer."""


async def read(headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
    """The whole body, inflated, at most BODY_LIMIT bytes; `headers` by lower-case name.

    Raises:
        Problem: too large (413), not inflatable (400), a content encoding or character set not taken (415).
        Disconnected: the client went away.
    """
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    content_type = headers.get(b"content-type", b"")
    if b"charset" in content_type:
        _check_charset(content_type)
    if encoding == b"gzip":
        return await _inflated(receive)
    if encoding != b"identity":
        raise Problem("request.encoding_unsupported", headers={"Accept-Encoding": "gzip, identity"})
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body") and len(message["body"]) <= BODY_LIMIT:
        return bytes(message["body"])
    parts, size = [], 0
    while True:
        part = _part(message)
        size += len(part)
        if size > BODY_LIMIT:
            raise _too_large()
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()


def parsed(body: bytes) -> Any:
    """A body as JSON; an empty one is an empty object.

    Raises:
        Problem: it is not JSON (400), or holds a NUL, which no database of ours can keep (422).
    """
    if b"\\u0000" in body:
        raise invalid(FieldError("", "invalid_characters", "Leave out NUL (\\u0000)."))
    try:
        return orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise Problem("request.malformed_json", str(error)) from error


async def _inflated(receive: Receive) -> bytes:
    """The gzip body; a bomb is stopped while it is being inflated, so it never takes more than the limit."""
    inflater, parts, room = zlib.decompressobj(GZIP), [], BODY_LIMIT
    while True:
        message = await receive()
        data = _part(message)
        try:
            while data:
                if inflater.eof:  # a gzip file may have several members
                    inflater = zlib.decompressobj(GZIP)
                part = inflater.decompress(data, room + 1)
                room -= len(part)
                if room < 0:
                    raise _too_large()
                parts.append(part)
                data = inflater.unconsumed_tail or inflater.unused_data
        except zlib.error as error:
            raise Problem("request.malformed_compression") from error
        if not message.get("more_body"):
            break
    if not inflater.eof:
        raise Problem("request.malformed_compression")
    return b"".join(parts)


def _part(message: Message) -> bytes:
    if message["type"] == "http.disconnect":
        raise Disconnected
    return bytes(message.get("body", b""))


def _too_large() -> Problem:
    # The rest of the body is not read, so the connection cannot be used again.
    limit = f"The body is over {BODY_LIMIT} bytes once inflated; nothing of it was taken. Send it in smaller parts."
    return Problem("request.too_large", limit, headers={"Connection": "close"})


def _check_charset(content_type: bytes) -> None:
    for parameter in content_type.split(b";")[1:]:
        name, _, value = parameter.partition(b"=")
        if name.strip().lower() == b"charset" and value.strip(b" \"'").lower() not in (b"utf-8", b"utf8", b"us-ascii"):
            raise Problem("request.charset_unsupported")
