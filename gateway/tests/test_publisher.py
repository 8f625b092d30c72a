import asyncio

import orjson
import pika
import pytest
from pika.spec import Basic

from gateway import publisher as publishing
from gateway.broker import Broker
from gateway.publisher import Publisher, Unconfirmed
from gateway.queue_depths import QueueDepths
from services.kernel.ingest_queues import MESSAGE_BYTES, MESSAGE_FACTS, IngestQueues

pytestmark = pytest.mark.anyio
QUEUE = "calls.ingest.0"


class FakeChannel:
    """Keeps what is published; confirms when told to."""

    is_open = True

    def __init__(self):
        self.sent = []

    def basic_publish(self, _exchange, queue, body, properties, *, mandatory):
        assert mandatory
        self.sent.append((queue, orjson.loads(body), properties))

    def confirm_delivery(self, answered, callback):
        self.answered = answered
        callback(None)

    def confirm(self, tag, *, multiple=False, refused=False):
        method = (Basic.Nack if refused else Basic.Ack)(delivery_tag=tag, multiple=multiple)
        self.answered(pika.frame.Method(1, method))

    def add_on_return_callback(self, callback):
        self.returned = callback

    def exchange_declare(self, **_arguments):
        pass

    queue_declare = queue_bind = exchange_declare


class FakeBroker:
    """Hands out one channel, and can lose it."""

    blocked = False

    def on_channel(self, callback):
        self.connected = callback

    def on_lost(self, callback):
        self.lose = callback


@pytest.fixture
def broker():
    return FakeBroker()


@pytest.fixture
def publisher(broker):
    return Publisher(broker, IngestQueues.of("calls", {}))


@pytest.fixture
def channel(broker, publisher):
    channel = FakeChannel()
    broker.connected(channel)
    return channel


async def turn():
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_what_comes_in_one_turn_travels_as_one_message(publisher, channel):
    waiting = [publisher.publish(QUEUE, [b"%d" % n]) for n in range(3)]
    await turn()
    [(queue, facts, properties)] = channel.sent
    assert (queue, facts) == (QUEUE, [0, 1, 2])
    assert properties.delivery_mode == 2
    assert properties.headers == {"facts": 3, "publisher": publisher.id, "published": 3}
    assert not any(each.done() for each in waiting)
    channel.confirm(1)
    await asyncio.gather(*waiting)
    assert publisher.confirmed == {QUEUE: 3}


async def test_each_trace_is_told_with_the_facts_that_it_brought(publisher, channel):
    publisher.publish(QUEUE, [b"0"], "first")
    publisher.publish(QUEUE, [b"1"])
    publisher.publish(QUEUE, [b"2", b"3"], "second")
    publisher.publish("calls.ingest.1", [b"0"])
    await turn()
    told = {queue: properties.headers.get("traces") for queue, _, properties in channel.sent}
    assert told == {QUEUE: [[0, "first"], [1, None], [2, "second"]], "calls.ingest.1": None}


async def test_a_trace_goes_on_in_the_next_message_of_its_request(publisher, channel):
    publisher.publish(QUEUE, [b"1"])
    publisher.publish(QUEUE, [b"2"] * MESSAGE_FACTS, "first")
    await turn()
    told = [properties.headers["traces"] for *_, properties in channel.sent]
    assert told == [[[1, "first"]], [[0, "first"]]]


async def test_published_is_cumulative_for_each_queue(publisher, channel):
    for queue in (QUEUE, QUEUE, "calls.ingest.1"):
        publisher.publish(queue, [b"1", b"2"])
        await turn()
    assert [properties.headers["published"] for *_, properties in channel.sent] == [2, 4, 2]


