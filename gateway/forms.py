"""The forms in which facts may come: how a body is split into items, and each item read."""

import codecs
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import orjson

from gateway import cloudevents
from gateway.exchange import Exchange
from gateway.problems import Problem
from services.kernel.values import FieldError

MOST_ITEMS = 5_000


class Items(NamedTuple):
    """What a body holds: how many items, and each in turn. One that could not be parsed is a FieldError.

    `many`: pointers begin with an index.
    """

    count: int
    each: Iterable[Any]
    many: bool


class Carrier(NamedTuple):
    """How an item carries a fact: the fact (or why there is none), and where in the item a fact's field is found."""

    fact_of: Callable[[Any], dict[str, Any] | list[FieldError]]
    pointer_in: Callable[[Any, str], str]


class Form(NamedTuple):
    """A media type: how its body is split, and how an item carries a fact (None: it is one)."""

    split: Callable[[bytes], Items]
    carried: Carrier | None = None


CLOUDEVENT = Carrier(cloudevents.fact_of, cloudevents.pointer_in)


def _fault(text: bytes, error: orjson.JSONDecodeError, pointer: str = "") -> FieldError:
    try:
        text.decode()
    except UnicodeDecodeError as undecodable:
        return FieldError(pointer, "request.not_utf8", f"Byte {undecodable.start} is not UTF-8.")
    return FieldError(pointer, "request.malformed_json", str(error))


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if not body.strip():
            raise Problem("request.empty") from error
        fault = _fault(body, error)
        raise Problem(fault.code, fault.detail, errors=[fault._asdict()]) from error


def _one_or_more(body: bytes) -> Items:
    content = _json(body)
    return _all(content) if isinstance(content, list) else Items(1, [content], many=False)


def _one(body: bytes) -> Items:
    return Items(1, [_json(body)], many=False)


def _batch(body: bytes) -> Items:
    content = _json(body)
    if not isinstance(content, list):
        raise Problem("request.malformed_json", "A batch is a JSON array of events.")
    return _all(content)


def _all(content: list[Any]) -> Items:
    return Items(len(content), content, many=True)


def _lines(body: bytes) -> Items:
    lines = [text for line in body.split(b"\n") if (text := line.strip())]
    # Read one by one, as they are taken: five thousand objects at once would be most of the process's memory.
    return Items(len(lines), map(_line, lines), many=True)


def _line(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return _fault(text, error)


FORMS = {
    b"application/json": Form(_one_or_more),
    b"": Form(_one_or_more),
    b"application/x-ndjson": Form(_lines),
    b"application/cloudevents+json": Form(_one, CLOUDEVENT),
    b"application/cloudevents-batch+json": Form(_batch, CLOUDEVENT),
}
TAKEN = ", ".join(media_type.decode() for media_type in FORMS if media_type)


def form_of(exchange: Exchange) -> Form:
    """The form of the request's body.

    Raises:
        Problem: the media type is none of ours, or the CloudEvent is in binary mode (415).
    """
    media_type = exchange.media_type
    form = FORMS.get(media_type)
    if form is None or (
        b"ce-specversion" in exchange.headers and not media_type.startswith(b"application/cloudevents")
    ):
        raise Problem(
            "request.media_type_unsupported",
            f"Send {TAKEN}; a CloudEvent in structured or batched mode, not in binary mode.",
            headers={"Accept": TAKEN},
        )
    return form


def items_of(form: Form, body: bytes) -> Items:
    """The items of a body.

    Raises:
        Problem: not JSON as a whole, or empty (400), or too many items (413).
    """
    split = form.split(body.removeprefix(codecs.BOM_UTF8))
    if not split.count:
        raise Problem("request.empty")
    if split.count > MOST_ITEMS:
        raise Problem("request.too_many_items", f"{split.count} items; at most {MOST_ITEMS} in a request.")
    return split
