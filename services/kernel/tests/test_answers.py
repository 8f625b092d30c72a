"""Answers as they travel."""

from datetime import UTC, datetime
from decimal import Decimal

import orjson

from services.kernel.answers import encode
from services.kernel.decider import values
from services.kernel.values import Money


@values
class Part:
    """A value inside another."""

    price: Money | None
    share: Decimal


@values
class Bill:
    """An answer that bears money."""

    at: datetime
    parts: tuple[Part, ...]


@values
class Cheap:
    """An answer that bears none."""

    share: Decimal
    next: str | None


def test_money_is_a_text_in_its_currency_however_deep():
    parts = (Part(Money(-120050, "EUR"), Decimal("0.5")), Part(Money(500, "JPY"), Decimal(2)), Part(None, Decimal(0)))
    assert orjson.loads(encode(Bill(datetime(2026, 11, 21, 9, tzinfo=UTC), parts))) == {
        "at": "2026-11-21T09:00:00Z",
        "parts": [
            {"price": {"amount": "-1200.50", "currency": "EUR"}, "share": 0.5},
            {"price": {"amount": "500", "currency": "JPY"}, "share": 2},
            {"price": None, "share": 0},
        ],
    }


def test_an_answer_without_money_is_written_the_same_way():
    assert encode(Cheap(Decimal("0.25"), None)) == '{"share":0.25,"next":null}'
