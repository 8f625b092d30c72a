import pytest

from gateway.event_feed import EventFeed
from gateway.tests.fakes import ADMINISTRATOR, client
from services.kernel import decider
from services.kernel.declarations import Api
from services.kernel.feed import LATEST
from services.kernel.values import Actor, Unavailable

pytestmark = pytest.mark.anyio


@decider.event("bell_rung")
class BellRung:
    """A bell was rung."""


@decider.event("door_opened")
class DoorOpened:
    """A door was opened."""


def api(name, *published):
    made = Api(name)
    made.publishes(*published)
    return made


BELLS, DOORS, SILENT = api("bells", BellRung), api("doors", DoorOpened), Api("silent")
RUNG, OPENED = "plateau.bells.bell_rung", "plateau.doors.door_opened"


class FakeServices:
    """The stores of some services: minutes at which something happened, in each service's own order."""

    def __init__(self, **stores):
        self.stores = stores
        self.away = set()
        self.asked = []

    async def call(self, service, method, wanted, **_options):
        assert method == "events"
        self.asked.append(service)
        if service in self.away:
            raise Unavailable(f"The service {service} is not running.")
        store = self.stores[service]
        if wanted["after"] == LATEST:
            return {"items": [], "reached": f"{len(store)}.0"}
        begin = int(wanted["after"].partition(".")[0])
        items = [
            {"place": f"{number}.0", "event": {"id": f"{service}{minute}", "time": f"2026-11-21T09:{minute:02}:00Z"}}
            for number, minute in enumerate(store[begin:], start=begin + 1)
        ][: wanted["limit"]]
        full = len(items) == wanted["limit"]
        return {"items": items, "reached": items[-1]["place"] if full else f"{len(store)}.0"}


async def get(services, apis=(BELLS, DOORS, SILENT), actor=ADMINISTRATOR, **asked):
    async with client(EventFeed(services, apis).entries(), actor) as http:
        return await http.get("/v1/events", params=asked)


async def read(services, apis=(BELLS, DOORS, SILENT), **asked):
    page = (await get(services, apis, **asked)).json()
    return [event["id"] for event in page["items"]], page["next"]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_pages_follow_time_and_keep_the_order_of_each_service(limit):
    services = FakeServices(bells=[1, 4, 3, 9], doors=[2, 5, 0])
    seen, after = [], {}
    while True:
        ids, cursor = await read(services, limit=limit, **after)
        assert len(ids) <= limit
        if not ids:
            break
        seen += ids
        after = {"after": cursor}
    assert sorted(seen) == sorted(["bells1", "bells4", "bells3", "bells9", "doors2", "doors5", "doors0"])
    assert [each for each in seen if each.startswith("bells")] == ["bells1", "bells4", "bells3", "bells9"]
    assert [each for each in seen if each.startswith("doors")] == ["doors2", "doors5", "doors0"]
    assert seen[:3] == ["bells1", "doors2", "bells4"]


async def test_a_service_that_was_added_later_begins_at_its_beginning():
    services = FakeServices(bells=[1, 2], doors=[3])
    ids, cursor = await read(services, apis=[BELLS])
    assert ids == ["bells1", "bells2"]
    assert (await read(services, after=cursor))[0] == ["doors3"]


async def test_only_services_that_tell_of_what_is_wanted_are_asked_and_the_others_keep_their_place():
    services = FakeServices(bells=[1], doors=[2])
    ids, cursor = await read(services, types=RUNG)
    assert (ids, services.asked) == (["bells1"], ["bells"])
    services.away.add("bells")
    assert (await read(services, types=OPENED, after=cursor))[0] == ["doors2"]
    answer = await get(services, types=f"{OPENED},{RUNG}", after=cursor)
    assert (answer.status_code, answer.json()["code"]) == (503, "service.unavailable")


async def test_latest_is_behind_all_of_every_service():
    services = FakeServices(bells=[1], doors=[2])
    ids, cursor = await read(services, after=LATEST, types=RUNG)
    assert ids == []
    services.stores["bells"].append(3)
    services.stores["doors"].append(4)
    assert (await read(services, after=cursor))[0] == ["bells3", "doors4"]


@pytest.mark.parametrize("limits", [{"queues": frozenset({"q"})}, {"sources": frozenset({"s"})}, {"client": "acme"}])
async def test_who_is_limited_to_a_part_does_not_see_the_whole(limits):
    answer = await get(FakeServices(), actor=Actor("key-1", scopes=frozenset({"events:read"}), **limits))
    assert (answer.status_code, answer.json()["code"]) == (403, "auth.not_allowed")
