"""Transfers: from which day on an employee works in which team, and under which name."""

from datetime import date
from uuid import UUID

import pytest

from services.kernel.decider import specification
from services.kernel.values import Actor
from services.staff.domain import employees
from services.staff.domain.employees import Employee, EmployeeHired, EmployeeTransferred, updated
from services.staff.domain.placements import Bearing, Placement, Transfer, bearings
from services.staff.domain.supervision import ProveDuty, SupervisionStarted
from services.staff.tests.test_staff import ADA, ALAN, new_id, shown

TRAINEE = UUID(int=1)
MONDAY, NEXT, LATER = date(2026, 11, 2), date(2026, 11, 9), date(2026, 12, 1)

employee = specification(employees.decide, employees.evolve, Employee()).on(str(TRAINEE))
hired = EmployeeHired(TRAINEE, role="agent", team="north", agent="a-1", starts_on=MONDAY)
north = Placement(MONDAY, "north", "a-1")


def moved(*placements: Placement) -> EmployeeTransferred:
    return EmployeeTransferred(TRAINEE, placements)


def test_nobody_is_transferred_who_was_never_hired_or_before_they_start():
    employee.when(Transfer("south", MONDAY)).rejected("staff.employee.unknown")
    employee.given(hired).when(Transfer("south", date(2026, 11, 1))).rejected("staff.employee.not_there_yet")


def test_whoever_is_transferred_keeps_their_name_unless_another_is_given():
    kept = moved(north, Placement(NEXT, "south", "a-1"))
    employee.given(hired).when(Transfer("south", NEXT)).then(kept)
    renamed = moved(north, Placement(NEXT, None, "a-2"))
    employee.given(hired).when(Transfer(None, NEXT, "a-2")).then(renamed)


def test_a_transfer_that_changes_nothing_is_none():
    employee.given(hired).when(Transfer("north", NEXT)).then()
    employee.given(hired).when(Transfer("north", MONDAY, "a-1")).then()


def test_a_transfer_on_the_same_day_corrects_that_day_and_one_before_leaves_what_is_later():
    later = moved(north, Placement(LATER, "south", "a-1"))
    corrected = moved(north, Placement(LATER, "west", "a-1"))
    employee.given(hired, later).when(Transfer("west", LATER)).then(corrected)
    between = moved(north, Placement(NEXT, "west", "a-1"), Placement(LATER, "south", "a-1"))
    employee.given(hired, later).when(Transfer("west", NEXT)).then(between)
    employee.given(hired, later).when(Transfer("north", LATER)).then(moved(north))
    employee.given(hired).when(Transfer("north", MONDAY, "a-9")).then(moved(Placement(MONDAY, "north", "a-9")))


def test_an_employee_is_shown_where_they_were_placed_last_with_all_of_their_placements():
    seen = employees.view(str(TRAINEE), employee.given(hired).when(Transfer("south", NEXT, "a-2")).after)
    assert (seen.team, seen.agent, seen.starts_on) == ("south", "a-2", MONDAY)
    assert seen.placements == (north, Placement(NEXT, "south", "a-2"))


def test_a_name_is_borne_until_another_is():
    placements = (north, Placement(NEXT, "south", None), Placement(LATER, "south", "a-2"))
    assert list(bearings(placements)) == [Bearing("a-1", MONDAY, NEXT), Bearing("a-2", LATER, None)]


def test_nobody_judges_their_own_period_by_the_name_that_calls_know_them_by():
    running = employee.given(hired, SupervisionStarted((UUID(int=2),), 4, MONDAY))
    running.when(ProveDuty("files"), by=Actor("oidc|ada", agent="a-1")).rejected("staff.supervision.own_period")


def test_a_transfer_is_told_of_under_its_public_name():
    told = updated(moved(north))
    assert (told.event_type, told.employee, told.placements) == ("employee_updated", TRAINEE, (north,))


# With the register


@pytest.fixture
def two(staff):
    """Ada, whom calls know as a-1, and Alan, whom they do not know."""
    staff.order("Hire", new_id(1), ADA | {"agent": "a-1"})
    staff.order("Hire", new_id(2), ALAN)
    staff.follow()
    return staff


def transfer(staff, number: int, team: str | None, day: str, **more):
    answer = staff.execute("Transfer", new_id(number), {"team": team, "effective_from": day, **more})
    staff.follow()
    return answer


def test_who_is_transferred_is_listed_by_their_team_and_name(two):
    transfer(two, 1, "south", "2026-12-01", agent="a-2")
    assert [each["id"] for each in two.ask("Employees", team="south", agent="a-2")["items"]] == [new_id(1)]
    assert two.ask("Employees", team="north")["items"] == []
    before = two.ask("Employees")
    two.rebuild()
    assert two.ask("Employees") == before
    assert shown(two, new_id(1))["placements"] == [
        {"effective_from": "2026-11-02", "team": "north", "agent": "a-1"},
        {"effective_from": "2026-12-01", "team": "south", "agent": "a-2"},
    ]


def test_a_name_that_somebody_bears_on_some_of_the_days_is_given_to_nobody_else(two):
    taken = two.execute("Hire", new_id(3), ALAN | {"agent": "a-1"})["refused"]
    assert (taken["code"], taken["status"]) == ("staff.employee.agent_taken", 409)
    assert [error["pointer"] for error in taken["errors"]] == ["/agent"]
    assert transfer(two, 2, "north", "2026-11-20", agent="a-1")["refused"]["code"] == "staff.employee.agent_taken"
    transfer(two, 1, "north", "2026-12-01", agent="a-9")
    assert transfer(two, 2, "north", "2026-11-30", agent="a-1")["refused"]["code"] == "staff.employee.agent_taken"
    assert "refused" not in transfer(two, 2, "north", "2026-12-01", agent="a-1")
    assert "refused" not in transfer(two, 1, "south", "2026-12-15", agent="a-9")  # their own


def test_the_same_order_again_is_answered_as_before(two):
    body, once = ADA | {"agent": "a-5"}, {"command_id": str(UUID(int=77))}
    first = two.order("Hire", new_id(5), body, **once)
    two.follow()
    assert two.order("Hire", new_id(5), body, **once) == first
