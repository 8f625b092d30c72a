"""Marshmallow schemas, derived once from the annotations of frozen dataclasses.

The domain says what a field is with the standard library and `services.kernel.values` (Range, Length, Pattern); nothing
about marshmallow is written there, and no field list is written twice.
"""

import dataclasses
import types
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID
from zoneinfo import ZoneInfo

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, post_load, validate

from services.kernel.values import FIRST_YEAR, LAST_YEAR, Example, FieldError, Length, Money, Pattern, Personal, Range
from services.kernel.wire import Amount, Instant, Named, Number, Text, Zone

NO_OBJECT = "Give a JSON object."


class _Sent(Schema):
    error_messages = {"type": NO_OBJECT}  # noqa: RUF012 - as marshmallow declares it

    class Meta:
        """What somebody sends: an unknown field is a mistake."""

        unknown = RAISE


class _Kept(Schema):
    class Meta:
        """What was written once, or by another service: it may have fields that we do not know, however deep."""

        unknown = EXCLUDE


_PLAIN: dict[Any, type[fields.Field[Any]]] = {
    str: Text,
    int: fields.Integer,
    bool: fields.Boolean,
    float: fields.Float,
    Decimal: Number,
    datetime: Instant,
    date: fields.Date,
    UUID: fields.UUID,
    ZoneInfo: Zone,
    Money: Amount,
    Any: fields.Raw,
}


def _validators(marks: Sequence[Any]) -> list[Any]:
    made: list[Any] = []
    for mark in marks:
        match mark:
            case Range(low, high, exclusive):
                made.append(validate.Range(min=low, max=high, min_inclusive=not exclusive))
            case Length(low, high):
                made.append(validate.Length(min=low, max=high))
            case Pattern(regex, says):
                made.append(validate.Regexp(f"(?:{regex})\\Z", error=says))
    return made


def _of_those_years(instant: datetime) -> None:
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise ValidationError(f"Give an instant of the years {FIRST_YEAR} to {LAST_YEAR}.")


def _field(hint: Any, *, lenient: bool = False, base: type[Schema] = _Sent, **options: Any) -> fields.Field[Any]:
    if get_origin(hint) is Annotated:
        hint, *marks = get_args(hint)
        options["validate"] = [*options.get("validate", ()), *_validators(marks)]
        examples = [mark.value for mark in marks if isinstance(mark, Example)]
        if examples:
            options["metadata"] = {"example": examples[0]}
        if any(isinstance(mark, Personal) for mark in marks):
            options["metadata"] = {**options.get("metadata", {}), "x-personal": True}
        return _field(hint, lenient=lenient, base=base, **options)
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        one = [arg for arg in args if arg is not type(None)]
        if len(one) != 1:
            raise TypeError(f"{hint}: a field is of one type, or of one type and None")
        return _field(one[0], lenient=lenient, base=base, **{**options, "allow_none": True})
    if origin is Literal:
        checks = [*options.pop("validate", ()), validate.OneOf(args)]
        return _PLAIN[type(args[0])](validate=checks, **options)
    if origin in (tuple, list, frozenset, Sequence):
        return fields.List(_field(args[0], lenient=lenient, base=base), **options)
    if origin in (dict, Mapping):
        return Named(keys=Text(), values=_field(args[1], base=base), **options)
    if dataclasses.is_dataclass(hint) and hint is not Money:
        return fields.Nested(_derived(hint, False, base), **options)  # type: ignore[arg-type]
    if hint is int:
        options["strict"] = not lenient
    if hint is datetime and base is _Sent:  # what was kept is read whatever its year
        options["validate"] = [*options.get("validate", ()), _of_those_years]
    return _PLAIN[hint](**options)


