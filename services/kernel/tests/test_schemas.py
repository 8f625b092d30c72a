"""Schemas derived from dataclasses: each kind of field, what is wrong with one, and the way back."""

from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from services.kernel import schemas
from services.kernel.decider import values
from services.kernel.values import Example, FieldError, Length, Money, Pattern, Personal, Range


@values
class Part:
    """A value inside another."""

    weight: Annotated[int, Range(1, 100)]
    note: str | None = None


@values
class Everything:
    """One field of each kind."""

    name: Annotated[str, Length(1, 5), Example("sales")]
    number: Annotated[str | None, Personal()] = None
    count: Annotated[int, Range(0, 10)] = 0
    share: Annotated[Decimal, Range(0, 1, exclusive=True)] = Decimal("0.5")
    weight: float = 1.0
    open: bool = False
    from_: datetime | None = None
    day: date | None = None
    id: UUID | None = None
    zone: ZoneInfo = ZoneInfo("UTC")
    price: Money | None = None
    region: Annotated[str | None, Pattern("[A-Z]{2}", "Give two capitals.")] = None
    formula: Literal["sl1", "sl2"] = "sl1"
    reasons: tuple[Literal["key", "full"], ...] = ()
    words: frozenset[str] = frozenset()
    by_name: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    extra: Any = None


WIRE = {
    "name": "sales",
    "number": "+33199000001",
    "count": 3,
    "share": 0.25,
    "weight": 2.5,
    "open": True,
    "from": "2026-11-21T09:00:00.500000Z",
    "day": "2026-11-21",
    "id": "b6f0a1d8-6f5a-5c3e-9c0f-2f1f6a0d7e11",
    "zone": "Europe/Paris",
    "price": {"amount": "1250.00", "currency": "EUR"},
    "region": "FR",
    "formula": "sl2",
    "reasons": ["key", "full"],
    "words": ["one"],
    "by_name": {"a": "b"},
    "parts": [{"weight": 7, "note": None}],
    "extra": {"anything": [1, None]},
}
VALUE = Everything(
    name="sales",
    number="+33199000001",
    count=3,
    share=Decimal("0.25"),
    weight=2.5,
    open=True,
    from_=datetime(2026, 11, 21, 9, 0, 0, 500_000, UTC),
    day=date(2026, 11, 21),
    id=UUID("b6f0a1d8-6f5a-5c3e-9c0f-2f1f6a0d7e11"),
    zone=ZoneInfo("Europe/Paris"),
    price=Money(125_000, "EUR"),
    region="FR",
    formula="sl2",
    reasons=("key", "full"),
    words=frozenset({"one"}),
    by_name={"a": "b"},
    parts=(Part(7),),
    extra={"anything": [1, None]},
)


def faults(changes: dict[str, Any], **options: Any) -> list[str]:
    made = schemas.load(Everything, {"name": "sales", **changes}, **options)
    assert isinstance(made, list), made
    assert all(fault.code == "invalid_field" and fault.detail for fault in made)
    return [fault.pointer for fault in made]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": None}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "longer"}, "/name"),
        ({"name": 5}, "/name"),
        ({"name": "a\x00b"}, "/name"),
        ({"count": "3"}, "/count"),
        ({"count": 3.5}, "/count"),
        ({"count": True}, "/count"),
        ({"count": 11}, "/count"),
        ({"share": 0}, "/share"),
        ({"share": 1.01}, "/share"),
        ({"share": "NaN"}, "/share"),
        ({"weight": "heavy"}, "/weight"),
        ({"open": "perhaps"}, "/open"),
        ({"from": "2026-11-21T09:00:00"}, "/from"),
        ({"from": "2026-11-21"}, "/from"),
        ({"from": 1795251600}, "/from"),
        ({"from": "0001-01-01T00:00:00+14:00"}, "/from"),
        ({"from": "1899-12-31T23:59:59Z"}, "/from"),
        ({"from": "9999-01-01T00:00:00Z"}, "/from"),
        ({"day": "21.11.2026"}, "/day"),
        ({"id": "not-an-id"}, "/id"),
        ({"zone": "Paris"}, "/zone"),
        ({"zone": "../etc/passwd"}, "/zone"),
        ({"region": "fr"}, "/region"),
        ({"region": "FR\n"}, "/region"),
        ({"formula": "sl9"}, "/formula"),
        ({"reasons": "key"}, "/reasons"),
        ({"reasons": ["key", "no"]}, "/reasons/1"),
        ({"by_name": {"outside": 5}}, "/by_name/outside"),
        ({"by_name": {"a/b~c": 5}}, "/by_name/a~1b~0c"),
        ({"by_name": "no object"}, "/by_name"),
        ({"parts": [{"weight": 1}, {"weight": 0}]}, "/parts/1/weight"),
        ({"parts": [{}]}, "/parts/0/weight"),
        ({"parts": [{"weight": 1, "color": "red"}]}, "/parts/0/color"),
        ({"color": "red"}, "/color"),
        ({"a/b": 1}, "/a~1b"),
        ({"from_": "2026-11-21T09:00:00Z"}, "/from_"),
    ],
)
def test_what_is_wrong_is_pointed_at(changes, pointer):
    assert faults(changes) == [pointer]


