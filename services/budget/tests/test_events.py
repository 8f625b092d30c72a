"""Every event type that is stored has a golden file for ever: its shape, an event as it was stored, and what it means.

What a golden file says was stored, and what that means, is never changed: the events cannot be changed either.
"""

from pathlib import Path
from typing import Any

import orjson
import pytest
from marshmallow import fields, validate

from services.budget.api import api
from services.kernel import schemas
from services.kernel.decider import event_type

GOLDEN = Path(__file__).parent / "events"
DECIDED = {
    event_type(cls): cls
    for things in {case.things.prefix: case.things for case in api.use_cases.values() if case.things}.values()
    for cls in things.events.values()
}

CHANGED = """The shape of {name} has changed, and events of version {version} lie in stores for ever.
Where each of them still fits (a wider limit, one more choice, one more field that may be absent), write the new shape
into {name}.v{version}.json. Else raise the version, write the step from the old shape as an upcaster, and add
{name}.v{next}.json beside the old file."""


def shape(name: str) -> dict[str, Any]:
    """What events of a type hold, as plain data."""
    return {key: _field(field) for key, field in schemas.schema_class(DECIDED[name])().fields.items()}


def _field(field: fields.Field) -> dict[str, Any]:
    inner = {"of": _field(field.inner)} if isinstance(field, fields.List) else {}
    nested = {"of": {key: _field(each) for key, each in field.schema.fields.items()}} if _nests(field) else {}
    choices = [list(check.choices) for check in field.validators if isinstance(check, validate.OneOf)]
    required = {"required": True} if field.required else {}
    return {"is": type(field).__name__, "null": field.allow_none, **required, **inner, **nested} | (
        {"one_of": choices[0]} if choices else {}
    )


def _nests(field: fields.Field) -> bool:
    return isinstance(field, fields.Nested)


def golden() -> list[tuple[str, int, dict[str, Any]]]:
    found = []
    for path in sorted(GOLDEN.glob("*.json")):
        name, _, version = path.stem.rpartition(".v")
        found.append((name, int(version), orjson.loads(path.read_bytes())))
    return found


def test_every_type_that_is_stored_has_a_golden_file_of_its_version():
    newest = {name: max(version for n, version, _ in golden() if n == name) for name, _, _ in golden()}
    current = {name: cls.schema_version for name, cls in DECIDED.items()}
    assert newest == current, "Add the golden file of a new type or version; never take one away."


@pytest.mark.parametrize("name", DECIDED)
def test_a_shape_changes_only_with_its_version(name):
    version = DECIDED[name].schema_version
    (snapshot,) = [file["shape"] for n, v, file in golden() if (n, v) == (name, version)]
    assert shape(name) == snapshot, CHANGED.format(name=name, version=version, next=version + 1)


@pytest.mark.parametrize(("name", "version", "file"), golden(), ids=lambda value: str(value) if value else None)
def test_todays_code_reads_what_was_stored_as_it_was_meant(name, version, file):
    assert schemas.dump(schemas.revive(DECIDED[name], file["stored"])) == file["means"]
