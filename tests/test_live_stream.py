"""The floor on a screen, as it is followed from outside."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
import orjson

from tests.caller import Caller, Json
from tests.facts import fact, new_call

STREAM = "/v1/live/stream"


@contextmanager
def following(caller: Caller, last_id: str | None = None) -> Iterator[Iterator[Json]]:
    headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last_id} if last_id else {})}
    with caller.http.stream("GET", STREAM, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        yield events(answer)


def events(answer: httpx.Response) -> Iterator[Json]:
    last_id = None
    for line in answer.iter_lines():
        if line.startswith("id: "):
            last_id = line[4:]
        elif line.startswith("data: "):
            yield orjson.loads(line[6:]) | {"id": last_id}


def waiting_in(queue: str, told: Iterator[Json]) -> tuple[int, str]:
    """How many wait in the queue, as soon as an event tells of it; and the event's id."""
    return next((each["waiting"], event["id"]) for event in told for each in event["queues"] if each["queue"] == queue)


def test_a_call_that_comes_in_is_seen_by_who_may_see_its_queue_until_their_key_ends(administrator, key, queue):
    other = f"{queue}-other"
    boss, limited = key("live:read"), key("live:read", queues=[other])
    assert key("calls:read").http.get(STREAM).status_code == 403
    with following(boss) as seen, following(limited) as limited_to:
        assert next(seen)["whole"]
        assert next(limited_to)["queues"] == []
        now = datetime.now(UTC)
        administrator.send(fact(new_call(), "queued", now, queue=queue))
        count, last_id = waiting_in(queue, seen)
        assert count == 1
        administrator.send(fact(new_call(), "queued", now, queue=other))
        assert [each["queue"] for each in next(limited_to)["queues"]] == [other]
        administrator.send(fact(new_call(), "queued", now, queue=queue))
        with following(boss, last_id) as again:
            missed = next(again)
            assert not missed["whole"]
        administrator.http.delete(f"/v1/api-keys/{limited.key_id}").raise_for_status()
        assert not any(event["whole"] for event in limited_to)  # until the stream ends by itself
        assert limited.http.get(STREAM).status_code == 401
