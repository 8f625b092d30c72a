"""Trace context: what is taken up of what callers give, and where it is found again."""

from uuid import uuid4

import orjson
import pytest
from structlog.testing import capture_logs

from services.kernel import store, traces
from services.kernel.projections import create
from services.kernel.store import NewEvent
from services.kernel.tests.horizon import until_readable
from services.kernel.tests.messaging.harness import python
from services.kernel.tests.test_projections import NOON, Poisoned
from services.kernel.tests.test_things import Asking

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
GIVEN = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("given", "taken_up"),
    [
        (GIVEN, GIVEN),
        ("cc" + GIVEN[2:], GIVEN),  # a later version: what version 00 knows of it
        ("cc" + GIVEN[2:] + "-what-the-future-will-be-like", GIVEN),
        ("cc" + GIVEN[2:] + ".what-the-future-will-not-be-like", None),
        (GIVEN + "-more", None),
        ("ff" + GIVEN[2:], None),
        (GIVEN.upper(), None),
        (GIVEN[:-1], None),
        (GIVEN + "\n", None),
        (GIVEN.replace(TRACE, "0" * 32), None),
        (GIVEN.replace("00f067aa0ba902b7", "0" * 16), None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_what_w3c_calls_malformed_is_ignored(given, taken_up):
    assert traces.parsed(given) == taken_up


def test_a_trace_that_begins_here_is_a_good_one_and_another_each_time():
    begun = {traces.begun() for _ in range(10)}
    assert len(begun) == 10
    assert {traces.parsed(each) for each in begun} == begun


def test_it_is_followed_as_long_as_the_block_lasts():
    with traces.following(GIVEN):
        with traces.following(None):
            assert traces.current() is None
        assert traces.current() == GIVEN
    assert traces.current() is None


LOGGING = f"""
import logging, structlog
from services.kernel import logs, traces

logs.configure()
with traces.following({GIVEN!r}):
    structlog.get_logger().info("ours")
    logging.getLogger("theirs").warning("theirs")
structlog.get_logger().info("of none")
"""


def test_every_line_of_ours_and_of_libraries_bears_the_trace_that_is_followed():
    lines = [orjson.loads(line) for line in python(LOGGING).stderr.splitlines()]
    assert [(line["event"], line.get("trace_id")) for line in lines] == [
        ("ours", TRACE),
        ("theirs", TRACE),
        ("of none", None),
    ]


def test_the_events_of_a_command_bear_its_trace(pool, master_key, calls_connection):
    asking = Asking(pool, master_key)
    with traces.following(GIVEN):
        assert "refused" not in asking.assign(uuid4(), "Ada")
    asking.assign(uuid4(), "Eve")
    stored = calls_connection.execute("SELECT metadata->>'traceparent' FROM store.events ORDER BY position")
    assert stored.fetchall() == [(GIVEN,), (None,)]


def test_a_read_model_that_fails_names_the_traces_of_its_batch(calls_connection):
    read_model, traced = Poisoned(), {"traceparent": GIVEN}
    events = [NewEvent(uuid4(), uuid4(), "counted", {}, NOON, metadata=each) for each in (traced, traced, {})]
    with calls_connection.transaction(), calls_connection.cursor() as db:
        store.append(db, events, {})
    until_readable(calls_connection)
    generation = create(calls_connection, read_model)
    generation.enter(calls_connection)
    with capture_logs() as lines, pytest.raises(ValueError, match="poison"):
        generation.step(calls_connection)
    (failed,) = [line for line in lines if line["event"] == "projection.batch_failed"]
    assert (failed["projection"], failed["events"], failed["trace_ids"]) == ("tally", 3, [TRACE])
