"""The shape in which a fact is kept, its schema, and its place in the store."""

import json
import math
from itertools import chain
from uuid import UUID

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.calls.domain.facts import canonical, event_id, stream_id, subject
from services.calls.domain.vocabulary import FIELDS, RANK, VOCABULARY, fact_schema, needs
from services.calls.tests.samples import ANSWERED, faults, item, of_type


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2026-11-21T09:14:03Z", "2026-11-21T09:14:03+00:00"),
        ("2026-11-21T09:14:03.12Z", "2026-11-21T09:14:03.120000+00:00"),
        ("2026-11-21T09:14:03.1234567Z", "2026-11-21T09:14:03.123456+00:00"),
        ("2026-11-21 09:14:03.000Z", "2026-11-21T09:14:03+00:00"),
        ("2026-11-21t09:14:03z", "2026-11-21T09:14:03+00:00"),
        ("2026-11-21T10:14:03.5+01:00", "2026-11-21T09:14:03.500000+00:00"),
        ("2026-11-21T09:14:03-00:00", "2026-11-21T09:14:03+00:00"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00"),
        ("2017-01-01T00:59:60.25+01:00", "2017-01-01T00:00:00.250000+00:00"),
    ],
)
def test_an_instant_is_kept_in_utc_a_leap_second_as_the_second_after_it(sent, kept):
    assert canonical(item(occurred_at=sent))["occurred_at"] == kept


@pytest.mark.parametrize("value", ["x" * 200, "a b", "file à 10 €", "non\u00a0breaking", "通話", " "])
def test_a_name_is_any_text_and_kept_exactly(value):
    assert canonical(item(queue=value))["queue"] == value


def test_a_good_fact_keeps_its_fields_without_the_nulls():
    assert canonical(ANSWERED) == {
        **{name: value for name, value in ANSWERED.items() if value is not None},
        "occurred_at": "2026-11-21T09:14:03.120000+00:00",
        "data": {"wait_seconds": 12},
    }
    assert "data" not in canonical(item(data={}))
    assert "data" not in canonical(item(data={"wait_seconds": None}))


@pytest.mark.parametrize(("sent", "kept"), [(3, "3"), (2.5, "2.5"), ("v3", "v3")])
def test_a_record_version_is_kept_as_text(sent, kept):
    assert canonical(item(record="row", record_version=sent))["record_version"] == kept


@pytest.mark.parametrize("value", [True, math.inf, [], pytest.param(10**5000, id="huge")])
def test_a_record_version_is_text_or_a_number(value):
    assert [pointer for pointer, _ in faults(item(record="row", record_version=value))] == ["/record_version"]


def test_digests_and_instants_in_data_are_kept_in_one_form():
    sent = of_type("call.recorded", sha256="AB" * 32, started_at="2026-11-21T10:00:00+01:00", seconds=3, notice=True)
    assert canonical(sent)["data"] == {
        "location": "recordings/1",
        "sha256": "ab" * 32,
        "started_at": "2026-11-21T09:00:00+00:00",
        "seconds": 3,
        "notice": True,
    }


def test_what_has_no_name_is_kept_sealed_under_raw():
    sent = item(mood="sunny", data={"wait_seconds": 12, "skill": "fr"})
    assert canonical(sent)["data"] == {
        "wait_seconds": 12,
        "raw": {"fields": {"mood": "sunny"}, "data": {"skill": "fr"}},
    }
    assert canonical(item(mood="sunny", data=None))["data"] == {"raw": {"fields": {"mood": "sunny"}}}


def test_what_the_sender_kept_under_raw_stays_beside_it():
    assert canonical(item(x=1, data={"raw": {"a": 1}}))["data"]["raw"] == {"a": 1, "fields": {"x": 1}}
    assert canonical(item(x=1, data={"raw": "line"}))["data"]["raw"] == {"raw": "line", "fields": {"x": 1}}
    sent = item(x=1, data={"raw": {"fields": 2}})
    assert canonical(sent)["data"]["raw"] == {"raw": {"fields": 2}, "fields": {"x": 1}}


