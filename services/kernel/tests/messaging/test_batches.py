"""What becomes of every message that a batch entrypoint takes."""

import signal

import orjson

from services.kernel.ingest_queues import dead
from services.kernel.tests.messaging.harness import eventually
from services.kernel.tests.messaging.proxy import Proxy


def names(count, start=0):
    return [f"f{number}" for number in range(start, start + count)]


def test_facts_come_in_order_in_batches_within_the_limits(desk, serve):
    for message in range(30):
        desk.send(*names(100, 100 * message))
    with serve("Recorder", facts=500) as served:
        eventually(lambda: len(served.committed()) == 3000)
        assert served.committed() == names(3000)
        assert max(len(line["ids"]) for line in served.journal("committed")) == 500


def test_a_single_fact_does_not_wait_for_company(desk, serve):
    with serve("Recorder") as served:
        desk.send("alone")
        eventually(served.committed)
        assert served.journal("committed") == [{"what": "committed", "ids": ["alone"], "published": [1]}]


def test_what_was_not_committed_when_the_process_was_killed_comes_again(desk, serve, tmp_path):
    hold = tmp_path / "hold"
    hold.touch()
    desk.send("a", "b")
    with serve("Recorder") as served:
        eventually(lambda: served.journal("begun"))
        assert desk.waiting() == 0
        served.stop(signal.SIGKILL)
    eventually(lambda: desk.waiting() == 1)
    hold.unlink()
    with serve("Recorder") as served:
        eventually(served.committed)
        assert served.committed() == ["a", "b"]


def test_a_connection_lost_with_a_batch_in_hand_loses_nothing(desk, serve, door, tmp_path):
    hold = tmp_path / "hold"
    hold.touch()
    desk.send("a")
    with serve("Recorder", url=door.url) as served:
        eventually(lambda: served.journal("begun"))
        door.cut()
        hold.unlink()
        eventually(lambda: len(served.journal("committed")) == 2)  # before and after: the handler drops what it knows
        desk.send("b")
        eventually(lambda: "b" in served.committed())
        assert served.committed() == ["a", "a", "b"]
        assert desk.waiting(dead(desk.queue)) == 0
        assert served.stop() == 0
    assert desk.waiting() == 0


def test_it_waits_for_the_broker_and_comes_back_to_it(desk, serve, door, amqp_url):
    door.close()
    with serve("Recorder", url=door.url) as served:
        eventually(lambda: b"services.waiting" in (served.folder / "log").read_bytes())
        again = Proxy(door.target, door.port)
        desk.send("a")
        eventually(served.committed)
        again.close()
        eventually(lambda: b"link.lost" in (served.folder / "log").read_bytes())
        again = Proxy(door.target, door.port)
        desk.send("b")
        # The door may have closed before the acknowledgement of the first was through: it comes again then.
        eventually(lambda: list(dict.fromkeys(served.committed())) == ["a", "b"])
        again.close()


def test_a_queue_deleted_by_hand_is_declared_again(desk, serve):
    desk.send("a")
    with serve("Recorder") as served:
        eventually(served.committed)
        desk.delete()
        eventually(lambda: desk.arrives("b"))
        eventually(lambda: served.committed() == ["a", "b"])


def test_messages_are_kept_while_the_database_is_away(desk, serve, door, tmp_path):
    away = tmp_path / "away"
    away.touch()
    desk.send("a", "b")
    with serve("Recorder", url=door.url) as served:
        eventually(lambda: len(served.journal("begun")) >= 3)
        connections = door.accepted
        away.unlink()
        eventually(served.committed)
        assert served.committed() == ["a", "b"]
        assert door.accepted == connections
        assert served.stop() == 0
    assert desk.waiting() == 0
    assert desk.waiting(dead(desk.queue)) == 0


def test_only_the_bad_fact_is_put_aside(desk, serve):
    for message in range(4):
        facts = names(10, 10 * message)
        desk.send(*(facts if message != 2 else [*facts[:9], "poison"]))
    with serve("Recorder") as served:
        headers, body = desk.take_dead()
        eventually(lambda: len(served.committed()) == 39)
        assert served.committed() == [each for each in names(40) if each != "f29"]
        told = [count for line in served.journal("committed") for count in line["published"]]
        assert told == [10, 20, 30, 40]
        assert served.stop() == 0
    assert orjson.loads(body) == [{"id": "poison"}]
    assert headers["reason"] == "a fact that cannot be stored"
    assert headers["exception"] == "builtins.ValueError"
    assert headers["queue"] == desk.queue
    assert headers["facts"] == 1
    assert desk.waiting() == 0
    assert desk.waiting(dead(desk.queue)) == 0


def test_what_is_put_aside_keeps_its_trace(desk, serve):
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    desk.send_raw(b'[{"id": "good"}, {"id": "poison"}]', facts=2, traces=[[1, traceparent]])
    with serve("Recorder") as served:
        headers, _ = desk.take_dead()

        def put_aside():  # the log comes behind the queue
            lines = [line for line in (served.folder / "log").read_bytes().split(b"\n")[:-1] if line[:1] == b"{"]
            return [told for told in map(orjson.loads, lines) if told["event"] == "consumer.put_aside"]

        (told,) = eventually(put_aside)
    assert headers["traces"] == [[0, traceparent]]
    assert told["trace_id"] == traceparent[3:35]


def test_a_bad_fact_at_the_end_does_not_keep_the_publishers_count(desk, serve):
    desk.send("poison")
    with serve("Recorder") as served:
        desk.take_dead()
        eventually(lambda: served.journal("committed"))
        assert served.journal("committed") == [{"what": "committed", "ids": [], "published": [1]}]


def test_a_body_that_is_not_an_array_is_put_aside_whole(desk, serve):
    desk.send_raw(b'{"id": "no array"}', published=7)
    desk.send("good")
    with serve("Recorder") as served:
        headers, body = desk.take_dead()
        eventually(served.committed)
        assert served.committed() == ["good"]
    assert body == b'{"id": "no array"}'
    assert headers["reason"] == "the body is not a JSON array"
    assert headers["published"] == 7


def test_told_to_stop_it_finishes_the_batch_in_hand_and_leaves_the_rest(desk, serve, tmp_path):
    hold = tmp_path / "hold"
    hold.touch()
    for each in "abc":
        desk.send(each)
    with serve("Recorder", facts=1) as served:
        eventually(lambda: served.journal("begun"))
        served.process.send_signal(signal.SIGTERM)
        eventually(lambda: b"services.stopping" in (served.folder / "log").read_bytes())
        hold.unlink()
        assert served.process.wait(timeout=20) == 0
        assert served.committed() == ["a"]
    eventually(lambda: desk.waiting() == 2)


def test_told_to_stop_while_the_database_is_away_it_leaves_the_messages(desk, serve, tmp_path):
    (tmp_path / "away").touch()
    desk.send("a")
    with serve("Recorder") as served:
        eventually(lambda: served.journal("begun"))
        assert served.stop() == 0
        assert served.committed() == []
    eventually(lambda: desk.waiting() == 1)
