"""queue_log on its way to Plateau: whatever rotation, restarts and failures do, each line arrives and counts once."""

import errno
import gzip
import json
import os
import shutil
from collections import Counter
from itertools import repeat
from threading import Event, Timer
from time import monotonic

import click
import pytest

from infra.shipping import posting, queue_log, sending
from infra.shipping.keeping import Folder
from infra.shipping.posting import Failing, Poster, Stopped
from infra.shipping.queue_log import QueueLogShipper
from infra.shipping.sending import Sender
from infra.tests.fake_plateau import fake_plateau


@pytest.fixture
def plateau():
    with fake_plateau() as running:
        yield running


@pytest.fixture
def path(tmp_path):
    return tmp_path / "queue_log"


def line(number: int) -> bytes:
    return f"{1767607200 + number}|{1767607190 + number}.1|q-sales|NONE|ENTERQUEUE||+33199001234|1\n".encode()


def write(path, *numbers):
    with path.open("ab") as file:
        file.write(b"".join(map(line, numbers)))


def arrived(plateau):
    """The calls whose entry arrived, with how many facts tell of each: more than one is a line counted twice."""
    calls = Counter(copies[0]["call_id"] for copies in plateau.facts.values())
    return sorted((int(call[:10]) - 1767607190, facts) for call, facts in calls.items())


def once(*numbers):
    return [(number, 1) for number in numbers]


@pytest.fixture
def shipper(plateau, path):
    """Begins a shipper as after a start of the process; the folder is what lasts."""
    posters = []

    def begin(stopping=None):
        posters.append(Poster(plateau.url, "pl_key", stopping or Event()))
        return QueueLogShipper(path, Sender("pbx1", posters[-1], Folder(path.parent / "kept")))

    yield begin
    for poster in posters:
        poster.__exit__(None, None, None)


def test_whole_lines_are_sent_and_half_a_line_waits(plateau, path, shipper):
    write(path, 1, 2)
    with path.open("ab") as file:
        file.write(line(3)[:20])
    ship = shipper()
    ship.ship()
    assert arrived(plateau) == once(1, 2)
    with path.open("ab") as file:
        file.write(line(3)[20:])
    ship.ship()
    assert arrived(plateau) == once(1, 2, 3)
    assert {parameters["generation"] for _, parameters, _ in plateau.posts} == {plateau.posts[0][1]["generation"]}


def test_what_was_acknowledged_is_not_sent_again_after_a_restart(plateau, path, shipper):
    write(path, 1, 2)
    shipper().ship()
    write(path, 3)
    shipper().ship()
    assert [body for _, _, body in plateau.posts] == [line(1) + line(2), line(3)]


def test_a_crash_before_the_state_is_written_repeats_the_same_ids(plateau, path, shipper):
    write(path, 1)
    shipper().ship()
    kept = (path.parent / "kept/state.json").read_bytes()
    write(path, 2, 3)
    shipper().ship()
    (path.parent / "kept/state.json").write_bytes(kept)
    shipper().ship()
    assert arrived(plateau) == once(1, 2, 3)
    assert [len(copies) for copies in plateau.facts.values()] == [1, 2, 2]


@pytest.mark.parametrize("restart", [False, True])
def test_a_renamed_log_is_read_to_its_end_even_what_is_written_before_asterisk_lets_go(plateau, path, shipper, restart):
    write(path, 1)
    ship = shipper()
    ship.ship()
    write(path, 2)
    rotated = path.with_name("queue_log.1")
    path.rename(rotated)
    path.touch()  # as logrotate's `create` does
    ship.ship()
    write(rotated, 3)  # Asterisk has not been told to reopen it yet
    ship = shipper() if restart else ship
    ship.ship()
    write(rotated, 4)
    write(path, 5)
    ship.ship()
    write(path, 6)
    ship.ship()
    assert arrived(plateau) == once(1, 2, 3, 4, 5, 6)


@pytest.mark.parametrize("longer", [False, True])
def test_a_log_that_is_copied_and_truncated_is_read_from_the_copy(plateau, path, shipper, longer):
    write(path, 1)
    ship = shipper()
    ship.ship()
    write(path, 2, 3)
    shutil.copy(path, path.with_name("queue_log-20261121"))
    os.truncate(path, 0)
    write(path, *((4, 5, 6, 7, 8) if longer else (4,)))  # grown beyond where the old one was left, or not
    ship.ship()
    assert arrived(plateau) == once(1, 2, 3, 4, *((5, 6, 7, 8) if longer else ()))


def test_a_log_that_is_truncated_between_two_reads_is_not_taken_for_the_one_before(plateau, path, shipper):
    write(path, *range(4000))  # more than is read at once
    copy = path.with_name("queue_log.1")
    ship = shipper()

    def rotate(_sent):
        if not copy.exists():
            shutil.copy(path, copy)
            os.truncate(path, 0)
            write(path, *range(4000, 9000))  # by now longer than where the old one was left

    ship.ship(rotate)
    ship.ship()
    assert arrived(plateau) == once(*range(9000))
    assert not (path.parent / "kept/rejected.jsonl").exists()