def _collection(hint: Any) -> type | None:
    """The tuple or frozenset that an annotation names: a list comes out as that, so that commands are hashable."""
    while get_origin(hint) in (Annotated, Union, types.UnionType):
        hint = next(arg for arg in get_args(hint) if arg is not type(None))
    origin = get_origin(hint)
    return origin if origin in (tuple, frozenset) else None


def schema_class(cls: type, *, lenient: bool = False) -> type[Schema]:
    """The schema of a dataclass. `lenient` takes numbers from texts, as the parameters of a query come."""
    return _derived(cls, lenient, _Sent)


@cache
def _derived(cls: Any, lenient: bool, base: type[Schema]) -> type[Schema]:
    """The one schema of a kind; `base` decides what becomes of unknown fields."""
    hints = get_type_hints(cls, include_extras=True)
    members: dict[str, Any] = {}
    for f in dataclasses.fields(cls):
        options: dict[str, Any] = {"data_key": f.name.rstrip("_")}  # `from_` is `from` on the wire
        if f.default is not dataclasses.MISSING:
            options["load_default"] = f.default
        elif f.default_factory is not dataclasses.MISSING:
            options["load_default"] = f.default_factory
        else:
            options["required"] = True
        members[f.name] = _field(hints[f.name], lenient=lenient, base=base, **options)

    collections = [(f.name, kind) for f in dataclasses.fields(cls) if (kind := _collection(hints[f.name]))]

    def build(_schema: Schema, data: dict[str, Any], **_: Any) -> Any:
        for name, kind in collections:
            if isinstance(value := data.get(name), list):
                data[name] = kind(value)
        return cls(**data)

    members["build"] = post_load(build)
    return type(cls.__name__, (base,), members)


@cache
def _schema(cls: type, *, lenient: bool = False, base: type[Schema] = _Sent) -> Schema:
    return _derived(cls, lenient, base)()


def _pointers(messages: Any, at: str = "") -> list[FieldError]:
    if isinstance(messages, dict):
        inner = ((f"{at}/{_step(key)}" if key != "_schema" else at, value) for key, value in messages.items())
        return [fault for pointer, value in inner for fault in _pointers(value, pointer)]
    return [FieldError(at, "invalid_field", str(text)) for text in messages]


def _step(key: object) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")


def load(cls: type, data: Any, *, lenient: bool = False) -> Any | list[FieldError]:
    """A `cls` made of plain JSON data, or what is wrong with each field."""
    if not isinstance(data, dict):
        return [FieldError("", "invalid_field", NO_OBJECT)]
    try:
        return _schema(cls, lenient=lenient).load(data)
    except ValidationError as error:
        return _pointers(error.messages)


def revive(cls: type, data: dict[str, Any]) -> Any:
    """A `cls` from what `dump` once wrote, here or elsewhere; fields that it has not are left out at any depth."""
    return _schema(cls, base=_Kept).load(data)


def dump(value: Any) -> dict[str, Any]:
    """A dataclass as plain JSON data."""
    return dict(_schema(value.__class__).dump(value))


@cache
def bears(cls: type, kind: type) -> bool:
    """Whether a class, or anything within it, is of a kind or marked with one: Money, or Personal."""
    return _bears(cls, kind)


def _bears(hint: Any, kind: type) -> bool:
    if hint is kind or isinstance(hint, kind):
        return True
    within = get_type_hints(hint, include_extras=True).values() if dataclasses.is_dataclass(hint) else get_args(hint)
    return any(_bears(inner, kind) for inner in within)


def personal_fields(cls: type) -> tuple[str, ...]:
    """The fields of a class that are sealed before they are stored."""
    return marked_fields(cls, Personal)


@cache
def marked_fields(cls: type, kind: type) -> tuple[str, ...]:
    """The fields of a class that bear a mark of a kind themselves."""
    hints = get_type_hints(cls, include_extras=True)
    return tuple(
        name
        for name, hint in hints.items()
        if get_origin(hint) is Annotated and any(isinstance(mark, kind) for mark in get_args(hint)[1:])
    )
