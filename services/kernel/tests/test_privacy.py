"""Personal fields: sealed for one event with the key of one person, and gone with that key."""

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.kernel.database import connect
from services.kernel.privacy import Keyring, MasterKey, seal, unseal

PERSONAL = {"from": "+33199000001", "raw": {"note": "prefers Ada"}}


def key() -> AESGCM:
    return AESGCM(AESGCM.generate_key(256))


@pytest.mark.parametrize("text", ["", "short", base64.b64encode(b"x" * 31).decode(), "é" * 44, "=" * 44])
def test_a_master_key_that_is_not_32_bytes_of_base64_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - base64 has words of its own
        MasterKey.from_text(text)


def test_what_is_sealed_opens_with_its_key_for_its_event_alone():
    own, event = key(), uuid4()
    box = seal(own, event, PERSONAL)
    assert unseal(own, event, box) == PERSONAL
    assert unseal(own, uuid4(), box) == {}
    assert unseal(key(), event, box) == {}


def test_a_destroyed_key_opens_nothing():
    event = uuid4()
    assert unseal(None, event, seal(key(), event, PERSONAL)) == {}


def test_a_box_tells_nothing_of_what_is_in_it_not_even_that_two_hold_the_same():
    own, event = key(), uuid4()
    one, other = seal(own, event, PERSONAL), seal(own, event, PERSONAL)
    assert one != other
    assert b"33199000001" not in base64.b64decode(one)


def test_a_number_is_known_by_a_hash_that_hangs_on_the_master_key(master_key):
    other = MasterKey.from_text(base64.b64encode(b"o" * 32).decode())
    known_as = master_key.hash_of("+33199000001")
    assert known_as == master_key.hash_of("+33199000001")
    assert len({known_as, master_key.hash_of("+33199000002"), other.hash_of("+33199000001")}) == 3


def test_the_keys_of_subjects_stay_the_same_and_are_wrapped_where_they_lie(calls_connection, master_key):
    ada, eve = uuid4(), uuid4()
    with calls_connection.cursor() as db:
        made = Keyring(master_key).ensure(db, [ada, eve, ada])
        event = uuid4()
        box = seal(made[ada], event, PERSONAL)
        again = Keyring(master_key).ensure(db, [ada])
        assert unseal(again[ada], event, box) == PERSONAL
        assert unseal(made[eve], event, box) == {}
        assert Keyring(master_key).open(db, [uuid4()]) == {}
        assert db.execute("SELECT count(*), min(length(wrapped)) FROM keyring.keys").fetchone() == (2, 12 + 32 + 16)


def test_a_destroyed_key_stays_destroyed_though_the_subject_gets_a_new_one(calls_connection, master_key):
    ada, event = uuid4(), uuid4()
    keyring = Keyring(master_key)
    with calls_connection.cursor() as db:
        box = seal(keyring.ensure(db, [ada])[ada], event, PERSONAL)
        db.execute("DELETE FROM keyring.keys WHERE subject = %s", (ada,))
        assert keyring.open(db, [ada]) == {}
        assert unseal(keyring.ensure(db, [ada])[ada], event, box) == {}


def test_the_wrong_master_key_is_loud(calls_connection, master_key):
    ada = uuid4()
    wrong = Keyring(MasterKey.from_text(base64.b64encode(b"w" * 32).decode()))
    with calls_connection.cursor() as db:
        Keyring(master_key).ensure(db, [ada])
        with pytest.raises(InvalidTag):
            wrong.open(db, [ada])


def test_a_key_moved_to_another_subject_is_loud(calls_connection, postgres_url, master_key):
    """Whoever could write to the keyring could else make one person's key open what is another's."""
    ada, eve = uuid4(), uuid4()
    with calls_connection.cursor() as db:
        Keyring(master_key).ensure(db, [ada])
        db.execute("INSERT INTO keyring.keys (subject, wrapped) SELECT %s, wrapped FROM keyring.keys", (eve,))
        with pytest.raises(InvalidTag):
            Keyring(master_key).open(db, [eve])


def test_writers_who_make_a_subjects_key_at_once_end_with_one_key(calls_url, calls_connection, master_key):
    subjects, writers, event = [uuid4() for _ in range(20)], 6, uuid4()
    barrier = threading.Barrier(writers)

    def made(number: int) -> list[str]:
        with connect(calls_url, f"writer {number}") as connection, connection.cursor() as db:
            barrier.wait()
            keys = Keyring(master_key).ensure(db, subjects[number:] + subjects[:number])
            return [seal(keys[subject], event, PERSONAL) for subject in subjects]

    with ThreadPoolExecutor(writers) as threads:
        boxes = list(threads.map(made, range(writers)))
    with calls_connection.cursor() as db:
        keys = Keyring(master_key).open(db, subjects)
    for sealed in boxes:
        assert [unseal(keys[s], event, box) for s, box in zip(subjects, sealed, strict=True)] == [PERSONAL] * 20
