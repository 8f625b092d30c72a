"""One request followed through the system by the trace that its sender says it takes part in."""

from uuid import uuid4

import orjson
import psycopg
import pytest

from tests.caller import EVENTS, eventually
from tests.facts import NINE, fact, new_call

METADATA = "SELECT data->>%s, metadata->>'traceparent' FROM store.events WHERE data->>%s = ANY(%s)"


@pytest.fixture
def trace():
    """A trace id that nothing else has."""
    return uuid4().hex


def header(trace):
    return {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}


def kept(stack, name, *values):
    """The traceparent of the events whose `name` is one of these."""
    with psycopg.connect(stack.settings()["PLATEAU_CALLS_DATABASE_URL"]) as connection:
        return dict(connection.execute(METADATA, (name, name, list(values))).fetchall())


def told(stack, program, event, trace):
    """The line of that name that a process logs of a trace."""
    path = stack.servers.supervisor.logs / f"{program}.log"

    def logged():
        lines = [orjson.loads(line) for line in path.read_text().splitlines() if trace in line]
        return next((line for line in lines if line["event"] == event), None)

    return eventually(logged)


def test_a_fact_is_found_by_its_trace_at_the_door_in_the_store_and_behind_the_read_models(
    stack, administrator, queue, trace
):
    traced, bare = new_call(), new_call()
    for call, headers in ((traced, header(trace)), (bare, {})):
        assert administrator.http.post(EVENTS, json=fact(call, "queued", NINE, queue=queue), headers=headers).is_success
    administrator.settle()
    assert kept(stack, "call_id", traced, bare) == {traced: header(trace)["traceparent"], bare: None}
    assert told(stack, "gateway", "request.answered", trace)["route"] == EVENTS
    assert trace in told(stack, "calls-ingest", "ingest.stored", trace)["trace_ids"]
    assert trace in told(stack, "calls-projections", "projection.batch_applied", trace)["trace_ids"]


def test_a_command_is_found_by_its_trace_at_the_door_in_the_service_and_in_the_store(
    stack, administrator, queue, trace
):
    answer = administrator.http.put(f"/v1/queues/{queue}", json={"timezone": "Europe/Paris"}, headers=header(trace))
    assert answer.status_code == 201
    assert kept(stack, "queue", queue) == {queue: header(trace)["traceparent"]}
    assert told(stack, "gateway", "request.answered", trace)["status"] == 201
    assert told(stack, "calls", "command.executed", trace)["use_case"] == "ConfigureQueue"


def test_a_malformed_trace_is_ignored(stack, administrator, queue):
    call = new_call()
    sent = fact(call, "queued", NINE, queue=queue)
    assert administrator.http.post(EVENTS, json=sent, headers={"traceparent": "00-zz"}).is_success
    administrator.settle()
    assert kept(stack, "call_id", call) == {call: None}
