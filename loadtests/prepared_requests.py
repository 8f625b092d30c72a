"""Prepared HTTP requests for `wrk_facts.lua`: a simulated morning, to be sent again and again under new ids."""

from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from loadtests.simulator.centre import Centre
from loadtests.simulator.journal import Fact

MARK_WIDTH = len("abcdef-00000")
RUN_WIDTH = len("abcdef")
_MARK = "@mark@"


def write_requests(path: Path, url: str, token: str | None, facts_a_request: int = 1) -> int:
    """Write the requests that post a morning's facts to `url`, in the order in which they occurred: facts of some fifty
    calls at a time lie interleaved, as on a real line. Several facts a request go as NDJSON. Answers how many facts the
    file holds.
    """
    facts = [_marked(fact) for fact in Centre(1).day(date(2026, 11, 20), 8, 12).facts]
    facts = facts[: len(facts) // facts_a_request * facts_a_request]
    parts = urlsplit(url)
    kind = "application/json" if facts_a_request == 1 else "application/x-ndjson"
    head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: {kind}\r\n"
    if token:
        head += f"Authorization: Bearer {token}\r\n"
    requests = []
    for start in range(0, len(facts), facts_a_request):
        body = b"\n".join(facts[start : start + facts_a_request])
        length = len(body) + body.count(_MARK.encode()) * (MARK_WIDTH - len(_MARK))
        requests.append(f"{head}Content-Length: {length}\r\n\r\n".encode() + body)
    path.write_bytes(b"\0".join(requests).replace(_MARK.encode(), b"\1"))
    return len(facts)


def _marked(fact: Fact) -> bytes:
    marked = fact | {"id": f"{fact['id']}-{_MARK}"}
    if "call_id" in fact:
        marked["call_id"] = f"{fact['call_id']}-{_MARK}"
    return orjson.dumps(marked)
