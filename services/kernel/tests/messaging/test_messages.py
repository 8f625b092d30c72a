"""How messages become batches, and batches smaller ones."""

from datetime import UTC, datetime

import orjson
import psycopg
import pytest
from psycopg import errors

from services.kernel.messaging.failures import is_of_content
from services.kernel.messaging.messages import Batch, Delivery, Inbox, Limits, Message
from services.kernel.store import Conflict
from services.kernel.values import Unavailable


def message(tag, facts=1, size=10):
    return Message(tag, {"facts": facts}, b"x" * size)


def inbox_of(*messages, **limits):
    inbox = Inbox(Limits(linger=3600)._replace(**limits))
    for each in messages:
        inbox.put(each)
    return inbox


def test_an_empty_inbox_is_never_due():
    assert inbox_of().due_in() is None


@pytest.mark.parametrize(
    ("messages", "limits"),
    [
        ([message(1, facts=6), message(2, facts=4)], {"facts": 10}),
        ([message(1, size=60), message(2, size=40)], {"size": 100}),
        ([message(1), message(2)], {"prefetch": 2}),  # the broker sends no more
        ([message(1)], {"linger": 0}),
    ],
)
def test_a_batch_is_due_at_the_first_limit_reached(messages, limits):
    assert inbox_of(*messages, **limits).due_in() == 0
    if len(messages) > 1:
        assert inbox_of(messages[0], **limits).due_in() > 0


def test_a_batch_is_cut_before_the_message_that_would_exceed_a_limit():
    inbox = inbox_of(*(message(tag, facts=4) for tag in range(1, 6)), facts=10)
    assert [[each.tag for each in inbox.take()] for _ in range(4)] == [[1, 2], [3, 4], [5], []]


def test_a_message_larger_than_the_limits_is_a_batch_of_its_own():
    inbox = inbox_of(message(1, facts=50), message(2), facts=10)
    assert [[each.tag for each in inbox.take()] for _ in range(2)] == [[1], [2]]


def test_a_taken_message_counts_no_more():
    inbox = inbox_of(message(1, facts=10), message(2, facts=9), facts=10)
    inbox.take()
    assert inbox.due_in() > 0


@pytest.mark.parametrize("body", [b"{}", b"[1", b"", b"\xff", b'"text"'])
def test_a_body_that_is_not_a_json_array_has_no_facts(body):
    assert Message(1, {}, body).facts() is None


def test_headers_that_say_nonsense_say_nothing():
    assert Delivery.of({"publisher": 7, "published": "many", "facts": None}) == Delivery()
    assert Message(1, {"facts": "many"}, b"[]").announced == 1


FIRST, SECOND = (f"00-{digit * 32}-{digit * 16}-00" for digit in "12")


@pytest.mark.parametrize(
    ("told", "traced"),
    [
        ([[0, FIRST]], {0: FIRST, 1: FIRST, 2: FIRST}),
        ([[1, FIRST], [2, SECOND]], {1: FIRST, 2: SECOND}),
        ([[0, FIRST], [1, None]], {0: FIRST}),
        ([[0, "no traceparent"], [2, SECOND]], {2: SECOND}),
        ([[-5, FIRST], [1, None], [2, SECOND], [9, FIRST]], {0: FIRST, 2: SECOND}),
        ([FIRST, [0], ["0", FIRST], None], {}),
        (FIRST, {}),
        (None, {}),
    ],
)
def test_traces_are_of_the_facts_behind_them_as_far_as_the_header_makes_sense(told, traced):
    assert Message(1, {"traces": told}, b"[1, 2, 3]").traces(3) == traced
    assert Message(1, {}, b"[1, 2, 3]").traces(3) == {}


def test_parts_keep_the_traces_of_their_facts():
    traced = {1: FIRST, 3: SECOND, 4: FIRST}
    batch = Batch("q", [{"id": each} for each in "abcde"], (), datetime.now(UTC), traced)
    assert [part.traces for part in batch.parts()] == [{1: FIRST}, {0: SECOND, 1: FIRST}]


def test_parts_keep_the_order_and_end_in_single_facts():
    deliveries = (Delivery("p", 5, 5),)
    pending, singles = [Batch("q", [{"id": each} for each in "abcde"], deliveries, datetime.now(UTC))], []
    while pending:
        batch = pending.pop()
        parts = batch.parts()
        pending += reversed(parts)
        if not parts:
            singles.append((batch.facts, batch.deliveries))
    assert singles == [*(([{"id": each}], ()) for each in "abcde"), ([], deliveries)]


@pytest.mark.parametrize(
    "error",
    [
        ValueError("strange"),
        errors.InvalidTextRepresentation("22P02"),
        errors.CheckViolation("23514"),
        errors.ProgramLimitExceeded("54000: index row too long"),
        psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"),
        psycopg.ProgrammingError("cannot adapt type"),
        orjson.JSONEncodeError("not serializable"),
    ],
)
def test_a_failure_that_the_facts_cause_is_of_content(error):
    assert is_of_content(error)


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("away"),
        Conflict("later"),
        ConnectionResetError("gone"),
        psycopg.OperationalError("the connection is closed"),
        psycopg.InterfaceError("the connection is closed"),
        errors.AdminShutdown("57P01"),
        errors.DiskFull("53100"),
        errors.ReadOnlySqlTransaction("25006"),
        errors.UndefinedTable("42P01: migrate first"),
        errors.InsufficientPrivilege("42501"),
    ],
)
def test_a_failure_of_the_world_around_passes(error):
    assert not is_of_content(error)
