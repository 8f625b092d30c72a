"""What is not taken as a fact, and what is said of everything that is wrong with one."""

import math

import pytest

from services.calls.domain.facts import canonical
from services.calls.domain.vocabulary import VOCABULARY, needs
from services.calls.tests.samples import faults, item, of_type


@pytest.mark.parametrize("sent", [None, 1, "x", [], True])
def test_a_fact_is_an_object(sent):
    assert faults(sent) == [("", "invalid_type")]


def test_all_faults_of_an_item_are_listed():
    sent = {
        "id": "",
        "type": "call.queue_left",
        "occurred_at": "2026-11-21T09:14:03",
        "sequence": -1,
        "from": "withheld",
        "data": {"reason": "bored", "wait_seconds": True},
    }
    assert faults(sent) == [
        ("/id", "empty"),
        ("/occurred_at", "missing_offset"),
        ("/sequence", "out_of_range"),
        ("/from", "invalid_phone_number"),
        ("/data/reason", "not_allowed"),
        ("/data/wait_seconds", "invalid_type"),
        ("/source", "required"),
        ("/call_id", "required"),
        ("/queue", "required"),
    ]


def test_what_every_fact_needs_is_asked_for_even_without_a_type():
    assert faults({}) == [(f"/{name}", "required") for name in ("id", "source", "type", "occurred_at")]


@pytest.mark.parametrize("kind", VOCABULARY)
def test_each_type_asks_for_what_it_needs(kind):
    wanted = [f"/{name.replace('.', '/')}" for name in needs(kind)]
    assert isinstance(canonical(of_type(kind)), dict)
    bare = {"type": kind}
    assert {pointer for pointer, code in faults(bare) if code == "required"} >= set(wanted) - {"/type"}


def test_an_answer_needs_an_agent_or_a_queue():
    assert faults(item(agent=None, queue=None)) == [("/agent", "required")]
    assert faults(item(agent=None, queue="")) == [("/queue", "empty")]
    assert isinstance(canonical(item(agent=None)), dict)
    assert isinstance(canonical(item(queue=None)), dict)


@pytest.mark.parametrize("kind", ["crm.noted", "call", "call.", "source.stopped", "CALL.queued", ".queued"])
def test_a_type_of_another_family_is_refused(kind):
    assert faults(item(type=kind)) == [("/type", "unknown_type")]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (7, "invalid_type"),
        ("2026-11-21T09:14:03", "missing_offset"),
        ("2026-11-21", "missing_offset"),
        ("tomorrow", "invalid_instant"),
        ("20261121T091403Z", "invalid_instant"),
        ("2026-11-21T09:14:03,5Z", "invalid_instant"),
        ("2026-11-21T09:14Z", "invalid_instant"),
        ("2026-02-29T09:14:03Z", "invalid_instant"),
        ("2026-11-21T24:00:00Z", "invalid_instant"),
        ("2026-11-21T09:14:03+25:00", "invalid_instant"),
        ("٢٠٢٦-11-21T09:14:03Z", "invalid_instant"),
        ("2026-11-21T09:14:60Z", "invalid_instant"),
        ("2026-02-30T23:59:60Z", "invalid_instant"),
        ("0000-01-01T00:00:00Z", "invalid_instant"),
        ("0001-01-01T00:00:00+14:00", "instant_out_of_range"),
        ("9999-12-31T23:59:59-14:00", "instant_out_of_range"),
        ("1899-12-31T23:59:59Z", "instant_out_of_range"),
        ("9999-01-01T00:00:00Z", "instant_out_of_range"),
    ],
)
def test_an_instant_is_of_rfc_3339_with_its_offset_and_of_these_centuries(value, code):
    assert faults(item(occurred_at=value)) == [("/occurred_at", code)]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (7, "invalid_type"),
        ("", "empty"),
        ("x" * 201, "too_long"),
        ("a\x00b", "invalid_characters"),
        ("a\nb", "invalid_characters"),
        ("a\x85b", "invalid_characters"),
        ("\ud800", "invalid_characters"),
    ],
)
@pytest.mark.parametrize("name", ["id", "source", "call_id", "queue", "agent", "campaign", "record", "root_call_id"])
def test_names_are_short_printable_strings(name, value, code):
    assert faults(item(**{name: value})) == [(f"/{name}", code)]


