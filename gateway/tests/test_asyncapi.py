import re
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import orjson
import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from gateway.asyncapi import document
from services.calls.api import api as calls
from services.kernel import schemas
from services.kernel.cloud_events import body_of, exchange_of, source_of
from services.kernel.decider import event, values
from services.kernel.declarations import Api
from services.kernel.store import StoredEvent
from services.kernel.values import Money

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@values
class Panel:
    """A part of a door."""

    area: Decimal
    colour: str | None = None


@event("door_hung")
class DoorHung:
    """A door was hung.

    With all its panels.
    """

    door: UUID
    at: datetime
    price: Money
    panels: tuple[Panel, ...] = ()


HUNG = DoorHung(UUID(int=1), NOON, Money(125_000, "EUR"), (Panel(Decimal("1.5")), Panel(Decimal(2), "red")))


@pytest.fixture
def doors():
    api = Api("doors")
    api.publishes(DoorHung, subject="door")
    return api


def validator(made, name):
    registry = Registry().with_resource("urn:asyncapi", Resource.from_contents(made, DRAFT7))
    return Draft7Validator({"$ref": f"urn:asyncapi#/components/messages/{name}/payload"}, registry=registry)


def resolved(made, reference):
    for step in reference.removeprefix("#/").split("/"):
        made = made[step]
    return made


def test_every_public_event_has_a_channel_a_message_and_an_operation(doors):
    made = document([calls, doors])
    assert made["asyncapi"] == "3.0.0"
    declared = [each for api in (calls, doors) for each in api.publications.values()]
    for part in (made["channels"], made["operations"], made["components"]["messages"]):
        assert list(part) == [f"{each.service}.{each.name}" for each in declared]
    for publication in declared:
        name = f"{publication.service}.{publication.name}"
        operation = made["operations"][name]
        channel = resolved(made, operation["channel"]["$ref"])
        (message,) = [resolved(made, each["$ref"]) for each in operation["messages"]]
        assert (operation["action"], channel["address"]) == ("send", publication.name)
        assert channel["bindings"]["amqp"]["exchange"]["name"] == exchange_of(publication.service)
        assert resolved(made, message["$ref"])["payload"]["properties"]["source"] == {
            "const": source_of(publication.service)
        }


def test_every_reference_leads_somewhere_and_every_schema_is_one(doors):
    made = document([calls, doors])
    for reference in re.findall(r'"\$ref":"([^"]+)"', orjson.dumps(made).decode()):
        assert resolved(made, reference)
    for schema in made["components"]["schemas"].values():
        Draft7Validator.check_schema(schema)
    for message in made["components"]["messages"].values():
        Draft7Validator.check_schema(message["payload"])


@pytest.mark.parametrize("traceparent", [{}, {"traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}])
def test_what_the_relay_publishes_is_as_described_and_anything_less_is_not(doors, traceparent):
    stored = StoredEvent(uuid4(), 1, uuid4(), "door_hung", 1, schemas.dump(HUNG), traceparent, NOON, NOON, 1, 1)
    told = orjson.loads(body_of(doors.publications["door_hung"], stored, {}))
    check = validator(document([doors]), "doors.door_hung")
    check.validate(told)
    check.validate(told | {"data": told["data"] | {"a_field_of_tomorrow": 1}})
    for field in told.keys() - {"traceparent"}:
        assert not check.is_valid({name: value for name, value in told.items() if name != field})
    assert not check.is_valid(told | {"data": told["data"] | {"price": 1250}})


def test_words_are_those_of_the_declaration(doors):
    message = document([doors])["components"]["messages"]["doors.door_hung"]
    assert (message["summary"], message["description"]) == ("A door was hung.", "With all its panels.")
    assert "revision" not in message["payload"]["properties"]
    completed = document([calls])["components"]["messages"]["calls.call_completed"]
    assert "revision" in completed["payload"]["required"]
