"""The process of loops: it follows, acts at times, stops when told to, and ends when a loop fails."""

import os
import signal
import subprocess
import sys

import psycopg
import pytest

from services.kernel.projections import lags
from services.kernel.tests.test_projections import Poisoned, Tally, append, caught_up, eventually

PROCESS = """
import sys
from services.kernel import background
from services.kernel.tests import test_projections

def act(connection, now):
    print("acted at", now.isoformat(), connection.execute("SELECT 1").fetchone(), flush=True)

background.run(sys.argv[1], [getattr(test_projections, sys.argv[2])()], [background.Scheduled("act", 0.1, act)])
"""


class Process:
    """The process, and what it has said so far."""

    def __init__(self, dsn: str, read_model: str = "Tally") -> None:
        self.ran = subprocess.Popen(  # noqa: S603 - ours
            [sys.executable, "-c", PROCESS, dsn, read_model],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": "."},
        )
        self.said = ""

    def says(self, words: str) -> None:
        while words not in self.said:
            line = self.ran.stdout.readline()
            assert line, self.said
            self.said += line

    def ends(self) -> int:
        self.said += self.ran.communicate(timeout=20)[0]
        return self.ran.returncode


@pytest.fixture
def start():
    """Starts a process; none is left behind."""
    started: list[Process] = []

    def begin(*arguments: str) -> Process:
        started.append(Process(*arguments))
        return started[-1]

    yield begin
    for process in started:
        process.ran.kill()
        process.ran.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_follows_and_acts_until_it_is_told_to_stop(start, calls_url, calls_connection, number):
    process = start(calls_url)
    process.says("background.started")
    append(calls_connection, 2)
    eventually(caught_up(calls_connection, 2))
    process.says("acted at")
    process.ran.send_signal(number)
    assert process.ends() == 0
    assert "background.stopped" in process.said


def test_it_waits_for_a_database_that_is_not_there_yet(start):
    process = start("postgresql://nobody@127.0.0.1:1/nothing")
    process.says("background.waiting")
    process.ran.send_signal(signal.SIGTERM)
    assert process.ends() == 0


def test_a_loop_that_fails_for_good_ends_the_process(start, calls_url, calls_connection):
    append(calls_connection)
    process = start(calls_url, Poisoned.__name__)
    assert process.ends() != 0
    assert "ValueError: poison" in process.said
    with calls_connection.cursor() as db:
        assert lags(db, [Tally()]) == {"tally": 1}


def test_it_refuses_a_database_whose_history_readers_would_not_see(start, postgres_url, calls_url, calls_connection):
    append(calls_connection)
    with psycopg.connect(postgres_url.rpartition("/")[0] + "/" + calls_url.rpartition("/")[2]) as owner:
        owner.execute("UPDATE store.events SET transaction_id = '999999999999'")
    process = start(calls_url)
    assert process.ends() != 0
    assert "another cluster" in process.said
