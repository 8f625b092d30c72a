"""Where versions of what a call's facts tell contradict each other, as the fold finds it."""

from typing import Any
from uuid import UUID

from services.calls.domain.fold import Call
from services.kernel.copying import instant_text
from services.kernel.database import uuid_array

# `started_at` and `excluded` are those of the call.
TABLE = """
CREATE TABLE contradictions (
    call uuid NOT NULL, number integer NOT NULL, started_at timestamptz NOT NULL, excluded boolean NOT NULL,
    thing text NOT NULL, about text NOT NULL, detail text NOT NULL, events uuid[] NOT NULL, PRIMARY KEY (call, number)
);
CREATE INDEX contradictions_in_order ON contradictions (started_at);
"""
COLUMNS = ("call", "number", "started_at", "excluded", "thing", "about", "detail", "events")


def rows(id_: UUID, call: Call) -> list[tuple[Any, ...]]:
    """The rows of a call: nearly always none."""
    return [
        (
            id_,
            number,
            instant_text(call.started_at),
            call.excluded,
            each.thing,
            each.about,
            each.detail,
            uuid_array(each.events),
        )
        for number, each in enumerate(call.contradictions, start=1)
    ]
