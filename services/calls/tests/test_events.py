"""Every event type that is stored has a golden file for ever: its shape, an event as it was stored, and what it means.

What a golden file says was stored, and what that means, is never changed: the events cannot be changed either.
"""

from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from marshmallow import fields, validate

from services.calls.api import api
from services.calls.domain.fold import Fact, fold
from services.calls.domain.reaper import CallClosedByInference
from services.calls.domain.vocabulary import VOCABULARY, FactType, fact_schema, needs
from services.calls.ingest import personal_fields, without_personal_fields
from services.calls.projections.agents import KINDS, AgentMarks
from services.calls.projections.stories import microseconds
from services.kernel import schemas
from services.kernel.decider import event_type
from services.kernel.store import StoredEvent

GOLDEN = Path(__file__).parent / "events"
FACT_VERSION = 1  # what ingest writes

DECIDED = {
    event_type(cls): cls
    for things in {case.things.prefix: case.things for case in api.use_cases.values() if case.things}.values()
    for cls in things.events.values()
} | {event_type(CallClosedByInference): CallClosedByInference}
CURRENT = dict.fromkeys(VOCABULARY, FACT_VERSION) | {name: cls.schema_version for name, cls in DECIDED.items()}

CHANGED = """The shape of {name} has changed, and events of version {version} lie in stores for ever.
Where each of them still fits (a wider limit, one more choice, one more field that may be absent), write the new shape
into {name}.v{version}.json. Else raise the version, write the step from the old shape as an upcaster, and add
{name}.v{next}.json beside the old file."""


def shape(name: str) -> dict[str, Any]:
    """What events of a type hold, as plain data."""
    if name in VOCABULARY:
        kind: FactType = VOCABULARY[name]
        named = {key: form.schema for key, form in kind.carries.items()}
        envelope = fact_schema()["properties"]
        return {"needs": list(needs(name)), "either": list(kind.either), "carries": named, "envelope": sorted(envelope)}
    made = schemas.schema_class(DECIDED[name])()
    return {key: _field(field) for key, field in made.fields.items()}


def _field(field: fields.Field) -> dict[str, Any]:
    inner = {"of": _field(field.inner)} if isinstance(field, fields.List) else {}
    choices = [list(check.choices) for check in field.validators if isinstance(check, validate.OneOf)]
    required = {"required": True} if field.required else {}
    return {"is": type(field).__name__, "null": field.allow_none, **required, **inner} | (
        {"one_of": choices[0]} if choices else {}
    )


def meaning(name: str, stored: dict[str, Any]) -> Any:
    """What today's code makes of a stored event."""
    if name in DECIDED:
        return schemas.dump(schemas.revive(DECIDED[name], stored))
    at = datetime.fromisoformat(stored["occurred_at"])
    if name in KINDS:
        event = StoredEvent(UUID(int=1), 1, UUID(int=2), name, 1, stored, {}, at, at, 1, 1)
        return [[*row[:4], *row[-2:]] for row in AgentMarks()._rows(event)]
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


def golden() -> list[tuple[str, int, dict[str, Any]]]:
    found = []
    for path in sorted(GOLDEN.glob("*.json")):
        name, _, version = path.stem.rpartition(".v")
        found.append((name, int(version), orjson.loads(path.read_bytes())))
    return found


def test_every_type_that_is_stored_has_a_golden_file_of_its_version():
    newest = {name: max(version for n, version, _ in golden() if n == name) for name, _, _ in golden()}
    assert newest == CURRENT, "Add the golden file of a new type or version; never take one away."


@pytest.mark.parametrize("name", CURRENT)
def test_a_shape_changes_only_with_its_version(name):
    version = CURRENT[name]
    (snapshot,) = [file["shape"] for n, v, file in golden() if (n, v) == (name, version)]
    assert shape(name) == snapshot, CHANGED.format(name=name, version=version, next=version + 1)


@pytest.mark.parametrize(("name", "version", "file"), golden(), ids=lambda value: str(value) if value else None)
def test_todays_code_reads_what_was_stored_as_it_was_meant(name, version, file):
    assert meaning(name, file["stored"]) == file["means"]


@pytest.mark.parametrize("name", VOCABULARY)
def test_no_golden_fact_holds_a_personal_field(name):
    (stored,) = [file["stored"] for n, _, file in golden() if n == name]
    assert personal_fields(stored) == {}
    assert without_personal_fields(stored) == stored
