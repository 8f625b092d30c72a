"""Employees as they are listed and shown, and what training's events come to."""

from uuid import UUID, uuid4

import orjson
import pytest

from services.kernel.boxes import Boxes
from services.kernel.privacy import Keyring
from services.kernel.tests.horizon import until_readable
from services.kernel.tests.running import MASTER
from services.kernel.things import Refused
from services.staff.projections.employees import EmployeeRegister

ADA = {
    "given_name": "Ada",
    "family_name": "Martin",
    "email": "ada@example.org",
    "role": "agent",
    "team": "north",
    "agent": "a-1042",
    "starts_on": "2026-11-02",
    "external_id": {"system": "hris", "value": "a:1"},
}
ALAN = {"given_name": "Alan", "family_name": "Petit", "role": "trainer", "starts_on": "2026-11-03"}
TERMS = {"supervisors": [str(uuid4())], "minimum_weeks": 1, "starts_on": "2026-11-02"}


def new_id(number: int) -> str:
    """An id that comes after those of smaller numbers, as those of UUIDv7 do."""
    return str(UUID(int=number))


@pytest.fixture
def hired(staff):
    """Ada, then Alan."""
    staff.order("Hire", new_id(1), ADA)
    staff.order("Hire", new_id(2), ALAN)
    staff.follow()
    return staff


def names(staff, **asked) -> list[str]:
    return [each["given_name"] for each in staff.ask("Employees", **asked)["items"]]


def induction(plan: str, employee: str, kind: str = "induction") -> dict[str, str]:
    return {"plan": plan, "employee": employee, "kind": kind}


def shown(staff, key: str) -> dict:
    return dict(orjson.loads(staff.query("EmployeeOf", key=key)["body"]))


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"given_name": ""}, "/given_name"),
        ({"email": "ada"}, "/email"),
        ({"starts_on": "9999-12-31"}, "/starts_on"),
        ({"external_id": {"system": "hr:is", "value": "1"}}, "/external_id/system"),
    ],
)
def test_a_field_that_cannot_be_is_pointed_at(staff, change, pointer):
    refused = staff.execute("Hire", new_id(1), ADA | change)["refused"]
    assert (refused["code"], [error["pointer"] for error in refused["errors"]]) == ("request.invalid", [pointer])


def test_an_employee_is_listed_as_they_were_hired(hired):
    first, second = hired.ask("Employees")["items"]
    assert first == {"id": new_id(1), **ADA, "status": "hired"}
    nothing = dict.fromkeys(("team", "agent", "email", "external_id"))
    assert second == {"id": new_id(2), **ALAN, **nothing, "status": "hired"}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"role": "trainer"}, ["Alan"]),
        ({"team": "north"}, ["Ada"]),
        ({"agent": "a-1042"}, ["Ada"]),
        ({"external_id": "hris:a:1"}, ["Ada"]),
        ({"external_id": "hris:a"}, []),
        ({"status": "supervised"}, []),
        ({"status": "hired", "role": "agent"}, ["Ada"]),
    ],
)
def test_a_list_has_what_every_filter_leaves(hired, asked, found):
    assert names(hired, **asked) == found


def test_a_list_comes_in_pages(hired):
    first = hired.ask("Employees", limit=1)
    second = hired.ask("Employees", limit=1, cursor=first["next"])
    assert [each["given_name"] for page in (first, second) for each in page["items"]] == ["Ada", "Alan"]
    assert second["next"] is None


def test_the_status_moves_with_the_supervised_period(hired):
    hired.order("StartSupervision", new_id(1), TERMS)
    hired.follow()
    assert names(hired, status="supervised") == ["Ada"]
    hired.order("EndSupervision", new_id(1), {"reason": "another post"})
    hired.follow()
    assert names(hired, status="supervision_ended") == ["Ada"]


def test_an_employee_whose_file_was_not_read_yet_is_listed_without_a_name(staff, monkeypatch):
    monkeypatch.setattr(EmployeeRegister, "batch", 1)
    staff.order("Hire", new_id(1), ADA)
    until_readable(staff.connection)
    staff.step(*staff.models)
    (listed,) = staff.ask("Employees")["items"]
    assert (listed["role"], listed["given_name"], listed["external_id"]) == ("agent", None, None)


def test_a_rebuild_lists_the_same(hired):
    hired.order("StartSupervision", new_id(1), TERMS)
    hired.follow()
    before = hired.ask("Employees")
    hired.rebuild()
    assert hired.ask("Employees") == before


def test_no_table_holds_a_name(hired):
    tables = hired.connection.execute("SELECT employees::text FROM read.employees").fetchall()
    events = hired.connection.execute("SELECT data::text FROM store.events").fetchall()
    assert len(tables) == 2
    assert not [text for (text,) in tables + events for word in ("Ada", "Martin", "example.org") if word in text]


def test_whose_key_is_destroyed_is_listed_and_shown_without_a_name(hired):
    with hired.connection.cursor() as db:
        Keyring(MASTER).destroy(db, [UUID(new_id(1))])
    first, second = hired.ask("Employees")["items"]
    assert (first["given_name"], first["email"], first["role"], second["given_name"]) == (None, None, "agent", "Alan")
    assert shown(hired, new_id(1))["family_name"] is None


def test_a_box_can_be_left_closed_that_is_somebody_elses(hired):
    places = hired.connection.execute("SELECT stream_id, event_id FROM store.events WHERE data ? 'sealed'").fetchall()
    # As if every box were sealed for Ada.
    boxes = Boxes(Keyring(MASTER), "'00000000-0000-0000-0000-000000000001'::uuid")
    with hired.connection.cursor() as db:
        opened = boxes.opened(db, places, only=uuid4())
    assert sorted(bool(box) for box in opened.values()) == [False, True]


def test_an_induction_that_training_tells_of_is_noted(hired):
    plan = str(uuid4())
    hired.hear("training", "learning_plan_finished", induction(plan, new_id(1)), plan)
    assert shown(hired, new_id(1))["induction_finished"]
    assert not shown(hired, new_id(2))["induction_finished"]


def test_a_plan_that_follows_a_need_is_no_induction(hired):
    plan = str(uuid4())
    hired.hear("training", "learning_plan_finished", induction(plan, new_id(1), "need"), plan)
    assert not shown(hired, new_id(1))["induction_finished"]


def test_the_induction_of_somebody_unknown_waits_until_they_are_known(staff):
    plan, told = str(uuid4()), uuid4()
    with pytest.raises(Refused, match=r"staff\.employee\.unknown"):
        staff.hear("training", "learning_plan_finished", induction(plan, new_id(1)), plan, event_id=told)
    staff.order("Hire", new_id(1), ADA)
    staff.hear("training", "learning_plan_finished", induction(plan, new_id(1)), plan, event_id=told)
    assert shown(staff, new_id(1))["induction_finished"]


def test_a_sign_off_is_given_by_who_has_seen_the_employee(hired):
    assert hired.execute("SignOff", new_id(1), {})["refused"]["code"] == "request.if_match_missing"
