"""People across the services: hired, inducted, supervised and signed off; awarded by one and approved by another."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pika
import pytest
from click.testing import CliRunner

from infra.events import events
from tests.caller import BEGIN, END, Caller, eventually
from tests.contract import is_problem
from tests.facts import answered

EMPLOYEES, PLANS, AWARDS = "/v1/staff/employees", "/v1/training/learning-plans", "/v1/incentives/awards"
COURSES = [{"course": "welcome", "title": "Welcome", "weeks": 1}, {"course": "phone", "title": "The telephone"}]
DUTIES = ["files", "reviews", "schedules", "procedures", "systems", "customers"]


@pytest.fixture
def role(administrator):
    """A role of this test alone, with an induction."""
    name = f"agent-{uuid4()}"
    administrator.configure(f"/v1/training/inductions/{name}", {"courses": COURSES})
    return name


@pytest.fixture
def hire(administrator):
    """Hires somebody; gives their path."""

    def hired(role, **more):
        person = {"given_name": "Ada", "family_name": "Martin", "role": role, "starts_on": "2026-01-05", **more}
        answer = administrator.http.post(EMPLOYEES, json=person)
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"]

    return hired


def order(caller, path, body=None, **headers):
    answer = caller.http.post(path, json=body or {}, headers=headers)
    assert answer.status_code in {200, 201}, answer.text
    return answer


def sign_off(caller, path):
    """Signs off what was just seen."""
    seen = caller.http.get(path).headers["ETag"]
    return caller.http.post(f"{path}/supervision/sign-off", json={}, headers={"If-Match": seen})


def plan_of(caller, path, status):
    """The learning plan of an employee, once it has come to a status."""
    employee = path.rpartition("/")[2]
    (plan,) = eventually(lambda: caller.get(PLANS, employee=employee, status=status)["items"])
    return plan


def test_whoever_has_finished_their_induction_is_signed_off(administrator, role, hire):
    path = hire(role)
    terms = {"supervisors": [str(uuid4())], "minimum_weeks": 4, "starts_on": "2026-01-05"}
    order(administrator, f"{path}/supervision/start", terms)
    order(administrator, f"{path}/supervision/checkpoint", {"note": "Finds every file.", "on": "2026-01-12"})
    is_problem(sign_off(administrator, path), 409, "staff.supervision.duties_missing")
    for duty in DUTIES:
        order(administrator, f"{path}/supervision/prove-duty", {"duty": duty})
    refused = is_problem(sign_off(administrator, path), 409, "staff.supervision.induction_missing")
    assert "learning plan" in refused["detail"]

    plan = f"{PLANS}/{plan_of(administrator, path, 'running')['id']}"
    for step in administrator.get(plan)["steps"]:
        order(administrator, f"{plan}/complete-step", {"course": step["course"]})
    again = administrator.http.post(f"{plan}/complete-step", json={"course": "phone"})
    is_problem(again, 409, "training.plan.step_completed")
    assert administrator.get(plan)["status"] == "finished"

    eventually(lambda: administrator.get(path)["induction_finished"])
    assert sign_off(administrator, path).status_code == 200
    shown = administrator.get(path)
    assert (shown["status"], shown["supervision"]["missing"]) == ("signed_off", [])
    assert shown["supervision"]["checkpoints"] == [{"on": "2026-01-12", "note": "Finds every file."}]
    types = [event["type"] for event in administrator.get(f"{path}/history")["items"]]
    assert types[:4] == ["employee_hired", "file_opened", "supervision_started", "checkpoint_recorded"]
    assert types[-2:] == ["induction_finished", "supervision_signed_off"]


def test_a_role_without_an_induction_waits_for_none(administrator, hire):
    path = hire(f"porter-{uuid4()}")
    assert plan_of(administrator, path, "finished")["steps"] == 0
    eventually(lambda: administrator.get(path)["induction_finished"])


def test_employees_are_found_by_the_id_that_another_system_gives_them(administrator, role, hire):
    number = str(uuid4())
    path = hire(role, external_id={"system": "hris", "value": number})
    (found,) = eventually(lambda: administrator.get(EMPLOYEES, external_id=f"hris:{number}")["items"])
    assert (f"{EMPLOYEES}/{found['id']}", found["given_name"], found["status"]) == (path, "Ada", "hired")


def test_an_award_granted_with_one_key_is_approved_with_another(administrator, key, hire, role):
    employee = hire(role).rpartition("/")[2]
    scopes = ("awards:read", "awards:write", "awards:approve")
    manager, hr = key(*scopes), key(*scopes)
    award = {"employee": employee, "reason": "Most resolutions", "cost_centre": f"floor-{uuid4()}"}
    nothing = manager.http.post(AWARDS, json=award | {"amount": {"amount": "0.00", "currency": "EUR"}})
    is_problem(nothing, 422, "training.award.amount_not_positive")
    granted = order(manager, AWARDS, award | {"amount": {"amount": "150.00", "currency": "EUR"}})
    path, seen = granted.headers["Location"], {"If-Match": granted.headers["ETag"]}

    is_problem(manager.http.post(f"{path}/approve", json={}, headers=seen), 409, "training.award.own_grant")
    is_problem(hr.http.post(f"{path}/approve", json={}), 428, "request.if_match_missing")
    order(hr, f"{path}/approve", **seen)
    shown = administrator.get(path)
    assert (shown["status"], shown["amount"]) == ("approved", {"amount": "150.00", "currency": "EUR"})
    assert shown["granted_by"] != shown["approved_by"]
    (listed,) = eventually(lambda: hr.get(AWARDS, cost_centre=award["cost_centre"], status="approved")["items"])
    assert {**listed, "allowed_actions": shown["allowed_actions"]} == shown


@pytest.mark.parametrize(("scope", "path"), [("awards:read", EMPLOYEES), ("learning-plans:read", AWARDS)])
def test_each_list_needs_its_own_scope(key, scope, path):
    is_problem(key(scope).http.get(path), 403, "auth.not_allowed")


@pytest.fixture
def leader(stack, token_provider):
    """A supervisor of a team."""

    def leading(team):
        return Caller(stack.url, token_provider.token("supervisor", team=team))

    return leading


def test_what_an_agent_takes_counts_for_the_team_in_which_staff_places_them(administrator, role, hire, queue, leader):
    agent, north, south = (f"{kind}-{uuid4()}" for kind in ("a", "north", "south"))
    path = hire(role, team=north, agent=agent)
    again = {"given_name": "Alan", "family_name": "Petit", "role": role, "starts_on": "2026-03-01", "agent": agent}
    eventually(lambda: administrator.get(EMPLOYEES, agent=agent)["items"])
    is_problem(administrator.http.post(EMPLOYEES, json=again), 409, "staff.employee.agent_taken")
    quotas = {}
    for team in (north, south):
        terms = {"metric": "handled", "target": 1, "scope": {"kind": "team", "name": team}, "period": {"every": "day"}}
        quotas[team] = order(administrator, "/v1/quotas", terms).headers["Location"]
    call = answered(queue, 1, at=datetime.now(UTC) - timedelta(seconds=30), talk=5)
    administrator.send(*(fact | {"agent": agent} if "agent" in fact else fact for fact in call))

    def attained():
        return [administrator.get(f"{quotas[team]}/progress")["attained"] for team in (north, south)]

    eventually(lambda: attained() == [1, 0])
    today = {"from": (datetime.now(UTC) - timedelta(days=1)).isoformat(), "to": datetime.now(UTC).isoformat()}
    for team, seen in ((north, [agent]), (south, [])):
        with leader(team) as supervisor:
            found = supervisor.get("/v1/reports/agents", interval="total", **today)["items"]
            assert [row["agent"] for row in found] == seen
            legs = [leg["agent"] for each in supervisor.get("/v1/calls", queue=queue)["items"] for leg in each["legs"]]
            assert legs == (seen or [None])
    latest = administrator.get("/v1/events", after="latest")["next"]
    order(administrator, f"{path}/transfer", {"team": south, "effective_from": "2026-01-05"})
    eventually(lambda: attained() == [0, 1])
    told = administrator.get("/v1/events", after=latest, types="plateau.staff.employee_updated", wait=5)["items"]
    assert [(event["data"]["placements"], event["revision"]) for event in told] == [
        ([{"effective_from": "2026-01-05", "team": south, "agent": agent}], 3)
    ]


@contextmanager
def deaf(stack, consumer, source, kind):
    """A time in which a service does not hear what another tells."""
    bound = {"queue": f"{consumer}.from.{source}", "exchange": f"{source}.events", "routing_key": kind}
    with pika.BlockingConnection(pika.URLParameters(stack.servers.rabbitmq.url)) as connection:
        channel = connection.channel()
        channel.queue_unbind(**bound)
        try:
            yield channel
        finally:
            channel.queue_bind(**bound)


def test_a_service_is_told_what_it_has_missed(stack, administrator, role, hire, queue):
    team, agent = f"north-{queue}", f"agent-{queue}"
    with deaf(stack, "calls", "staff", "employee_hired") as channel:
        heard = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(heard, "staff.events", "employee_hired")
        hire(role, team=team, agent=agent)
        eventually(lambda: channel.basic_get(heard, auto_ack=True)[0])  # so that the relay is past it
    administrator.send(*(fact | {"agent": agent} if "agent" in fact else fact for fact in answered(queue, 12)))
    asked = {"from_": BEGIN, "to": END, "interval": "total", "team": team}
    assert administrator.get("/v1/reports/agents", **asked)["items"] == []
    addresses = {"PLATEAU_URL": stack.url, "PLATEAU_TOKEN": stack.new_key()}
    addresses["PLATEAU_AMQP_URL"] = stack.servers.rabbitmq.url
    for _ in range(2):
        told = CliRunner().invoke(events, ["retell", "staff", "calls"], env=addresses)
        assert told.exit_code == 0, told.output
    (row,) = eventually(lambda: administrator.get("/v1/reports/agents", **asked)["items"])
    assert (row["agent"], row["handled"]) == (agent, 1)
    refused = CliRunner().invoke(events, ["retell", "budget", "calls"], env=addresses)
    assert (refused.exit_code, "reacts to nothing" in refused.output) == (2, True)