@pytest.mark.parametrize("family", ["call", "agent"])
def test_an_unknown_type_is_noted_with_all_it_said(family):
    noted = canonical(item(type=f"{family}.whispered", data={"to": [1, None]}))
    assert noted["type"] == f"{family}.noted"
    assert noted["data"] == {"original_type": f"{family}.whispered", "raw": {"to": [1, None]}}
    assert canonical(item(type=f"{family}.whispered", data=None))["data"] == {"original_type": f"{family}.whispered"}


def test_an_unknown_type_still_needs_its_call_or_agent():
    assert faults(item(type="call.whispered", call_id=None)) == [("/call_id", "required")]
    assert faults(item(type="agent.whispered", agent=None)) == [("/agent", "required")]


@pytest.mark.parametrize("sent", [ANSWERED, item(type="call.whispered", x=[1]), *map(of_type, VOCABULARY)])
def test_a_canonical_fact_is_canonical(sent):
    fact = canonical(sent)
    assert canonical(fact) == fact
    assert canonical(json.loads(json.dumps(fact))) == fact


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
names = st.sampled_from([*FIELDS, *chain.from_iterable(kind.carries for kind in VOCABULARY.values()), "raw", "stray"])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(names, json_values),
    st.dictionaries(names, json_values),
    st.sampled_from([*VOCABULARY, "call.x", "x"]),
)
def test_whatever_is_sent_is_taken_or_refused_and_what_is_taken_can_be_stored(fields, data, kind):
    found = canonical({**of_type(kind if kind in VOCABULARY else "call.noted"), **fields, "type": kind, "data": data})
    if isinstance(found, list):
        assert found
        assert all(fault.pointer.startswith("/") and fault.code and fault.detail for fault in found)
    else:
        assert "\\u0000" not in json.dumps(found, allow_nan=False)
        json.dumps(found, ensure_ascii=False).encode()


@pytest.mark.parametrize("kind", VOCABULARY)
def test_the_schema_accepts_the_least_fact_of_each_type_and_asks_for_what_it_needs(kind):
    check = jsonschema.Draft202012Validator(fact_schema())
    least = of_type(kind)
    check.validate(least)
    for name in set(needs(kind)) | set(VOCABULARY[kind].either):
        short = {key: value for key, value in least.items() if key != name and key != name.partition(".")[0]}
        assert check.is_valid(short) == isinstance(canonical(short), dict)


def test_the_schema_is_sound_and_refuses_what_is_refused():
    jsonschema.Draft202012Validator.check_schema(fact_schema())
    check = jsonschema.Draft202012Validator(fact_schema())
    check.validate(ANSWERED)
    check.validate(item(type="call.whispered", anything=[1]))
    check.validate(item(data={"wait_seconds": -1}))
    assert canonical(item(data={"wait_seconds": -1}))["data"] == {"wait_seconds": -1}
    refused = [
        item(type="crm.noted"),
        item(direction="sideways"),
        item(sequence=-1),
        item(to="0199000001"),
        item(data={"wait_seconds": 40_000_000}),
        of_type("call.queue_left") | {"data": {"reason": "bored"}},
        of_type("call.queue_left") | {"data": {"reason": None}},
        of_type("call.queued") | {"queue": None},
    ]
    assert not any(check.is_valid(sent) for sent in refused)
    assert all(isinstance(canonical(sent), list) for sent in refused)


def test_a_fact_is_about_its_call_its_agent_or_its_source():
    assert subject(canonical(ANSWERED)) == ("call", "1717397243.239826")
    assert subject(canonical(of_type("agent.paused"))) == ("agent", "a-1042")
    assert subject(canonical(of_type("source.restarted"))) == ("source", "")


def test_ids_are_the_same_for_ever():
    call = stream_id("pbx1", "call", "1717397243.239826")
    assert call == UUID("36288ec6-a6f1-5fd6-9113-29d116aca806")
    assert event_id(call, "pbx1-1717397259.239826-3") == UUID("3600503c-68dc-5ce1-b9e9-24022e6801e7")
    assert (
        len({call, stream_id("pbx1", "agent", "1717397243.239826"), stream_id("pbx2", "call", "1717397243.239826")})
        == 3
    )


def test_the_order_of_a_calls_life():
    life = [
        "call.started",
        "call.queued",
        "call.ringing",
        "call.answered",
        "call.held",
        "call.transferred",
        "call.ended",
        "call.wrapup_ended",
    ]
    assert sorted(life, key=RANK.__getitem__) == life
