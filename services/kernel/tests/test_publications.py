"""What may be declared as public, and how it travels."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID, uuid4

import orjson
import pytest
from kombu import serialization

from services.kernel.cloud_events import BODIES, NotAnEvent, Received, body_of
from services.kernel.decider import event, values
from services.kernel.declarations import Api
from services.kernel.store import StoredEvent
from services.kernel.values import Personal

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@event("door_opened")
class DoorOpened:
    """Whose door, and how often by now."""

    door: UUID
    times: int = 1


@values
class Visitor:
    """Who came."""

    name: Annotated[str | None, Personal()] = None


@event("visitor_let_in")
class VisitorLetIn:
    """Who was let in by which door."""

    door: UUID
    visitors: tuple[Visitor, ...] = ()
    badge: Annotated[str | None, Personal()] = None


def without_names(let_in: VisitorLetIn) -> DoorOpened | None:
    return DoorOpened(let_in.door, len(let_in.visitors)) if let_in.visitors else None


def stored(kind: str, data: dict, **metadata: str) -> StoredEvent:
    return StoredEvent(UUID(int=7), 3, UUID(int=8), kind, 1, data, metadata, NOON, NOON, 1, 1)


def told(api: Api, happened: StoredEvent) -> dict | None:
    body = body_of(api.publications[happened.type], happened, {})
    return None if body is None else orjson.loads(body)


@pytest.mark.parametrize("declared", [VisitorLetIn, DoorOpened])
def test_personal_fields_may_not_be_public_however_deep_they_lie(declared):
    api = Api("doors")
    if declared is DoorOpened:
        api.publishes(DoorOpened)
        return
    with pytest.raises(TypeError, match="personal"):
        api.publishes(VisitorLetIn)


def test_an_event_is_published_once_and_a_translation_is_whole():
    api = Api("doors")
    api.publishes(DoorOpened)
    with pytest.raises(ValueError, match="twice"):
        api.publishes(DoorOpened)
    with pytest.raises(TypeError, match="made_of"):
        Api("doors").publishes(DoorOpened, made_of=VisitorLetIn)


def test_it_travels_as_a_cloud_event_that_a_consumer_reads():
    api, door = Api("doors"), uuid4()
    api.publishes(DoorOpened, subject="door", revised=True)
    happened = stored("door_opened", {"door": str(door), "times": 2}, traceparent=TRACEPARENT)
    assert told(api, happened) == {
        "specversion": "1.0",
        "id": str(UUID(int=8)),
        "source": "/plateau/doors",
        "type": "plateau.doors.door_opened",
        "subject": str(door),
        "time": "2026-11-21T12:00:00Z",
        "datacontenttype": "application/json",
        "revision": 3,
        "traceparent": TRACEPARENT,
        "data": {"door": str(door), "times": 2},
    }
    read = Received.of(body_of(api.publications["door_opened"], happened, {}))
    assert (read.id, read.type, read.subject, read.revision) == (UUID(int=8), "door_opened", str(door), 3)
    assert (read.time, read.traceparent) == (NOON, TRACEPARENT)


def test_a_translation_gets_no_personal_field_and_may_say_nothing():
    api, door = Api("doors"), uuid4()
    api.publishes(DoorOpened, made_of=VisitorLetIn, by=without_names)
    sealed = {"door": str(door), "visitors": [{}, {}], "sealed": "AAAA"}
    assert told(api, stored("visitor_let_in", sealed))["data"] == {"door": str(door), "times": 2}
    assert told(api, stored("visitor_let_in", sealed))["subject"] == str(UUID(int=7))
    assert told(api, stored("visitor_let_in", {**sealed, "visitors": []})) is None


def test_an_older_shape_is_brought_up_to_date_first():
    api = Api("doors")
    api.publishes(DoorOpened)
    body = body_of(
        api.publications["door_opened"],
        stored("door_opened", {"door": "x"}),
        {("door_opened", 1): lambda data: {**data, "times": 1}},
    )
    assert orjson.loads(body)["data"] == {"door": "x", "times": 1}


def test_a_stock_nameko_handler_can_read_it():
    api = Api("doors")
    api.publishes(DoorOpened)
    body = body_of(api.publications["door_opened"], stored("door_opened", {"door": "x"}), {})
    read = serialization.loads(body, BODIES, "utf-8", accept=["application/json"])
    assert read["data"] == {"door": "x"}


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id": 1}', b'"text"', b'{"id": "no uuid"}'])
def test_what_is_no_cloud_event_is_told_as_such(body):
    with pytest.raises(NotAnEvent):
        Received.of(body)
