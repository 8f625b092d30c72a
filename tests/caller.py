"""Somebody who uses Plateau through its API, with a key or a token."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Self

import httpx
import orjson

from infra.health import is_level

Json = dict[str, Any]

EVENTS = "/v1/calls/events"
SERVICE_LEVEL = "/v1/reports/service-level"
NDJSON = {"Content-Type": "application/x-ndjson"}
MOST_FACTS = 1000
BEGIN, END = "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"


def eventually(condition: Callable[[], Any], within: float = 20.0) -> Any:
    """What `condition` returns once that is true."""
    until = time.monotonic() + within
    while not (result := condition()):
        assert time.monotonic() < until, f"not within {within:g} s: {condition}"
        time.sleep(0.02)
    return result


class Caller:
    """A caller of the API at `url`; without a `token` nobody knows them."""

    def __init__(self, url: str, token: str | None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=60)  # longer than one may wait for an event

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, path: str, **asked: Any) -> Json:
        """The answer to a question; `from_` is sent as `from`."""
        parameters = {name.rstrip("_"): value for name, value in asked.items() if value is not None}
        answer = self.http.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pages(self, path: str, **asked: Any) -> Iterator[Json]:
        """Every page of a list."""
        cursor = None
        while True:
            page = self.get(path, **asked, cursor=cursor)
            yield page
            cursor = page["next"]
            if cursor is None:
                return

    def items(self, path: str, **asked: Any) -> list[Json]:
        """The items of all pages of a list."""
        return [item for page in self.pages(path, **asked) for item in page["items"]]

    def post(self, facts: Iterable[Mapping[str, Any]]) -> httpx.Response:
        """Sends facts as one body, one a line."""
        return self.http.post(EVENTS, content=b"\n".join(map(orjson.dumps, facts)), headers=NDJSON)

    def send(self, *facts: Mapping[str, Any]) -> None:
        """Sends facts, all of them acceptable, and waits until they are in the reports."""
        for begin in range(0, len(facts), MOST_FACTS):
            part = facts[begin : begin + MOST_FACTS]
            answer = self.post(part)
            assert answer.json() == {"accepted": len(part), "rejected": []}
        self.settle()

    def settle(self, within: float = 30.0) -> None:
        """Waits until everything that was acknowledged is in the reports."""
        eventually(self.is_level, within)

    def is_level(self) -> bool:
        """Whether nothing acknowledged is missing in the reports."""
        return is_level(self.http.get("/health/ready").json())

    def figures(self, queue: str, **asked: Any) -> Json:
        """The figures of a queue over the whole of 2026, or as `asked` otherwise."""
        wanted = {"from_": BEGIN, "to": END, "interval": "total", **asked}
        (row,) = self.get(SERVICE_LEVEL, queue=queue, **wanted)["items"]
        return row

    def configure(self, path: str, body: Json) -> httpx.Response:
        """Sets a queue or a source as somebody does who has just looked at it."""
        seen = self.http.get(path).headers.get("ETag")
        answer = self.http.put(path, json=body, headers={"If-Match": seen} if seen else {})
        assert answer.status_code in {200, 201}, answer.text
        return answer
