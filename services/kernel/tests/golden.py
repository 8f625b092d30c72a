"""Golden files: every event type that is stored has one for ever, `services/<service>/tests/events/<type>.v<n>.json`.

It holds the `shape` of the event, an event as it was `stored` (its box opened), and what that `means`. What was stored,
and what that means, is never changed: the events cannot be changed either.
"""

from pathlib import Path
from typing import Any, NamedTuple

import orjson
from marshmallow import Schema, fields, validate

from services.kernel import schemas
from services.kernel.decider import event_type
from services.kernel.declarations import Api

SERVICES = Path(__file__).parents[2]

CHANGED = """The shape of {name} has changed, and events of version {version} lie in stores for ever.
Where each of them still fits (a wider limit, one more choice, one more field that may be absent), write the new shape
into {name}.v{version}.json. Else raise the version, write the step from the old shape as an upcaster, and add
{name}.v{next}.json beside the old file."""


class GoldenFile(NamedTuple):
    """What one of them says of a type and version."""

    name: str
    version: int
    shape: Any
    stored: dict[str, Any]
    means: Any


def golden_files(service: str) -> list[GoldenFile]:
    """Those of a service."""
    found = []
    for path in sorted((SERVICES / service / "tests/events").glob("*.json")):
        name, _, version = path.stem.rpartition(".v")
        found.append(GoldenFile(name, int(version), **orjson.loads(path.read_bytes())))
    return found


def newest(files: list[GoldenFile]) -> dict[str, int]:
    """The newest version of each type that has a file."""
    return {file.name: file.version for file in sorted(files, key=lambda file: file.version)}


def stored_by(api: Api) -> dict[str, type]:
    """The events that the things of a service store, and those that it publishes, by type."""
    published = {event_type(each.internal): each.internal for each in api.publications.values() if each.internal}
    return published | {name: cls for things in api.kinds for name, cls in things.events.items()}


def keeps_its_shape(shape: Any, name: str, version: int, files: list[GoldenFile]) -> None:
    """Fails where a type has another shape than the file of its version says."""
    (golden,) = [file.shape for file in files if (file.name, file.version) == (name, version)]
    assert shape == golden, CHANGED.format(name=name, version=version, next=version + 1)


def shape_of(cls: type) -> dict[str, Any]:
    """What events of a class hold, as plain data."""
    return _shape(schemas.schema_class(cls)())


def meaning(cls: type, stored: dict[str, Any]) -> dict[str, Any]:
    """What today's class makes of a stored event."""
    return schemas.dump(schemas.revive(cls, stored))


def _shape(schema: Schema) -> dict[str, Any]:
    return {key: _field(field) for key, field in schema.fields.items()}


def _field(field: fields.Field) -> dict[str, Any]:
    described: dict[str, Any] = {"is": type(field).__name__, "null": field.allow_none}
    if field.required:
        described["required"] = True
    if isinstance(field, fields.List):
        described["of"] = _field(field.inner)
    if isinstance(field, fields.Nested):
        described["of"] = _shape(field.schema)
    choices = [list(check.choices) for check in field.validators if isinstance(check, validate.OneOf)]
    return described | ({"one_of": choices[0]} if choices else {})