def test_several_rotations_while_nobody_shipped_compressed_ones_among_them(plateau, path, shipper):
    write(path, 1, 2)
    ship = shipper()
    ship.ship()
    write(path, 3)
    for number, generation in ((4, "2"), (5, "1")):
        path.rename(path.with_name(f"queue_log.{generation}"))
        write(path, number)
    old = path.with_name("queue_log.2")
    with gzip.open(path.with_name("queue_log.2.gz"), "wb") as compressed:
        compressed.write(old.read_bytes() + line(9)[:10])
    old.unlink()
    shipper().ship()
    assert arrived(plateau) == once(1, 2, 3, 4, 5)
    assert "cut off" in (path.parent / "kept/rejected.jsonl").read_text()  # the end that never came


def test_a_log_that_is_rotated_before_anything_was_acknowledged_is_not_forgotten(plateau, path, shipper):
    stopping = Event()
    write(path, 1)
    stopping.set()
    with pytest.raises(Stopped):
        shipper(stopping).ship()
    path.rename(path.with_name("queue_log.1"))
    write(path, 2)
    shipper().ship()
    assert arrived(plateau) == once(1, 2)


def test_older_logs_are_left_alone_and_so_is_what_was_there_where_that_is_wanted(plateau, path, shipper):
    write(path.with_name("queue_log.1"), 1)
    write(path, 2)
    ship = shipper()
    ship.start_at_end()
    ship.ship()
    write(path, 3)
    ship.ship()
    assert arrived(plateau) == once(3)


def test_a_compressed_log_is_taken_in_by_its_own_name(plateau, path):
    archive = path.with_name("queue_log.7.gz")
    with gzip.open(archive, "wb") as file:
        file.write(b"".join(map(line, range(9000)))[:-1])  # as it was cut: nobody adds the end of the last line
    with Poster(plateau.url, "pl_key", Event()) as poster:
        ship = QueueLogShipper(archive, Sender("pbx1", poster, Folder(path.parent / "kept")))
        ship.ship()
    assert len(plateau.facts) == 9000
    assert len(plateau.posts) > 1


def test_what_no_repetition_mends_is_written_down_and_shipping_goes_on(plateau, path, shipper):
    write(path, 1)
    with path.open("ab") as file:
        file.write(b"\n\0\0cut off\n")
    write(path, 2)
    ship = shipper()
    ship.ship()
    with path.open("ab") as file:
        file.write(b"all of it is wrong\n")
    ship.ship()
    plateau.answers.append((422, {}))
    write(path, 3)
    ship.ship()
    write(path, 4)
    ship.ship()
    assert arrived(plateau) == once(1, 2, 4)
    kept = path.parent / "kept/rejected.jsonl"
    first, second, third = map(json.loads, kept.read_text().splitlines())
    assert (first["item"], first["verdict"]["code"]) == ("\0\0cut off", "telephony.malformed_line")
    assert second["item"] == "all of it is wrong"
    assert (third["items"], third["problem"]["code"]) == ([line(3).decode().strip()], "told")
    assert kept.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_it_repeats_unchanged_until_it_is_acknowledged(plateau, path, shipper, monkeypatch, status):
    monkeypatch.setattr(posting, "LONGEST_PAUSE", 0.01)
    plateau.answers += [(status, {})] * 3
    write(path, 1)
    shipper().ship()
    assert arrived(plateau) == once(1)
    assert len(plateau.posts) == 4
    assert len({str(post) for post in plateau.posts}) == 1


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(posting, "LONGEST_PAUSE", 0.001)
    monkeypatch.setattr(posting, "pauses", lambda *_: repeat(0.001))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("poisoned", "failure"), [((7,), (500, {"code": "internal"})), ((1, 99), (403, {}))])
def test_lines_at_which_plateau_or_a_firewall_fails_keep_no_others(plateau, path, shipper, poisoned, failure):
    write(path, *range(100))
    plateau.failure = failure
    plateau.fails_at = [line(number).strip() for number in poisoned]
    shipper().ship()
    assert arrived(plateau) == once(*(number for number in range(100) if number not in poisoned))
    kept = [json.loads(each) for each in (path.parent / "kept/rejected.jsonl").read_text().splitlines()]
    assert [each["items"] for each in kept] == [[line(number).decode().strip()] for number in poisoned]
    content = path.read_bytes()
    assert all(content[each["offset"] :].startswith(each["items"][0].encode()) for each in kept)


