"""AMI on its way to Plateau: what is heard is kept until it is acknowledged, what was missed comes from the log."""

import ast
import errno
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from threading import Event, Thread

import pytest

from infra.shipping import ami, gaps, spool
from infra.shipping.ami import AmiShipper
from infra.shipping.ami_connection import Account, AmiConnection, Lost, Refused, parsed
from infra.shipping.keeping import Folder
from infra.shipping.posting import Poster
from infra.shipping.sending import Sender
from infra.shipping.spool import Spool
from infra.tests.fake_asterisk import SECRET, fake_asterisk
from infra.tests.fake_plateau import fake_plateau

PATTERNS = ("Queue*", "Agent*", "Hold")


@pytest.fixture
def plateau():
    with fake_plateau() as running:
        yield running


@pytest.fixture
def asterisk():
    with fake_asterisk() as running:
        yield running


def account(asterisk, secret=SECRET):
    return Account("127.0.0.1", asterisk.port, "plateau", secret)


def event(number, name="QueueCallerJoin", **more):
    uniqueid = f"{1767607190 + number}.1"
    return {"Event": name, "Privilege": "agent,all", "Uniqueid": uniqueid, "Queue": "q-sales", "Position": "1", **more}


def calls(plateau):
    """Which calls' facts arrived, with how many facts of each."""
    known = [copies[0]["call_id"] for copies in plateau.facts.values()]
    return {int(call[:10]) - 1767607190: known.count(call) for call in known}


@contextmanager
def shipping(asterisk, url, folder, log_path=None):
    """A shipper at work."""
    stopping = Event()
    with Poster(url, "pl_key", stopping) as poster:
        shipper = AmiShipper(account(asterisk), PATTERNS, log_path, Sender("pbx1", poster, Folder(folder)), stopping)
        thread = Thread(target=shipper.run)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join(10)
            assert not thread.is_alive()


def test_a_refused_login_says_what_asterisk_said(asterisk):
    with pytest.raises(Refused, match="Authentication failed"):
        AmiConnection(account(asterisk, "wrong"))


def test_what_is_no_manager_interface_is_not_trusted_with_the_secret(plateau):
    port = int(plateau.url.rpartition(":")[2])
    with pytest.raises((Lost, TimeoutError)):
        AmiConnection(Account("127.0.0.1", port, "plateau", SECRET), patience=0.3)
    assert plateau.posts == []


def test_asterisk_is_asked_for_a_sign_of_life_and_lost_without_one(asterisk):
    with AmiConnection(account(asterisk), quiet=0.1) as connection:
        bursts = connection.bursts(glance=0.02)
        while not asterisk.pings:
            next(bursts)
        asterisk.mute = True
        with pytest.raises(Lost, match="said nothing"):
            list(bursts)


def test_a_key_that_comes_twice_keeps_both_values_and_old_names_their_letters():
    block = "Event: AgentConnect\r\nChanVariable: a=1\r\nChanVariable: b=2\r\nCallerIDName: Zoé:\r\nEmpty: "
    packet = parsed(block.encode("latin-1"))
    assert packet == {"Event": "AgentConnect", "ChanVariable": ["a=1", "b=2"], "CallerIDName": "Zoé:", "Empty": ""}


@pytest.mark.parametrize("segments", [1, 7, 100])
def test_events_arrive_however_they_are_cut_and_those_not_asked_for_do_not(asterisk, plateau, tmp_path, segments):
    with shipping(asterisk, plateau.url, tmp_path):
        asterisk.wait_for_login()
        asterisk.say(
            event(1), {"Event": "Newchannel", "Uniqueid": "1.1"}, event(2, CallerIDName="Zoé"), segments=segments
        )
        plateau.wait_for(lambda: calls(plateau) == {1: 1, 2: 1})
    heard = [json.loads(line) for _, _, body in plateau.posts for line in body.splitlines()]
    assert [each["Event"] for each in heard] == ["QueueCallerJoin"] * 2
    assert heard[1]["CallerIDName"] == "Zoé"
    assert heard[0]["received_at"].endswith("Z")
    assert asterisk.logins[0]["Events"] == "call,agent,user"


def test_what_was_heard_while_plateau_was_away_is_sent_after_a_restart(asterisk, plateau, tmp_path):
    with shipping(asterisk, "http://127.0.0.1:9", tmp_path):
        asterisk.wait_for_login()
        asterisk.say(event(1), event(2))
        until = time.monotonic() + 10
        while not any(path.stat().st_size for path in (tmp_path / "spool").iterdir()):
            assert time.monotonic() < until
    with shipping(asterisk, plateau.url, tmp_path):
        plateau.wait_for(lambda: calls(plateau) == {1: 1, 2: 1})
    assert len(plateau.posts) == 1


