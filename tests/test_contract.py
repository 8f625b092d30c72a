"""Random input of every operation: never a 500, and every answer is shaped as the OpenAPI document says."""

from urllib.parse import quote

import orjson
import pika
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate

from services.calls.domain.vocabulary import VOCABULARY
from services.kernel.ingest_queues import IngestQueues, dead
from tests.caller import EVENTS
from tests.contract import Contract
from tests.facts import NINE, fact

JSON = {"Content-Type": "application/json"}

# A machine that is busy otherwise is no fault of ours.
patiently = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
leaves = st.none() | st.booleans() | numbers | st.text(max_size=30)
junk = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
instants = st.datetimes().map(lambda instant: f"{instant.isoformat()}Z")
names = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=20)
seconds = st.floats(0, 1e7) | st.integers(0, 10**7)
data = st.dictionaries(
    st.sampled_from(["wait_seconds", "talk_seconds", "position", "reason", "queues", "code", "location", "cancelled"]),
    seconds | names | junk,
    max_size=4,
)
FIELDS = {
    "id": names,
    "source": st.just("fuzz"),
    "type": st.sampled_from([*VOCABULARY, "call.invented", "agent.invented"]),
    "call_id": st.sampled_from(["f-1", "f-2", "f-3"]) | names,
    "occurred_at": instants,
    "sequence": st.integers(0, 9),
    "queue": st.sampled_from(["fuzz-a", "fuzz-b"]) | names,
    "agent": names,
    "direction": st.sampled_from(["inbound", "outbound"]),
    "from": st.just("+33199001234"),
    "record": names,
    "record_version": numbers | names,
    "data": data,
}


@st.composite
def almost_facts(draw):
    """A fact of which some fields are missing or are anything."""
    kept = {name: draw(strategy) for name, strategy in FIELDS.items() if draw(st.integers(0, 9))}
    spoiled = draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=2))
    return (
        kept
        | {name: draw(junk) for name in spoiled if draw(st.booleans())}
        | draw(st.dictionaries(st.text(max_size=8), junk, max_size=2))
    )


def encode(content):
    try:
        return orjson.dumps(content)
    except TypeError:  # integers that it does not write but others do
        return str(content).replace("'", '"').encode()


@pytest.fixture(scope="module")
def contract(administrator):
    document = administrator.get("/openapi.json")
    validate(document)
    return Contract(document)


@patiently
@example(items=[fact("f-1", "queued", NINE, "fuzz", queue="fuzz-a")])  # one at least that is certainly accepted
@given(items=st.lists(almost_facts() | junk, min_size=1, max_size=6))
def test_of_any_items_each_is_accepted_or_pointed_at(administrator, contract, items):
    answer = administrator.http.post(EVENTS, content=encode(items), headers=JSON)
    assert answer.status_code in {202, 400}, answer.text
    contract.holds("POST", EVENTS, answer)
    if answer.status_code == 202:
        verdicts = answer.json()
        assert verdicts["accepted"] + len(verdicts["rejected"]) == len(items)


@patiently
@given(body=st.binary(max_size=200) | junk.map(encode), media_type=st.sampled_from(["json", "x-ndjson", "xml"]))
def test_any_bytes_get_an_answer_of_the_contract(administrator, contract, body, media_type):
    answer = administrator.http.post(EVENTS, content=body, headers={"Content-Type": f"application/{media_type}"})
    assert answer.status_code < 500
    contract.holds("POST", EVENTS, answer)


def test_whatever_was_accepted_could_be_stored(administrator, stack):
    administrator.settle()
    with pika.BlockingConnection(pika.URLParameters(stack.servers.rabbitmq.url)) as connection:
        for name in IngestQueues.of("calls", {}).names:
            state = connection.channel().queue_declare(dead(name), passive=True)
            assert state.method.message_count == 0
    assert administrator.items("/v1/calls", source="fuzz")


def values_for(schema):
    """Mostly what a parameter may be, sometimes anything."""
    anything = st.text(max_size=20) | st.sampled_from(["", "0", "-1", "1e400", "null", "9" * 40, "\N{SNOWMAN}"])
    if "enum" in schema:
        return st.sampled_from([str(value) for value in schema["enum"]]) | anything
    kinds = {"date-time": instants, "uuid": st.uuids().map(str)}
    if schema.get("format") in kinds:
        return kinds[schema["format"]] | anything
    if {"integer", "number"} & {*([schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", []))}:
        return st.integers(0, 600).map(str) | anything
    return st.sampled_from(["fuzz", "fuzz-a", "Europe/Paris", "f-1"]) | anything


@settings(patiently, max_examples=400)
@given(chooser=st.data())
def test_any_parameters_get_an_answer_of_the_contract(administrator, contract, chooser):
    method, path, described = chooser.draw(st.sampled_from(contract.answered("GET")))
    asked, filled = {}, path
    for parameter in described["parameters"]:
        name, value = parameter["name"], chooser.draw(values_for(parameter["schema"]), parameter["name"])
        if parameter["in"] == "path":
            filled = filled.replace(f"{{{name}}}", quote(value, safe="").replace(".", "%2E") or "x")
        elif parameter["in"] == "query" and (parameter.get("required") or chooser.draw(st.booleans())):
            asked[name] = value
    answer = administrator.http.get(filled, params=asked)
    assert answer.status_code < 500, answer.text
    contract.holds(method, path, answer)
