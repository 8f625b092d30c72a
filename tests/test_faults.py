"""Under a steady load everything is killed in turn, as by a power cut: no acknowledged fact is lost or counts twice."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta
from threading import Event

import httpx
import psycopg
import pytest

from conftest import address
from infra.local.stack import Stack
from tests import system
from tests.caller import BEGIN, END, SERVICE_LEVEL, Caller, eventually
from tests.facts import NINE, fact, new_call

SENDERS = 3
CALLS_A_BODY = 3
IN_HAND = 20
WAIT = timedelta(seconds=9)
STEADY = 150  # acknowledged calls before the fault, and after it is over


@pytest.fixture(scope="module")
def stack():
    """A system of this file alone, whose database keeps what it has committed."""
    with system.running(durable=True) as stack:
        yield stack


@pytest.fixture(scope="module")
def administrator(stack):
    with Caller(stack.url, system.administrators_key(stack)) as caller:
        yield caller


class Load:
    """Senders that repeat what was not acknowledged until it is, and somebody who reads the report all the time.

    Each body tells of new callers, and that those of the sender's body before were answered.
    """

    def __init__(self, caller: Caller, queue: str) -> None:
        self.caller, self.queue, self.over = caller, queue, Event()
        self.acknowledged: set[str] = set()
        self.answered: set[str] = set()
        self.refused: list[httpx.Response] = []
        self.unreached: list[httpx.TransportError] = []
        self.reports: list[httpx.Response] = []

    def send(self) -> None:
        before: list[str] = []
        while not self.over.is_set():
            calls = [new_call() for _ in range(CALLS_A_BODY)]
            body = [fact(call, "queued", NINE, queue=self.queue) for call in calls]
            body += [fact(call, "answered", NINE + WAIT, queue=self.queue, agent="a-1042") for call in before]
            while not self._is_acknowledged(body):
                time.sleep(0.1)
            self.acknowledged.update(calls)
            self.answered.update(before)
            before = calls
            time.sleep(0.02)

    def read(self) -> None:
        asked = {"queue": self.queue, "from": BEGIN, "to": END, "interval": "total"}
        while not self.over.is_set():
            try:
                self.reports.append(self.caller.http.get(SERVICE_LEVEL, params=asked))
            except httpx.TransportError as error:
                self.unreached.append(error)
            time.sleep(0.1)

    def _is_acknowledged(self, body) -> bool:
        try:
            answer = self.caller.post(body)
        except httpx.TransportError as error:
            self.unreached.append(error)
            return False
        if answer.status_code == 202:
            return answer.json() == {"accepted": len(body), "rejected": []}
        self.refused.append(answer)
        return False

    def goes_on(self) -> None:
        """Waits until many more are acknowledged."""
        enough = len(self.acknowledged) + STEADY
        eventually(lambda: len(self.acknowledged) >= enough, within=60)


@contextmanager
def load(caller: Caller, queue: str) -> Iterator[Load]:
    load = Load(caller, queue)
    with ThreadPoolExecutor(SENDERS + 1) as people:
        working = [people.submit(load.send) for _ in range(SENDERS)] + [people.submit(load.read)]
        try:
            yield load
        finally:
            load.over.set()
        for each in working:
            each.result(timeout=60)


def counted_once(caller: Caller, sent: Load) -> None:
    """Fails where the figures are not exactly what was acknowledged."""
    assert {answer.status_code for answer in sent.refused} <= {503}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in sent.refused)
    assert {answer.status_code for answer in sent.reports} <= {200, 503, 504}

    caller.settle(60)
    listed = [call["call_id"] for call in caller.items("/v1/calls", queue=sent.queue, limit=500)]
    assert len(listed) == len(set(listed))
    assert set(listed) == sent.acknowledged
    row = caller.figures(sent.queue)
    assert (row["offered"], row["answered"]) == (len(sent.acknowledged), len(sent.answered))
    assert row["asa_seconds"] == WAIT.total_seconds()


def kill_with_facts_in_hand(stack: Stack, victim: str) -> None:
    """Kills a process while facts have been taken from the queue and cannot be committed."""
    database = address(stack.servers.postgres.url, "plateau_calls")
    with closing(psycopg.connect(database)) as holding:
        holding.execute("LOCK TABLE store.events IN SHARE ROW EXCLUSIVE MODE")
        eventually(lambda: stack.health()["ingest_backlog"] > IN_HAND)
        system.kill(stack, victim)


@pytest.mark.parametrize("victim", ["calls-ingest", "calls-projections", "calls", "gateway", "postgres"])
def test_what_was_acknowledged_is_counted_once_though_something_was_killed(administrator, stack, queue, victim):
    with load(administrator, queue) as sent:
        sent.goes_on()
        before = system.pid_of(stack, victim)
        kill_with_facts_in_hand(stack, victim)
        eventually(lambda: system.pid_of(stack, victim) not in {0, before}, within=30)
        eventually(stack.is_ready, within=60)
        sent.goes_on()
    assert not sent.unreached or victim == "gateway"
    counted_once(administrator, sent)


def test_while_the_broker_is_away_senders_are_told_to_wait_and_nothing_is_lost(administrator, stack, queue):
    with load(administrator, queue) as sent:
        sent.goes_on()
        system.freeze(stack, "rabbitmq")
        time.sleep(0.2)  # for the answers that were on their way
        acknowledged = len(sent.acknowledged)
        time.sleep(0.5)
        assert len(sent.acknowledged) == acknowledged
        system.kill(stack, "rabbitmq")
        health = eventually(lambda: (got := administrator.http.get("/health/ready")).status_code == 503 and got, 10)
        assert health.json()["status"] == "not_ready"
        assert administrator.http.get("/health/live").status_code == 200
        eventually(stack.is_ready, within=60)
        sent.goes_on()
    assert not sent.unreached
    assert {answer.json()["code"] for answer in sent.refused} == {"ingest.not_confirmed"}
    counted_once(administrator, sent)


def test_after_all_this_the_read_models_are_those_of_a_rebuild(administrator, stack):
    before = system.read_models(stack)
    assert sum(map(len, before.values())) > 10 * STEADY
    system.plateau(stack, "rebuild")
    assert system.read_models(stack) == before
