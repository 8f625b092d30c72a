"""Cursors: they lead back to their place, for a day, and nothing that others make of them is believed."""

import base64
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
import pytest

from services.kernel.cursors import BadCursor, decode, encode

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PLACE = ("2026-11-21T09:00:00+00:00", "b6f0a1d8-6f5a-5c3e-9c0f-2f1f6a0d7e11")
KINDS = (datetime.fromisoformat, UUID)


def forged(*content) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(content[0] if len(content) == 1 else content)).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "nonsense",
        "é",
        "====",
        forged([]),
        forged(5),
        forged({"a": 1}),
        forged("soon", *PLACE),
        forged(1e30, *PLACE),
        forged(-1e18, *PLACE),
        forged(None, *PLACE),
        forged(NOW.timestamp(), PLACE[0]),
        forged(NOW.timestamp(), *PLACE, "more"),
        forged(NOW.timestamp(), "yesterday", PLACE[1]),
        forged(NOW.timestamp(), PLACE[0], "'; DROP TABLE calls"),
        forged(NOW.timestamp(), 5, []),
    ],
)
def test_what_we_did_not_make_is_refused(cursor):
    with pytest.raises(BadCursor) as refusal:
        decode(cursor, NOW, *KINDS)
    assert not refusal.value.expired


def test_after_a_day_it_has_expired():
    cursor = encode(NOW, *PLACE)
    assert decode(cursor, NOW + timedelta(hours=24), *KINDS)
    with pytest.raises(BadCursor) as refusal:
        decode(cursor, NOW + timedelta(hours=24, seconds=1), *KINDS)
    assert refusal.value.expired


def test_it_leads_back_to_its_place_and_fits_into_an_address():
    cursor = encode(NOW, *PLACE)
    assert decode(cursor, NOW, *KINDS) == [datetime(2026, 11, 21, 9, tzinfo=UTC), UUID(PLACE[1])]
    assert cursor.replace("-", "").replace("_", "").isalnum()