@pytest.mark.parametrize(
    "price",
    [
        1250,
        "1250.00",
        {"amount": 1250.0, "currency": "EUR"},
        {"amount": "1250.005", "currency": "EUR"},
        {"amount": "1250.5", "currency": "JPY"},
        {"amount": "NaN", "currency": "EUR"},
        {"amount": "Infinity", "currency": "EUR"},
        {"amount": "1250.00", "currency": "euro"},
        {"amount": "1250.00", "currency": 978},
        {"amount": "1250.00", "currency": "EUX"},
        {"amount": "10000000000000.00", "currency": "EUR"},
        {"amount": "1250.00"},
    ],
)
def test_money_that_is_no_text_or_no_amount_of_its_currency_is_refused(price):
    assert faults({"price": price}) == ["/price"]


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("1250.00", "EUR", 125_000),
        ("0.05", "EUR", 5),
        ("-3.10", "EUR", -310),
        ("500", "JPY", 500),
        ("1.005", "KWD", 1005),
    ],
)
def test_money_is_a_text_with_the_decimals_of_its_currency(amount, currency, minor):
    wire = {"amount": amount, "currency": currency}
    loaded = schemas.load(Everything, {"name": "sales", "price": wire})
    assert loaded.price == Money(minor, currency)
    assert schemas.dump(loaded)["price"] == wire


def test_several_faults_are_all_told_at_once():
    assert sorted(faults({"count": -1, "zone": "Mars", "parts": [{"weight": 0}]})) == [
        "/count",
        "/parts/0/weight",
        "/zone",
    ]


def test_a_required_field_that_is_missing_is_pointed_at():
    assert schemas.load(Everything, {}) == [FieldError("/name", "invalid_field", "Missing data for required field.")]


@pytest.mark.parametrize("data", [None, [], "text", 5])
def test_what_is_no_object_is_refused_as_a_whole(data):
    assert schemas.load(Everything, data) == [FieldError("", "invalid_field", "Give a JSON object.")]


def test_every_kind_of_field_goes_in_and_out_as_it_was():
    assert schemas.load(Everything, WIRE) == VALUE
    assert schemas.dump(VALUE) == WIRE
    assert list(schemas.dump(VALUE)) == list(WIRE)


def test_what_is_not_given_is_the_default():
    assert schemas.load(Everything, {"name": "sales"}) == Everything("sales")


def test_lists_come_out_as_declared_so_that_values_can_be_compared_and_hashed():
    loaded = schemas.load(Everything, {"name": "sales", "reasons": ["key"], "words": ["b", "a"]})
    assert (loaded.reasons, loaded.words) == (("key",), frozenset({"a", "b"}))


def test_the_parameters_of_a_query_are_texts_and_taken_as_numbers():
    asked = {"name": "sales", "count": "3", "share": "0.25", "open": "true"}
    loaded = schemas.load(Everything, asked, lenient=True)
    assert (loaded.count, loaded.share, loaded.open) == (3, Decimal("0.25"), True)
    assert faults({"count": "three"}, lenient=True) == ["/count"]
    assert faults({"count": "11"}, lenient=True) == ["/count"]


def test_an_instant_of_any_offset_is_kept_and_shown_in_utc():
    loaded = schemas.load(Everything, {"name": "sales", "from": "2026-11-21T10:00:00+01:00"})
    assert schemas.dump(loaded)["from"] == "2026-11-21T09:00:00Z"


def test_an_instant_that_was_kept_is_read_whatever_its_year():
    kept = schemas.dump(Everything("sales")) | {"from": "0001-01-01T00:00:00Z"}
    assert schemas.revive(Everything, kept).from_ == datetime(1, 1, 1, tzinfo=UTC)


def test_what_should_be_an_object_within_is_said_to_be_none():
    (fault,) = schemas.load(Everything, {"name": "sales", "parts": [7]})
    assert fault == FieldError("/parts/0", "invalid_field", "Give a JSON object.")


def test_a_field_that_a_class_no_longer_has_is_left_out_when_its_past_is_read():
    assert schemas.revive(Part, {"weight": 3, "colour_of_old": "red"}) == Part(3)


def test_what_another_writes_may_have_more_fields_at_any_depth_and_what_is_sent_may_not():
    @values
    class Box:
        parts: tuple[Part, ...]
        by_name: Mapping[str, Part]
        lid: Part | None = None

    part = {"weight": 3, "colour": "red"}
    told = {"parts": [part], "by_name": {"a": part}, "lid": part, "since": "2026"}
    assert schemas.revive(Box, told) == Box((Part(3),), {"a": Part(3)}, Part(3))
    faults = {fault.pointer for fault in schemas.load(Box, told)}
    assert faults == {"/parts/0/colour", "/by_name/a/colour", "/lid/colour", "/since"}


def test_personal_fields_are_known_by_their_mark():
    assert schemas.personal_fields(Everything) == ("number",)
    assert schemas.schema_class(Everything)().fields["number"].metadata["x-personal"] is True


def test_a_field_of_two_types_is_a_mistake_of_the_one_who_declares_it():
    @values
    class Ambiguous:
        """Two types."""

        value: int | str

    with pytest.raises(TypeError, match="one type"):
        schemas.schema_class(Ambiguous)


def test_a_plus_that_an_address_lost_is_known_again():
    lost, sent = (schemas.load(Everything, {"name": "a", "from": f"2026-11-21T10:00:00{way}01:00"}) for way in " +")
    assert lost.from_ == sent.from_ == datetime(2026, 11, 21, 9, tzinfo=UTC)
