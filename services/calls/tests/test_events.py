"""Facts and inferred ends have golden files too, and what these mean is what the fold makes of them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from services.calls.api import api
from services.calls.domain.fold import Fact, fold
from services.calls.domain.reaper import CallClosedByInference
from services.calls.domain.vocabulary import VOCABULARY, FactType, fact_schema, needs
from services.calls.ingest import personal_fields, without_personal_fields
from services.calls.projections.agents import KINDS, mark_rows
from services.calls.projections.stories import microseconds
from services.kernel.decider import event_type
from services.kernel.store import StoredEvent
from services.kernel.tests import golden
from services.kernel.tests.golden import golden_files, keeps_its_shape, newest, shape_of, stored_by

FACT_VERSION = 1  # what ingest writes
CLOSED = event_type(CallClosedByInference)
CURRENT = dict.fromkeys(VOCABULARY, FACT_VERSION) | {CLOSED: CallClosedByInference.schema_version}

FILES = golden_files("calls")


def shape(name: str) -> dict[str, Any]:
    """What events of a type hold, as plain data."""
    if name == CLOSED:
        return shape_of(CallClosedByInference)
    kind: FactType = VOCABULARY[name]
    named = {key: form.schema for key, form in kind.carries.items()}
    envelope = fact_schema()["properties"]
    return {"needs": list(needs(name)), "either": list(kind.either), "carries": named, "envelope": sorted(envelope)}


def meaning(name: str, stored: dict[str, Any]) -> Any:
    """What today's code makes of a stored event."""
    if name == CLOSED:
        return golden.meaning(CallClosedByInference, stored)
    at = datetime.fromisoformat(stored["occurred_at"])
    if name in KINDS:
        event = StoredEvent(UUID(int=1), 1, UUID(int=2), name, 1, stored, {}, at, at, 1, 1)
        return [[*row[:4], *row[13:15]] for row in mark_rows(event, {}, {})]
    if not name.startswith("call."):
        return [stored["source"], microseconds(at)]
    call = fold([Fact.of(UUID(int=2), stored, microseconds(at))])
    return {
        "state": call.state,
        "outcome": call.outcome,
        "started_at": call.started_at,
        "excluded": call.excluded,
        "disposition": call.disposition,
        "said": [call.direction, call.channel, call.campaign, call.root_call_id, call.parent_call_id],
        "visits": [[visit.queue, visit.outcome, visit.reason, visit.wait_ms] for visit in call.visits],
        "legs": [[leg.queue, leg.agent, leg.talk_ms, leg.hold_ms, leg.wrapup_ms] for leg in call.legs],
    }


def test_every_type_that_is_stored_has_a_golden_file_of_its_version():
    decided = {name: cls.schema_version for name, cls in stored_by(api).items()}
    assert newest(FILES) == CURRENT | decided, "Add the golden file of a new type or version; never take one away."


@pytest.mark.parametrize("name", CURRENT)
def test_a_shape_changes_only_with_its_version(name):
    keeps_its_shape(shape(name), name, CURRENT[name], FILES)


@pytest.mark.parametrize("file", [file for file in FILES if file.name in CURRENT], ids=lambda file: file.name)
def test_todays_code_reads_what_was_stored_as_it_was_meant(file):
    assert meaning(file.name, file.stored) == file.means


@pytest.mark.parametrize("name", VOCABULARY)
def test_no_golden_fact_holds_a_personal_field(name):
    (stored,) = [file.stored for file in FILES if file.name == name]
    assert personal_fields(stored) == {}
    assert without_personal_fields(stored) == stored
