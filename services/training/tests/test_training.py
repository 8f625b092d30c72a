"""Plans and awards as they are listed and shown, and what staff's events come to."""

from datetime import datetime
from uuid import UUID, uuid4, uuid5

import orjson
import pytest

from services.kernel.privacy import Keyring
from services.kernel.tests.running import MASTER
from services.kernel.values import Actor

ADA, ALAN = str(uuid4()), str(uuid4())
COURSES = [
    {"course": "welcome", "title": "Welcome", "weeks": 1},
    {"course": "phone", "title": "The telephone", "weeks": None},
]
AWARD = {
    "employee": ADA,
    "amount": {"amount": "150.00", "currency": "EUR"},
    "cost_centre": "floor",
    "period": None,
    "reason": "Most first-contact resolutions",
}


def instant(text: str | None) -> datetime | None:
    """The same whether or not it is written with the zeros at its end."""
    return text and datetime.fromisoformat(text)


@pytest.fixture
def hire(training):
    """Has staff tell that somebody was hired; gives the id of the event."""

    def told(employee: str, role: str = "agent", event_id: UUID | None = None) -> UUID:
        event_id = event_id or uuid4()
        data = {"employee": employee, "role": role, "team": None, "starts_on": "2026-11-02"}
        training.hear("staff", "employee_hired", data, employee, event_id=event_id)
        return event_id

    return told


@pytest.fixture
def defined(training):
    """Agents have an induction."""
    training.order("DefineInduction", "agent", {"courses": COURSES})
    return training


def shown(training, use_case: str, key: str) -> dict:
    return dict(orjson.loads(training.query(use_case, key=key)["body"]))


def plans(training, **asked) -> list[dict]:
    return training.ask("LearningPlans", **asked)["items"]


def test_whoever_is_hired_gets_a_plan_of_their_roles_induction(defined, hire):
    event_id = hire(ADA)
    (plan,) = plans(defined)
    assert plan == {
        "id": str(uuid5(event_id, "induction")),
        "employee": ADA,
        "kind": "induction",
        "status": "running",
        "steps": 2,
        "open_steps": 2,
    }
    steps = shown(defined, "LearningPlanOf", plan["id"])["steps"]
    assert steps == [{**course, "completed": False} for course in COURSES]


def test_an_event_that_comes_twice_opens_one_plan(defined, hire):
    hire(ADA, event_id=hire(ADA))
    assert len(plans(defined)) == 1


def test_a_plan_keeps_the_courses_that_it_began_with(defined, hire):
    hire(ADA)
    defined.order("DefineInduction", "agent", {"courses": COURSES[:1]}, expected_version=1)
    hire(ALAN)
    assert [plan["steps"] for plan in plans(defined)] == [2, 1]


def test_a_role_without_an_induction_has_a_plan_that_is_finished_at_once(defined, hire):
    hire(ADA, role="trainer")
    (plan,) = plans(defined)
    assert (plan["status"], plan["steps"], plan["open_steps"]) == ("finished", 0, 0)


def test_plans_are_listed_by_employee_and_by_status(defined, hire):
    hire(ADA)
    hire(ALAN)
    (adas,) = plans(defined, employee=ADA)
    for course in COURSES:
        defined.order("CompleteStep", adas["id"], {"course": course["course"]})
        defined.follow()
    assert [(plan["employee"], plan["open_steps"]) for plan in plans(defined, status="finished")] == [(ADA, 0)]
    assert [(plan["employee"], plan["open_steps"]) for plan in plans(defined, status="running")] == [(ALAN, 2)]
    assert plans(defined, employee=ALAN, status="finished") == []


def test_a_list_of_plans_comes_in_pages(defined, hire):
    hire(ADA)
    hire(ALAN)
    first = defined.ask("LearningPlans", limit=1)
    second = defined.ask("LearningPlans", limit=1, cursor=first["next"])
    assert [plan["employee"] for page in (first, second) for plan in page["items"]] == [ADA, ALAN]
    assert second["next"] is None


def test_an_existing_induction_is_changed_only_by_who_has_seen_it(defined):
    refused = defined.execute("DefineInduction", "agent", {"courses": []})["refused"]
    assert refused["code"] == "request.if_match_missing"


@pytest.mark.parametrize("currency", ["EUX", "euro", ""])
def test_an_award_is_of_a_currency_that_there_is(training, currency):
    refused = training.execute("GrantAward", str(uuid4()), AWARD | {"amount": {"amount": "1", "currency": currency}})
    assert [error["pointer"] for error in refused["refused"]["errors"]] == ["/amount"]


def test_an_award_is_listed_as_it_is_shown(training):
    first, second = str(UUID(int=1)), str(UUID(int=2))
    training.order("GrantAward", first, AWARD, by=Actor("manager"))
    training.order("GrantAward", second, AWARD | {"employee": ALAN, "cost_centre": "back"}, by=Actor("manager"))
    training.order("ApproveAward", first, {}, by=Actor("hr"), expected_version=1)
    training.follow()
    items = training.ask("Awards")["items"]
    assert [item["status"] for item in items] == ["approved", "granted"]
    for item in items:
        seen = shown(training, "AwardOf", item["id"])
        listed = item | {"allowed_actions": [], "approved_at": instant(item["approved_at"])}
        assert listed == seen | {"approved_at": instant(seen["approved_at"])}
    assert items[0] == AWARD | {
        "id": first,
        "status": "approved",
        "granted_by": "manager",
        "approved_by": "hr",
        "approved_at": items[0]["approved_at"],
    }


@pytest.mark.parametrize(
    ("asked", "found"),
    [({"employee": ALAN}, [ALAN]), ({"cost_centre": "floor"}, [ADA]), ({"status": "approved"}, []), ({}, [ADA, ALAN])],
)
def test_a_list_of_awards_has_what_the_filters_leave(training, asked, found):
    training.order("GrantAward", str(UUID(int=1)), AWARD)
    training.order("GrantAward", str(UUID(int=2)), AWARD | {"employee": ALAN, "cost_centre": "back"})
    training.follow()
    assert [item["employee"] for item in training.ask("Awards", **asked)["items"]] == found


def test_why_an_award_was_granted_is_sealed(training):
    award = UUID(int=1)
    training.order("GrantAward", str(award), AWARD)
    training.follow()
    stored = training.connection.execute("SELECT data::text FROM store.events").fetchall()
    listed = training.connection.execute("SELECT awards::text FROM read.awards").fetchall()
    assert not [text for (text,) in stored + listed if "resolutions" in text]
    with training.connection.cursor() as db:
        Keyring(MASTER).destroy(db, [award])
    assert [item["reason"] for item in training.ask("Awards")["items"]] == [None]


def test_a_rebuild_lists_the_same(defined, hire):
    hire(ADA)
    hire(ALAN, role="trainer")
    (plan,) = plans(defined, employee=ADA)
    defined.order("CompleteStep", plan["id"], {"course": "phone"})
    defined.order("GrantAward", str(uuid4()), AWARD)
    defined.follow()
    before = plans(defined), defined.ask("Awards")
    defined.rebuild()
    assert (plans(defined), defined.ask("Awards")) == before
