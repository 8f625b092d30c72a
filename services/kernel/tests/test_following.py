"""How followers learn that something was appended."""

import time

from services.kernel.database import connect
from services.kernel.following import LISTEN, TOGETHER_SECONDS, Waker


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