def test_an_event_that_is_not_taken_is_written_down_and_the_others_go_on(asterisk, plateau, tmp_path):
    with shipping(asterisk, plateau.url, tmp_path):
        asterisk.wait_for_login()
        asterisk.say(event(1), event(2, "AgentConnect", HoldTime="2x", MemberName="a-1042"), event(3))
        plateau.wait_for(lambda: calls(plateau) == {1: 1, 3: 1})
    kept = json.loads((tmp_path / "rejected.jsonl").read_text())
    assert json.loads(kept["item"])["HoldTime"] == "2x"
    assert kept["verdict"]["pointer"] == "/HoldTime"


def test_after_a_lost_connection_the_log_tells_of_the_while_and_no_more(asterisk, plateau, tmp_path, monkeypatch):
    monkeypatch.setattr(gaps, "MARGIN", 1.2)
    monkeypatch.setattr(ami, "LONGEST_PAUSE", 0.1)
    log = tmp_path / "queue_log"
    long_ago = "1767607200|1767607191.1|q-sales|NONE|ENTERQUEUE||+33199001234|1\n"
    log.write_text(long_ago)
    with shipping(asterisk, plateau.url, tmp_path / "kept", log):
        asterisk.wait_for_login()
        asterisk.say(event(2))
        plateau.wait_for(lambda: calls(plateau) == {2: 1})
        asterisk.hang_up()
        missed = f"{int(time.time())}|1767607193.1|q-sales|NONE|ENTERQUEUE||+33199001234|1\n"
        log.write_text(long_ago + missed)
        asterisk.wait_for_login(2)
        asterisk.say(event(4))
        plateau.wait_for(lambda: calls(plateau) == {2: 1, 3: 1, 4: 1})
    (back_filled,) = [(parameters, body) for path, parameters, body in plateau.posts if path.endswith("queue-log")]
    assert back_filled[1] == missed.encode()
    assert back_filled[0]["offset"] == str(len(long_ago))
    assert json.loads((tmp_path / "kept/heard.json").read_text())["gaps"] == []


def test_the_spool_gives_everything_once_in_order_through_crashes(tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "SEGMENT_BYTES", 40)
    lines = [b"line %03d" % number for number in range(50)]
    queue = Spool(Folder(tmp_path))
    for begin in range(0, 50, 3):
        queue.add(lines[begin : begin + 3])
    last = max((tmp_path / "spool").iterdir())
    with last.open("ab") as file:
        file.write(b"half a li")  # the crash
    queue, given = Spool(Folder(tmp_path)), []
    queue.add([b"after the crash"])
    while part := queue.take(4, 0):
        given += part.lines.splitlines()
        queue.done(part)
        assert Spool(Folder(tmp_path)).take(1, 0) != part
    assert given == [*lines, b"after the crash"]
    assert len(list((tmp_path / "spool").iterdir())) == 1


def test_a_part_that_is_not_done_with_is_given_again(tmp_path):
    queue = Spool(Folder(tmp_path))
    queue.add([b"1", b"2"])
    assert queue.take(1, 0) == queue.take(1, 0) == Spool(Folder(tmp_path)).take(1, 0)


def test_what_is_taken_back_from_a_full_disk_was_never_given(tmp_path, monkeypatch):
    queue, given, write = Spool(Folder(tmp_path)), [], os.write

    def half_of_it(descriptor, data):
        if given:  # the second half finds no room
            raise OSError(errno.ENOSPC, "No space left on device")
        written = write(descriptor, bytes(data[: len(data) // 2]))
        given.append(queue.take(10, 0))
        return written

    monkeypatch.setattr(os, "write", half_of_it)
    with pytest.raises(OSError, match="No space left"):
        queue.add([b"1", b"2", b"3", b"4"])
    monkeypatch.undo()
    assert given == [None]
    queue.add([b"5", b"6", b"7"])
    assert queue.take(10, 0).lines == b"5\n6\n7\n"


def test_a_disk_without_room_for_how_far_it_is_ends_nothing(asterisk, plateau, tmp_path, monkeypatch):
    monkeypatch.setattr(ami, "LONGEST_PAUSE", 0.05)
    write, full = Folder.write, []

    def no_room_at_first(folder, name, content):
        if name == spool.STATE and len(full) < 3:
            full.append(name)
            raise OSError(errno.ENOSPC, "No space left on device")
        write(folder, name, content)

    monkeypatch.setattr(Folder, "write", no_room_at_first)
    with shipping(asterisk, plateau.url, tmp_path):
        asterisk.wait_for_login()
        asterisk.say(event(1), event(2))
        plateau.wait_for(lambda: calls(plateau).keys() == {1, 2} and len(plateau.posts) >= 4)
        asterisk.say(event(3))
        plateau.wait_for(lambda: calls(plateau).keys() == {1, 2, 3})
    assert len({str(fact) for facts in plateau.facts.values() for fact in facts}) == 3


def test_a_shipper_loads_no_more_than_it_must():
    program = "import sys, infra.shipping.command; print(sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    heavy = {"starlette", "nameko", "eventlet", "psycopg", "pika", "orjson", "gateway", "structlog", "marshmallow"}
    assert not heavy & set(ast.literal_eval(done.stdout))
