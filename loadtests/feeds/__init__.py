"""What outside telephone systems would post of simulated calls: the bodies with which adapters are measured.

A body and the facts that its adapter makes of it bear a mark in each call's id, so that none is known from another
round (`loadtests.prepared_requests`).
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

import orjson

from gateway.adapters import ADAPTERS, Adapter
from gateway.sources import Source
from loadtests.feeds import amazon_connect, asterisk, csv_rows, freeswitch, twilio
from loadtests.feeds.queue_calls import QueueCall, queue_calls
from loadtests.prepared_requests import MARK, NDJSON, post
from loadtests.simulator.posting import PATH
from services.calls.api import canonical

FORM = "application/x-www-form-urlencoded"
SOURCE = Source("bench")  # as nobody configured it


class Feed(NamedTuple):
    """How a system posts: its media type, what it writes before its items, and how many items a body has."""

    media_type: str
    items: Callable[[], Iterable[str]]
    items_a_body: int
    header: str = ""


class Body(NamedTuple):
    """A body and the facts that it says, as the native feed would be sent them."""

    content: bytes
    facts: list[dict[str, Any]]


def _in_time(told: Callable[[QueueCall], Iterable[tuple[float, str]]]) -> Callable[[], Iterator[str]]:
    """What is told of all calls, in the order in which it happened."""
    return lambda: (written for _, written in sorted(each for call in queue_calls() for each in told(call)))


# Some 500 facts a body; Twilio calls back with one form at a time.
FEEDS = {
    "asterisk_queue_log": Feed("text/plain", asterisk.log_lines, 500),
    "asterisk_ami": Feed(NDJSON, _in_time(asterisk.manager_events), 500),
    "asterisk_cdr": Feed(NDJSON, _in_time(asterisk.detail_record), 125),
    "freeswitch_events": Feed(NDJSON, _in_time(freeswitch.callcenter_events), 500),
    "freeswitch_cdr": Feed("application/json", _in_time(freeswitch.detail_record), 100),
    "twilio_voice": Feed(FORM, _in_time(twilio.voice_callbacks), 1),
    "twilio_taskrouter": Feed(FORM, _in_time(twilio.taskrouter_callbacks), 1),
    "twilio_events": Feed("application/json", _in_time(twilio.streamed_events), 400),
    "amazon_connect_events": Feed(NDJSON, _in_time(amazon_connect.contact_events), 500),
    "amazon_connect_records": Feed(NDJSON, _in_time(amazon_connect.contact_record), 70),
    "csv": Feed("text/csv", _in_time(csv_rows.row), 90, csv_rows.HEADER),
}


def bodies(adapter: Adapter) -> list[Body]:
    """The bodies of a morning, each of which says something.

    Raises ValueError where the adapter or the vocabulary refuses anything of them.
    """
    return _made(adapter.name)


@cache
def _made(name: str) -> list[Body]:
    adapter = next(each for each in ADAPTERS if each.name == name)
    feed = FEEDS[name]
    written = list(feed.items())
    made = []
    for start in range(0, len(written) - feed.items_a_body + 1, feed.items_a_body):
        lines = written[start : start + feed.items_a_body]
        content = "\n".join([feed.header, *lines] if feed.header else lines).encode()
        if facts := list(_facts(adapter, content)):
            made.append(Body(content, facts))
    return made


def outside(adapter: Adapter, url: str, token: str) -> Iterator[bytes]:
    """Requests that post the bodies to the adapter."""
    address, media_type = f"{url}{adapter.path}?source={SOURCE.name}", FEEDS[adapter.name].media_type
    return (post(address, token, media_type, body.content) for body in bodies(adapter))


def native_body(body: Body) -> bytes:
    """Its facts, one a line."""
    return b"\n".join(map(orjson.dumps, body.facts))


def native(adapter: Adapter, url: str, token: str) -> Iterator[bytes]:
    """Requests that post the facts of each of the bodies as facts."""
    for body in bodies(adapter):
        kind = "application/json" if len(body.facts) == 1 else NDJSON
        yield post(url + PATH, token, kind, native_body(body))


def _facts(adapter: Adapter, content: bytes) -> Iterator[dict[str, Any]]:
    for item in adapter.items(content, SOURCE, {}):
        for given in item.facts:
            fact = canonical(given)
            if isinstance(fact, list):
                raise ValueError(f"{adapter.name}: {fact} in {given}")  # noqa: TRY004 - of a value, not of a type
            yield fact | {"id": f"{fact['id']}-{MARK}"}  # some are made of what is said, where no mark shows
        if item.fault:
            raise ValueError(f"{adapter.name}: {item.fault}")
