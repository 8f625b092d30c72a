"""What lies in dead queues: seen without being touched, and sent again."""

import threading
import time
import uuid
from datetime import UTC, datetime

import orjson
import pika
import pytest

from services.kernel import dead_queues
from services.kernel.dead_letters import DeadLetter, DeadLetterSummary
from services.kernel.dead_queues import READER, DeadQueues, NotTaken, arrivals
from services.kernel.event_queues import EventQueues
from services.kernel.ingest_queues import IngestQueues, dead
from services.kernel.values import Unavailable

QUORUM = {"x-queue-type": "quorum"}
NINE = "2026-11-21T09:00:{:02}+00:00"


class Shelf:
    """A queue of the test's own and the dead one beside it."""

    def __init__(self, connection):
        self.connection = connection
        self.channel = connection.channel()
        self.channel.confirm_delivery()
        self.queue = f"test.{uuid.uuid4().hex[:12]}"
        for name in (self.queue, dead(self.queue)):
            self.channel.queue_declare(name, durable=True, arguments=QUORUM)

    def put(self, number, **headers):
        body = orjson.dumps([{"type": "call.ended", "number": number}])
        self.put_raw(body, first_seen=NINE.format(number % 60), facts=1, **headers)

    def put_raw(self, body, **headers):
        properties = pika.BasicProperties(delivery_mode=2, headers=headers)
        self.channel.basic_publish("", dead(self.queue), body, properties)

    def take(self, queue):
        """All messages of a queue in their order, taken out: headers and body."""
        taken = []
        while (message := self.channel.basic_get(queue, auto_ack=True))[0]:
            taken.append(message[1:])
        return [(properties.headers or {}, orjson.loads(body)) for properties, body in taken]

    def numbers(self, queue):
        return [fact["number"] for _, body in self.take(queue) for fact in body]


@pytest.fixture
def shelf(amqp_url):
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        made = Shelf(connection)
        yield made
        for name in (made.queue, dead(made.queue)):
            connection.channel().queue_delete(name)


@pytest.fixture
def letters(shelf, amqp_url):
    return DeadQueues(amqp_url, [shelf.queue, "test.of-which-there-is-none"])


def number(letter):
    return letter.shown().content[0]["number"]


def test_reading_in_any_way_any_number_of_times_leaves_all_letters_in_their_order(shelf, letters):
    for each in range(60):
        shelf.put(each)
    first = letters.page(5)
    for limit in (1, 500, 60, 7, 500):
        assert [number(letter) for letter in letters.page(limit)] == list(range(min(limit, 60)))
        assert letters.find(first[3].id) == first[3]
    assert shelf.numbers(dead(shelf.queue)) == list(range(60))


def test_pages_follow_each_other_the_oldest_first_whatever_the_order_of_arrival(shelf, letters):
    for each in (3, 1, 4, 0, 2):
        shelf.put(each)
    shelf.put_raw(b"[]")
    seen, after = [], None
    while page := letters.page(2, after):
        seen += page
        after = page[-1].place
    assert [each.first_seen and each.first_seen.second for each in seen] == [None, 0, 1, 2, 3, 4]
    assert letters.page(10, queue="test.of-which-there-is-none") == []
    assert len(letters.page(10, queue=shelf.queue)) == 6


def test_a_replay_is_as_the_first_time_and_leaves_the_others_in_their_order(shelf, letters):
    for each in range(5):
        shelf.put(each, reason="no", attempts=10, publisher="p", published=7, traceparent="00-1", queue="elsewhere")
    wanted = {letter.id for letter in letters.page(10) if number(letter) in (1, 3)}
    told = []
    assert letters.replay(lambda letter: letter.id in wanted, told=told.append) == 2
    assert {letter.id for letter in told} == wanted
    assert letters.replay(lambda letter: letter.id in wanted) == 0
    again = shelf.take(shelf.queue)
    own = [{name: value for name, value in headers.items() if name[:2] != "x-"} for headers, _ in again]
    assert own == [{"facts": 1, "traceparent": "00-1"}] * 2
    assert [body[0]["number"] for _, body in again] == [1, 3]
    assert shelf.numbers(dead(shelf.queue)) == [0, 2, 4]


