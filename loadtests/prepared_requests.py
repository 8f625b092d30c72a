"""Prepared HTTP requests for `wrk_requests.lua`, to be sent again and again under new names.

A file holds raw requests parted by a NUL; where one has a \\1, wrk puts a mark in that no round had before.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from loadtests.driving import RUN_WIDTH
from loadtests.simulator.centre import Centre
from loadtests.simulator.journal import Fact
from loadtests.simulator.posting import PATH

MARK_WIDTH = RUN_WIDTH + len("-00000")
MARK = "@mark@"  # needs no quoting in JSON, CSV, logs; nor in forms where @ is called safe
NDJSON = "application/x-ndjson"
QUEUES = 2000  # so many commands pass before the same queue is written again: none waits for another
VERSIONS = 20


def facts(url: str, token: str | None, facts_a_request: int = 1) -> Iterator[bytes]:
    """Requests that post a morning's facts to the Plateau or peer at `url`, in the order in which they occurred: facts
    of some fifty calls at a time lie interleaved, as on a real line. Several facts a request go as NDJSON.
    """
    lines = [_marked(fact) for fact in Centre(1).day(date(2026, 11, 20), 8, 12).facts]
    kind = "application/json" if facts_a_request == 1 else NDJSON
    for start in range(0, len(lines) // facts_a_request * facts_a_request, facts_a_request):
        body = b"\n".join(lines[start : start + facts_a_request])
        yield post(url + PATH, token, kind, body)


def commands(url: str, token: str) -> Iterator[bytes]:
    """Requests that change the settings of queues, each given the version that it saw: 20 changes of 2 000 queues."""
    for version in range(VERSIONS):
        body = orjson.dumps({"timezone": "Europe/Paris", "client": f"client-{version}"})
        head = f'Content-Type: application/json\r\nIf-Match: "{version}"\r\n'
        for queue in range(QUEUES):
            yield _request("PUT", f"{url}/v1/queues/bench-{MARK}-{queue}", token, body, head)


def post(url: str, token: str | None, media_type: str, body: bytes) -> bytes:
    """One request that posts a body, marks in it among it."""
    return _request("POST", url, token, body, f"Content-Type: {media_type}\r\n")


def write(path: Path, requests: Iterable[bytes]) -> Path:
    """Write the requests to a file; gives its path."""
    path.write_bytes(b"\0".join(requests).replace(MARK.encode(), b"\1"))
    return path


def _request(method: str, url: str, token: str | None, body: bytes, headers: str) -> bytes:
    parts = urlsplit(url)
    length = len(body) + body.count(MARK.encode()) * (MARK_WIDTH - len(MARK))
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    access = f"Authorization: Bearer {token}\r\n" if token else ""
    head = f"{method} {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n{access}{headers}"
    return f"{head}Content-Length: {length}\r\n\r\n".encode() + body


def _marked(fact: Fact) -> bytes:
    marked = fact | {"id": f"{fact['id']}-{MARK}"}
    if "call_id" in fact:
        marked["call_id"] = f"{fact['call_id']}-{MARK}"
    return orjson.dumps(marked)