def test_a_line_at_which_plateau_fails_waits_until_it_takes_another(plateau, path, shipper, impatient):
    write(path, 1)
    plateau.fails_at = [line(1).strip()]
    ship = shipper()
    with pytest.raises(Failing):
        ship.ship()
    assert not (path.parent / "kept/rejected.jsonl").exists()
    write(path, 2)
    ship.ship()
    write(path, 3)
    ship.ship()
    assert arrived(plateau) == once(2, 3)


def test_a_plateau_that_fails_at_everything_is_given_up_soon_and_loses_nothing(
    plateau, path, shipper, impatient, monkeypatch
):
    monkeypatch.setattr(sending, "MOST_FAILURES", 4)
    write(path, *range(2000))
    plateau.fails_at = [b"|"]
    ship = shipper()
    with pytest.raises(Failing):
        ship.ship()
    assert len(plateau.posts) == 4 * posting.TRIES
    plateau.fails_at = []
    ship.ship()
    assert arrived(plateau) == once(*range(2000))
    assert not (path.parent / "kept/rejected.jsonl").exists()


def test_what_is_too_large_for_whoever_stands_before_plateau_is_sent_in_parts(plateau, path, shipper):
    write(path, *range(100))
    plateau.most_bytes = 700
    with path.open("ab") as file:
        file.write(b"x" * 800 + b"\n")
    write(path, 100)
    shipper().ship()
    assert arrived(plateau) == once(*range(101))
    (kept,) = map(json.loads, (path.parent / "kept/rejected.jsonl").read_text().splitlines())
    assert kept["items"] == ["x" * 800]


def test_a_disk_without_room_loses_no_line(plateau, path, shipper, monkeypatch, caplog):
    ship = shipper()
    with monkeypatch.context() as full:
        full.setattr(Folder, "write", no_room)
        full.setattr(Folder, "reject", no_room)
        write(path, 1, 2)
        ship.ship()
        with path.open("ab") as file:
            file.write(b"not a line\n")
        write(path, 3)
        ship.ship()
    assert "No space left" in caplog.text
    write(path, 4)
    ship.ship()
    calls = [number for number, _ in arrived(plateau)]
    assert calls == [1, 2, 3, 4]
    assert "not a line" in (path.parent / "kept/rejected.jsonl").read_text()


def no_room(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def half_read(path, shipper, monkeypatch):
    """A shipper of a log that vanishes with a line that was not read, and another in its place."""
    monkeypatch.setattr(queue_log, "LOOKS", 3)
    write(path, 1)
    ship = shipper()
    ship.ship(patient=True)
    write(path, 2)
    path.rename(path.parent / "elsewhere")
    write(path, 3)
    assert not ship.ship(patient=True)
    return ship


def test_a_log_that_is_looked_at_in_the_midst_of_its_rotation_is_read_to_its_end(plateau, path, half_read):
    (path.parent / "elsewhere").rename(path.parent / "queue_log.1")
    half_read.ship(patient=True)
    assert arrived(plateau) == once(1, 2, 3)


def test_a_log_that_vanished_half_read_is_told_of_and_the_next_one_read(plateau, path, half_read, caplog):
    for _ in range(5):
        half_read.ship(patient=True)
    assert arrived(plateau) == once(1, 3)
    assert caplog.text.count("--once --file") == 1


@pytest.mark.parametrize("content", [b"", b"[]x", b"7"])
def test_a_state_that_no_shipper_wrote_is_named(path, content):
    kept = Folder(path.parent / "kept")
    (kept.path / "state.json").write_bytes(content)
    with pytest.raises(click.ClickException, match="Remove it"):
        kept.read("state.json")


def test_a_folder_that_cannot_be_written_is_named(path):
    kept = Folder(path.parent / "kept")
    (kept.path / "lock").mkdir()  # as root writes wherever it wants
    with pytest.raises(click.ClickException, match="cannot be written"), kept.locked():
        pass


def test_it_waits_as_long_as_plateau_asks(plateau, path, shipper):
    plateau.answers.append((503, {"Retry-After": "1"}))
    write(path, 1)
    began = monotonic()
    shipper().ship()
    assert monotonic() - began >= 1


def test_a_plateau_that_is_not_there_is_waited_for_and_stopping_loses_nothing(plateau, path, shipper):
    write(path, 1)
    stopping = Event()
    with Poster("http://127.0.0.1:9", "pl_key", stopping) as poster:
        ship = QueueLogShipper(path, Sender("pbx1", poster, Folder(path.parent / "kept")))
        timer = Timer(0.1, stopping.set)
        timer.start()
        with pytest.raises(Stopped):
            ship.ship()
        timer.join()
    shipper().ship()
    assert arrived(plateau) == once(1)


def test_two_shippers_do_not_share_a_folder(path):
    with Folder(path.parent / "kept").locked(), pytest.raises(click.ClickException):  # noqa: SIM117
        with Folder(path.parent / "kept").locked():
            pass