async def test_messages_keep_to_their_size_and_a_request_waits_for_all_of_its_own(publisher, channel):
    many = publisher.publish(QUEUE, [b"1"] * (MESSAGE_FACTS + 1))
    large = publisher.publish("calls.ingest.1", [b'"%s"' % (b"x" * (MESSAGE_BYTES // 3))] * 4)
    await turn()
    assert [len(facts) for _, facts, _ in channel.sent] == [MESSAGE_FACTS, 1, 2, 2]
    channel.confirm(1)
    assert not many.done()
    channel.confirm(4, multiple=True)
    await asyncio.gather(many, large)


async def test_a_refused_message_fails_only_the_requests_in_it(publisher, channel):
    first = publisher.publish(QUEUE, [b"1"])
    await turn()
    second = publisher.publish(QUEUE, [b"2"])
    await turn()
    channel.confirm(1, refused=True)
    channel.confirm(2)
    with pytest.raises(Unconfirmed):
        await first
    await second


async def test_a_lost_connection_fails_what_was_under_way_and_a_new_one_begins_anew(publisher, channel, broker):
    waiting = publisher.publish(QUEUE, [b"1"])
    await turn()
    broker.lose()
    with pytest.raises(Unconfirmed):
        await waiting
    with pytest.raises(Unconfirmed):
        await publisher.publish(QUEUE, [b"1"])
    fresh = FakeChannel()
    broker.connected(fresh)
    again = publisher.publish(QUEUE, [b"1"])
    await turn()
    fresh.confirm(1)
    await again


async def test_a_blocked_broker_is_sent_nothing(publisher, channel, broker):
    broker.blocked = True
    with pytest.raises(Unconfirmed):
        await publisher.publish(QUEUE, [b"1"])
    await turn()
    assert channel.sent == []


async def test_what_is_not_confirmed_in_time_fails_and_a_late_confirm_changes_nothing(publisher, channel, monkeypatch):
    monkeypatch.setattr(publishing, "CONFIRM_SECONDS", 0.02)
    waiting = publisher.publish(QUEUE, [b"1"])
    with pytest.raises(Unconfirmed):
        await waiting
    channel.confirm(1)
    assert publisher.confirmed == {}


async def test_more_than_the_broker_can_take_is_not_kept_in_memory(publisher, channel, monkeypatch):
    monkeypatch.setattr(publishing, "MOST_WAITING_BYTES", 3)
    waiting = publisher.publish(QUEUE, [b"12345"])
    with pytest.raises(Unconfirmed):
        await publisher.publish(QUEUE, [b"1"])
    await turn()
    channel.confirm(1)
    await waiting
    publisher.publish(QUEUE, [b"1"])


class TestOnTheRealBroker:
    @pytest.fixture
    async def queues(self, amqp_url):
        """Queues of this test's own, the first of which holds next to nothing."""
        name = f"test.gateway.{id(self)}"
        queues = IngestQueues((f"{name}.0",), max_bytes=2000, exchange=f"{name}.exchange")
        yield queues
        connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
        with connection, connection.channel() as channel:
            channel.exchange_delete(queues.exchange)
            for queue in queues.names:
                channel.queue_delete(queue)
                channel.queue_delete(f"{queue}.dead")

    @pytest.fixture
    async def live(self, amqp_url, queues):
        broker = Broker(amqp_url)
        publisher, depths = Publisher(broker, queues), QueueDepths(broker, queues)
        await broker.start()
        async with asyncio.timeout(10):
            while not publisher.ready:
                await asyncio.sleep(0.01)
        yield publisher, depths
        await broker.stop()

    async def test_a_fact_is_confirmed_and_counted(self, live, queues):
        publisher, depths = live
        await publisher.publish(queues.names[0], [b"1", b"2"])
        assert publisher.confirmed == {queues.names[0]: 2}
        async with asyncio.timeout(10):
            while await depths.ready_messages() != 1:
                await asyncio.sleep(0.05)

    async def test_an_unroutable_fact_is_not_a_silent_loss(self, live):
        publisher, _depths = live
        with pytest.raises(Unconfirmed, match="unroutable"):
            await publisher.publish("no.such.queue", [b"1"])

    async def test_a_full_queue_refuses(self, live, queues):
        publisher, _depths = live
        fact = b'"%s"' % (b"x" * 1000)
        refusals: list[str] = []
        for _ in range(20):
            [outcome] = await asyncio.gather(publisher.publish(queues.names[0], [fact]), return_exceptions=True)
            refusals += [str(outcome)] if outcome else []
        assert set(refusals) == {"a message was refused"}
