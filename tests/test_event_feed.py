"""The public events as an integrator reads them: over HTTP, from the bus, and by the document that describes both."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import orjson
import pika
import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from tests.caller import eventually
from tests.contract import is_problem
from tests.facts import answered

FEED = "/v1/events"
COMPLETED = "plateau.calls.call_completed"


@pytest.fixture
def latest(administrator):
    """Where the feed ends now."""
    return administrator.get(FEED, after="latest")["next"]


@contextmanager
def listening(stack):
    """What the bus says of completed calls from now on, each body as it came."""
    with pika.BlockingConnection(pika.URLParameters(stack.servers.rabbitmq.url)) as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, "calls.events", "call_completed")

        def heard():
            while (message := channel.basic_get(queue, auto_ack=True))[0]:
                bodies.append(orjson.loads(message[2]))
            return bodies

        bodies = []
        yield heard


def read_on(caller, after, **asked):
    """The events that follow a place, page by page to the end, and the place behind them."""
    events = []
    while True:
        page = caller.get(FEED, after=after, **asked)
        events += page["items"]
        after = page["next"]
        if not page["items"]:
            return events, after


def complete(administrator, queue, calls=1):
    """Sends calls that are over; their sources' names for them."""
    facts = [answered(queue, wait) for wait in range(calls)]
    administrator.send(*(fact for call in facts for fact in call))


def told_of(events, queue):
    return [event for event in events if queue in event["data"].get("queues", ())]


def test_the_feed_tells_what_the_bus_tells_in_the_same_order(administrator, stack, queue, latest):
    with listening(stack) as heard:
        complete(administrator, queue, 5)
        on_the_bus = eventually(lambda: len(told_of(heard(), queue)) >= 5 and told_of(heard(), queue))
    in_the_feed, end = read_on(administrator, latest)
    assert told_of(in_the_feed, queue) == on_the_bus
    assert read_on(administrator, end) == ([], administrator.get(FEED, after=end)["next"])


def test_pages_of_any_size_from_the_beginning_hold_every_event_once(administrator, queue):
    complete(administrator, queue, 3)
    eventually(lambda: len(told_of(read_on(administrator, None)[0], queue)) == 3)
    whole, _ = read_on(administrator, None, limit=500)
    in_threes, _ = read_on(administrator, None, limit=3, types=COMPLETED)
    assert [event["id"] for event in in_threes] == [event["id"] for event in whole if event["type"] == COMPLETED]
    assert len({event["id"] for event in whole}) == len(whole)
    page = administrator.http.get(FEED, params={"limit": 1})
    assert f"after={page.json()['next']}" in page.headers["Link"]


def test_one_who_waits_is_answered_as_soon_as_something_happens(administrator, queue, latest):
    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        waiting = pool.submit(administrator.get, FEED, after=latest, wait=25)
        complete(administrator, queue)
        page = waiting.result()
    assert time.monotonic() - began < 20
    assert page["items"]
    _, end = read_on(administrator, latest)
    began = time.monotonic()
    nothing = {"types": "plateau.staff.supervision_signed_off"}  # of calls, hours are told of for a while yet
    assert administrator.get(FEED, after=end, wait=0.7, **nothing)["items"] == []
    assert time.monotonic() - began >= 0.7


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"types": "plateau.calls.call_invented"}, "/types"),
        ({"after": "nonsense"}, "/after"),
        ({"after": "eyJjYWxscyI6IngifQ"}, "/after"),
        ({"wait": 31}, "/wait"),
        ({"limit": 501}, "/limit"),
    ],
)
def test_a_question_that_makes_no_sense_is_pointed_at(administrator, asked, pointer):
    problem = is_problem(administrator.http.get(FEED, params=asked), 422, "request.invalid")
    assert [fault["pointer"] for fault in problem["errors"]] == [pointer]


def test_the_document_describes_every_event_that_is_told(administrator, queue, latest):
    document = administrator.http.get("/asyncapi.json", headers={"Authorization": ""}).json()
    complete(administrator, queue)
    (event,) = eventually(lambda: told_of(read_on(administrator, latest)[0], queue))
    (name,) = [name for name, message in document["components"]["messages"].items() if message["name"] == event["type"]]
    registry = Registry().with_resource("urn:asyncapi", Resource.from_contents(document, DRAFT7))
    payload = {"$ref": f"urn:asyncapi#/components/messages/{name}/payload"}
    validator = Draft7Validator(payload, registry=registry)
    validator.validate(event)
    for field in ("id", "revision", "data"):
        assert not validator.is_valid({key: value for key, value in event.items() if key != field})
    assert not validator.is_valid(event | {"type": "plateau.calls.call_invented"})


def test_the_command_prints_one_event_a_line_and_where_to_read_on(administrator, stack, queue, latest, monkeypatch):
    monkeypatch.setenv("PLATEAU_URL", stack.url)
    monkeypatch.setenv("PLATEAU_TOKEN", administrator.http.headers["Authorization"].partition(" ")[2])
    complete(administrator, queue, 2)
    eventually(lambda: len(told_of(read_on(administrator, latest)[0], queue)) == 2)
    printed = stack.plateau("events", "tail", "--types", COMPLETED, "--after", latest)
    assert [orjson.loads(line) for line in printed.splitlines()] == read_on(administrator, latest, types=COMPLETED)[0]