@pytest.mark.parametrize(
    "value", ["0199000001", "+0199000001", "+33 1 99 00 00 01", "+", "+3319900000112345", "+331990000é", 33]
)
def test_numbers_are_e164(value):
    assert faults(item(to=value)) == [("/to", "invalid_phone_number")]


@pytest.mark.parametrize(
    ("value", "code"), [("3", "invalid_type"), (True, "invalid_type"), (2.5, "invalid_type"), (2**63, "out_of_range")]
)
def test_a_sequence_is_a_whole_number_that_a_bigint_holds(value, code):
    assert faults(item(sequence=value)) == [("/sequence", code)]
    assert canonical(item(sequence=2**63 - 1))["sequence"] == 2**63 - 1
    assert canonical(item(sequence=3.0))["sequence"] == 3


def test_a_direction_is_one_of_three():
    assert faults(item(direction="sideways")) == [("/direction", "not_allowed")]
    assert faults(item(direction=["inbound"])) == [("/direction", "not_allowed")]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("12", "invalid_type"),
        (False, "invalid_type"),
        (math.nan, "out_of_range"),
        (math.inf, "out_of_range"),
        (-math.inf, "out_of_range"),
        (10**9, "out_of_range"),
    ],
)
def test_durations_are_seconds_within_a_year(value, code):
    assert faults(item(data={"wait_seconds": value})) == [("/data/wait_seconds", code)]


def test_a_duration_below_zero_is_kept_as_it_is_stated():
    assert canonical(item(data={"wait_seconds": -1.5}))["data"] == {"wait_seconds": -1.5}


def test_data_is_an_object():
    assert faults(item(data=[1])) == [("/data", "invalid_type")]
    assert faults(of_type("call.excluded") | {"data": "test"}) == [("/data", "invalid_type")]


@pytest.mark.parametrize(
    ("sent", "pointer", "code"),
    [
        (of_type("call.ring_no_answer", cancelled=1), "/data/cancelled", "invalid_type"),
        (of_type("call.disposition_set", flags="sale"), "/data/flags", "invalid_type"),
        (of_type("call.disposition_set", flags=["sale", ""]), "/data/flags/1", "empty"),
        (of_type("call.disposition_set", flags=["x"] * 101), "/data/flags", "too_long"),
        (of_type("call.recorded", sha256="abc"), "/data/sha256", "invalid_digest"),
        (of_type("call.ended", cause="a\x00b"), "/data/cause", "invalid_characters"),
        (of_type("call.recorded", notice={"a": [1, "\x00"]}), "/data/notice/a/1", "invalid_characters"),
        (of_type("call.noted", raw="\udfff"), "/data/raw", "invalid_characters"),
        (of_type("call.noted", raw={"a/b~c": math.nan}), "/data/raw/a~1b~0c", "out_of_range"),
        (of_type("call.noted", raw=[2**64]), "/data/raw/0", "out_of_range"),
        (of_type("call.noted", raw={"a": {1, 2}}), "/data/raw/a", "invalid_type"),
        (of_type("call.noted", raw={"\x00": 1}), "/data/raw/\\x00", "invalid_characters"),
    ],
)
def test_what_data_carries_is_checked_to_its_depth(sent, pointer, code):
    assert faults(sent) == [(pointer, code)]


def test_nesting_has_an_end():
    deep: object = 1
    for _ in range(33):
        deep = [deep]
    assert [code for _, code in faults(of_type("call.noted", raw=deep))] == ["too_deep"]


@pytest.mark.parametrize("name", ["agent_emotion", "agent_sentiment"])
def test_emotions_of_agents_are_not_accepted_anywhere(name):
    assert faults(item(**{name: "angry"})) == [(f"/{name}", "forbidden_field")]
    assert faults(item(data={name: "angry"})) == [(f"/data/{name}", "forbidden_field")]
    assert faults(item(type="call.scored", data={name: "angry"})) == [(f"/data/{name}", "forbidden_field")]
    assert faults(item(data={"raw": {"x": [{name: 1}]}})) == [(f"/data/raw/x/0/{name}", "forbidden_field")]
