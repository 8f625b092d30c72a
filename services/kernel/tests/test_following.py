"""How those who follow the store wait for more."""

import time

from services.kernel import following
from services.kernel.database import connect
from services.kernel.following import LISTEN, TOGETHER_SECONDS, WAKE, Ear, Waker


def test_who_waits_is_woken_by_an_append(calls_connection, monkeypatch):
    monkeypatch.setattr(following, "SOONEST_LOOK_SECONDS", 60.0)
    monkeypatch.setattr(following, "LATEST_LOOK_SECONDS", 60.0)
    ear, begun = Ear(calls_connection), time.monotonic()
    calls_connection.execute(WAKE)
    ear.rest()
    assert time.monotonic() - begun < 25


def test_who_waits_in_vain_looks_more_and_more_seldom_until_something_is_appended(calls_connection, monkeypatch):
    waits: list[float] = []
    heard: list[str] = []

    def notifies(*, timeout, stop_after):
        waits.append(timeout)
        return heard

    monkeypatch.setattr(calls_connection, "notifies", notifies)
    monkeypatch.setattr(following, "pauses", lambda first, longest: iter([first, longest, longest]))
    ear = Ear(calls_connection)
    ear.rest()
    ear.rest()
    heard.append("an append")
    ear.rest()
    ear.rest()
    assert waits == [0.1, 0.5, 0.5, 0.1]


def test_appends_in_quick_succession_wake_once_and_a_later_one_again(calls_url, calls_connection):
    waker = Waker()
    with connect(calls_url, "follower") as follower, calls_connection.cursor() as db:
        follower.execute(LISTEN)
        for _ in range(3):
            waker.wake(db)
        assert len(list(follower.notifies(timeout=0.1))) == 1
        time.sleep(TOGETHER_SECONDS)
        waker.wake(db)
        assert len(list(follower.notifies(timeout=0.1))) == 1
