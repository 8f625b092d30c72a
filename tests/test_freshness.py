"""How soon after its acknowledgement a fact is in the reports, under a steady load."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

from tests.facts import NINE, fact, new_call

SECONDS = 4
RATE = 300  # facts a second, beside those that are watched


def test_of_a_hundred_facts_all_but_one_are_in_the_report_within_a_second(administrator, queue):
    over = Event()

    def load():
        sent, begun = 0, time.monotonic()
        while not over.is_set():
            answer = administrator.post([fact(new_call(), "queued", NINE, queue=f"{queue}-load") for _ in range(30)])
            assert answer.status_code == 202
            sent += 30
            time.sleep(max(0.0, begun + sent / RATE - time.monotonic()))
        return sent / (time.monotonic() - begun)

    def offered():
        return administrator.figures(queue)["offered"]

    delays = []
    with ThreadPoolExecutor(1) as loading:
        rate = loading.submit(load)
        try:
            until = time.monotonic() + SECONDS
            while time.monotonic() < until:
                sent = time.monotonic()
                number = len(delays) + 1
                at = NINE + timedelta(seconds=number)
                assert administrator.post([fact(new_call(), "queued", at, queue=queue)]).status_code == 202
                while offered() < number:
                    assert time.monotonic() - sent < 10
                delays.append(time.monotonic() - sent)
        finally:
            over.set()
        assert rate.result() > RATE * 0.7
    assert len(delays) >= 10
    assert sorted(delays)[int(len(delays) * 0.99)] < 1.0