def test_a_reader_that_dies_between_confirm_and_removal_leaves_the_letter_in_both(shelf, letters, monkeypatch):
    shelf.put(1)
    shelf.put(2)

    def dies(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(dead_queues._Box, "remove", dies)
        with pytest.raises(KeyboardInterrupt):
            letters.replay(lambda _: True)
    assert shelf.numbers(shelf.queue) == [1]
    assert letters.replay(lambda _: True) == 2
    assert shelf.numbers(shelf.queue) == [1, 2]


def test_a_letter_whose_queue_is_gone_or_full_stays(shelf, letters):
    shelf.put(1)
    shelf.channel.queue_delete(shelf.queue)
    with pytest.raises(NotTaken, match="start the service"):
        letters.replay(lambda _: True)
    full = QUORUM | {"x-overflow": "reject-publish", "x-max-length-bytes": 1}
    shelf.channel.queue_declare(shelf.queue, durable=True, arguments=full)
    shelf.put(2)
    shelf.put(3)  # the limit is soft: one message may exceed it
    with pytest.raises(NotTaken, match="is full"):
        letters.replay(lambda _: True)
    assert number(letters.page(10)[-1]) == 3


def test_of_two_readers_one_waits_and_says_so_when_it_took_too_long(shelf, letters, monkeypatch):
    shelf.put(1)
    shelf.connection.channel().queue_declare(READER, exclusive=True)
    found = []
    reader = threading.Thread(target=lambda: found.extend(letters.page(10)))
    reader.start()
    time.sleep(0.3)
    assert found == []
    shelf.channel.queue_delete(READER)
    reader.join()
    assert len(found) == 1

    shelf.connection.channel().queue_declare(READER, exclusive=True)
    monkeypatch.setattr(dead_queues, "PATIENCE", 0.1)
    with pytest.raises(Unavailable, match="Somebody else"):
        letters.page(10)


def test_without_a_broker_it_is_unavailable():
    with pytest.raises(Unavailable, match="cannot be reached"):
        DeadQueues("amqp://127.0.0.1:1", ["q"]).page(1)


REASON = """Invalid isoformat string: 'Ada, +33199000001' in 20261121
DETAIL: Ada"""


def test_a_summary_holds_nothing_of_the_content_and_the_whole_letter_all_of_it():
    fact = {"type": "call.ended", "from": "+33199000001"}
    headers = {"reason": REASON, "exception": "builtins.ValueError", "raised_at": "a.py:3", "attempts": 4, "facts": 2,
               "first_seen": NINE.format(7), "x-delivery-count": 3}  # fmt: skip
    letter = DeadLetter.of("q", headers, orjson.dumps([fact, {"type": "Ada"}]))
    assert letter.summary() == DeadLetterSummary(
        id=letter.id,
        queue="q",
        types=("call.ended", "unknown"),
        bytes=len(letter.body),
        reason="Invalid isoformat string: … in …",
        exception="builtins.ValueError",
        raised_at="a.py:3",
        first_seen=datetime(2026, 11, 21, 9, 0, 7, tzinfo=UTC),
        attempts=4,
    )
    shown = letter.shown()
    assert (shown.reason, shown.headers, shown.content[0]) == (REASON, {"facts": 2}, fact)
    assert DeadLetter.of("q", headers | {"x-delivery-count": 4}, letter.body).id == letter.id
    others = [DeadLetter.of("r", headers, letter.body), DeadLetter.of("q", headers, b"[]"), DeadLetter.of("q", {}, b"")]
    assert len({letter.id, *(other.id for other in others)}) == 4


def test_what_is_no_json_is_shown_as_text():
    letter = DeadLetter.of("q", {}, b"\xffhello")
    assert letter.shown().content == "\N{REPLACEMENT CHARACTER}hello"
    assert (letter.types, letter.first_seen, letter.attempts) == ((), None, 1)


def test_the_queues_to_look_beside_follow_from_the_services():
    found = arrivals(IngestQueues(("calls.ingest.0",)), ["calls", "staff", "budget"])
    assert found[0] == "calls.ingest.0"
    assert len(found) == 7
    assert {EventQueues("budget", "calls", ()).name, EventQueues("staff", "budget", ()).name} < set(found)
