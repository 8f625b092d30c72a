"""What a client of the centre sees of the others: nothing, whatever it asks; and of agents, not even the names.

Every operation of the contract is asked. One that is open to clients must be in `asked` below, and what it answers may
neither name what is of another client, nor change with it; every other one must refuse clients.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from gateway.roles import INGEST, SCOPES
from tests.caller import Caller
from tests.contract import Contract, is_problem
from tests.facts import NINE, answered, fact, new_call

Json = dict[str, Any]

RANGE = {"from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"}
TOTAL = {**RANGE, "interval": "total"}
OFFICE = [{"opens": "09:00", "closes": "18:00"}]
VOLATILE = {"as_of", "next", "longest_wait_seconds"}
NOBODY = str(uuid4())
CLIENTS = ["the key of a client", "the token of a client"]
# Open to clients too: the stream tells what `/v1/live` does; of a quota or a schedule its state says whose it is, which
# their own tests look at.
ALSO_OPEN = re.compile(r"/v1/(live/stream|quotas(/.*)?|report-schedules(/.*)?)")
CUSTOMER = {"from": "+33199008001", "direction": "inbound"}


@dataclass
class Side:
    """A client with all that is theirs; `mark` is in the name of each of it, and of its agents."""

    mark: str
    call: str = ""

    @property
    def queue(self) -> str:
        return f"queue-{self.mark}"

    def asked(self) -> Iterator[tuple[str, str, Json]]:
        """All that is open to clients, about this side: the path of the contract, the path filled, the parameters."""
        calls, reports = f"/v1/calls/{self.call}", "/v1/reports/"
        yield "/v1/calendars", "/v1/calendars", {"limit": 500}
        yield "/v1/calendars/{calendar}", f"/v1/calendars/calendar-{self.mark}", {}
        yield "/v1/calendars/{calendar}/hours", f"/v1/calendars/calendar-{self.mark}/hours", RANGE
        yield "/v1/clients", "/v1/clients", {"limit": 500}
        yield "/v1/clients/{client}", f"/v1/clients/client-{self.mark}", {}
        yield "/v1/queues/{queue}", f"/v1/queues/{self.queue}", {}
        yield "/v1/calls", "/v1/calls", {**RANGE, "limit": 500}
        yield "/v1/calls", "/v1/calls", {"queue": self.queue}
        yield "/v1/calls", "/v1/calls", {"repeat_of": self.call, "days": 90}
        yield "/v1/calls", "/v1/calls", {**RANGE, "out_of_hours": "false", "limit": 500}
        yield "/v1/calls/{id}", calls, {}
        yield "/v1/calls/{id}/facts", f"{calls}/facts", {}
        yield "/v1/calls/{id}/disposition", f"{calls}/disposition", {}
        for group_by in ("queue", "client", "campaign"):
            yield "/v1/reports/service-level", f"{reports}service-level", {**TOTAL, "group_by": group_by}
            yield "/v1/reports/dispositions", f"{reports}dispositions", {**RANGE, "group_by": group_by}
            resolution = f"{reports}first-contact-resolution"
            yield "/v1/reports/first-contact-resolution", resolution, {**RANGE, "group_by": group_by}
        yield "/v1/reports/service-level", f"{reports}service-level", {**TOTAL, "queue": self.queue, "hours": "open"}
        yield "/v1/reports/dispositions", f"{reports}dispositions", RANGE
        yield "/v1/reports/dispositions", f"{reports}dispositions", {**RANGE, "queue": self.queue}
        yield "/v1/reports/first-contact-resolution", f"{reports}first-contact-resolution", RANGE
        repeats = "/v1/reports/first-contact-resolution/repeats"
        yield repeats, repeats, {**RANGE, "days": 90}
        explained = {"queue": self.queue, "interval": "total", "interval_start": RANGE["from"], "to": RANGE["to"]}
        for measure in ("offered", "out_of_hours", "handled"):
            yield "/v1/reports/explain", f"{reports}explain", {**explained, "measure": measure}
        grouped = {name: value for name, value in explained.items() if name != "queue"} | {"measure": "offered"}
        yield "/v1/reports/explain", f"{reports}explain", {**grouped, "client": f"client-{self.mark}"}
        yield "/v1/reports/agents", f"{reports}agents", {**TOTAL, "group_by": "queue"}
        yield "/v1/queues", "/v1/queues", {"limit": 500}
        yield "/v1/quotas", "/v1/quotas", {"limit": 500}
        yield "/v1/report-schedules", "/v1/report-schedules", {"limit": 500}
        yield "/v1/live", "/v1/live", {}


def settle_in(administrator: Caller, side: Side) -> None:
    """The client, its calendar, its queue."""
    administrator.configure(f"/v1/clients/client-{side.mark}", {"name": f"Name {side.mark}"})
    weekly = dict.fromkeys(("monday", "tuesday"), OFFICE)
    calendar = {"effective_from": "2026-01-01T00:00:00Z", "weekly": weekly}
    administrator.configure(f"/v1/calendars/calendar-{side.mark}", calendar)
    settings = {"client": f"client-{side.mark}", "calendar": f"calendar-{side.mark}"}
    administrator.configure(f"/v1/queues/{side.queue}", settings)


def work(administrator: Caller, side: Side, at: datetime) -> str:
    """Calls of the queue, agents at work and a caller who waits now; gives the call id of the first call."""
    told = {"code": f"code-{side.mark}", "kind": "order", "topics": [f"topic-{side.mark}"], "flags": ["sale"]}
    facts = []
    for day in range(3):
        begun = at + timedelta(days=day)
        story = answered(side.queue, 5, begun, campaign=f"campaign-{side.mark}", **CUSTOMER)
        story[1]["agent"] = f"agent-{side.mark}"
        facts += [*story, fact(story[0]["call_id"], "disposition_set", begun + timedelta(minutes=5), data=told)]
    now = datetime.now(UTC)
    sign_in = {"id": str(uuid4()), "source": "pbx1", "type": "agent.signed_in", "agent": f"agent-{side.mark}"}
    facts.append({**sign_in, "occurred_at": now.isoformat(), "data": {"queues": [side.queue]}})
    facts.append(fact(new_call(), "queued", now, queue=side.queue))
    administrator.send(*facts)
    return facts[0]["call_id"]


@pytest.fixture(scope="module")
def sides(administrator) -> tuple[Side, Side]:
    """Two clients, and a call that went from a queue of the one to a queue of the other."""
    ours, theirs = Side(f"ours-{uuid4()}"), Side(f"theirs-{uuid4()}")
    for side in (ours, theirs):
        settle_in(administrator, side)
        first = work(administrator, side, NINE)
        side.call = administrator.items("/v1/calls", queue=side.queue, call_id=first)[0]["id"]
    passed_on = answered(ours.queue, 5, NINE)
    data = {"to_agent": f"agent-{theirs.mark}", "to_queue": theirs.queue}
    passed_on[2] |= {"type": "call.transferred", "agent": "a-1042", "data": data}
    call, later = passed_on[0]["call_id"], NINE + timedelta(minutes=5)
    passed_on += [
        fact(call, "queued", later, queue=theirs.queue),
        fact(call, "answered", later + timedelta(seconds=1), queue=theirs.queue, agent=f"agent-{theirs.mark}"),
    ]
    administrator.send(*passed_on)
    return ours, theirs


@pytest.fixture(params=[*CLIENTS, "a key of one queue"])
def client(request, sides, administrator, stack, token_provider) -> Iterator[Caller]:
    """Somebody of our side, with every scope as far as they can have it."""
    name = f"client-{sides[0].mark}"
    if request.param == "the token of a client":
        token = token_provider.token("client", "administrator", client=name)
    else:
        limit = {"queues": [sides[0].queue]} if request.param == "a key of one queue" else {"client": name}
        order = {"name": "of a client", "scopes": sorted(SCOPES), **limit}
        token = administrator.http.post("/v1/api-keys", json=order).json()["key"]
    with Caller(stack.url, token) as caller:
        caller.is_client = request.param in CLIENTS
        yield caller


def answers(caller: Caller, side: Side) -> Json:
    """All that a caller is told about a side, less what changes with the time."""

    def steady(value: Any) -> Any:
        match value:
            case dict():
                return {name: steady(inner) for name, inner in value.items() if name not in VOLATILE}
            case list():
                return [steady(inner) for inner in value]
        return value

    return {f"{path} {asked}": steady(caller.get(path, **asked)) for _, path, asked in side.asked()}


def test_nothing_of_other_clients_is_named_nor_changes_anything(client, sides, administrator):
    ours, theirs = sides
    before = answers(client, ours)
    for question, answer in before.items():
        assert theirs.mark not in str(answer), question
        assert not client.is_client or f"agent-{ours.mark}" not in str(answer), question
    told = [question for question, answer in before.items() if ours.mark in str(answer)]
    assert len(told) > len(before) / 2
    (total,) = before[f"/v1/reports/dispositions {RANGE}"]["items"]
    assert (total["calls"], total["codes"]) == (4, {f"code-{ours.mark}": 3})
    work(administrator, theirs, NINE + timedelta(days=4))
    assert answers(client, ours) == before


def test_what_is_another_clients_is_not_there(client, sides):
    ours, theirs = sides
    for pattern, path, asked in theirs.asked():
        answer = client.http.get(path, params=asked)
        if "{" in pattern or "repeat_of" in asked or (asked.keys() & {"queue", "client"} and pattern != "/v1/calls"):
            is_problem(answer, 404, "request.not_found")
        else:
            assert answer.status_code == 200, answer.text
            assert theirs.mark not in answer.text, path
    for asked in ({"queue": theirs.queue}, {"client": f"client-{theirs.mark}"}, {"queue": ours.queue, "call_id": "x"}):
        assert client.get("/v1/calls", **asked)["items"] == []
    assert [each["queue"] for each in client.get("/v1/live")["queues"]] == [ours.queue]


@pytest.mark.parametrize("client", CLIENTS, indirect=True)
def test_every_other_operation_refuses_clients(client, sides, administrator):
    open_to_clients = {pattern for pattern, _, _ in sides[0].asked()}
    contract = Contract(administrator.get("/openapi.json"))
    closed = 0
    for method, path, operation in contract.operations("GET", "POST", "PUT", "DELETE"):
        if operation.get("x-scope") in (None, INGEST) or (method == "GET" and path in open_to_clients):
            continue
        if ALSO_OPEN.fullmatch(path):
            continue
        if (method, path) == ("POST", "/v1/api-keys"):
            continue  # of its own, see below
        filled = re.sub(r"\{\w+\}", NOBODY, path)
        is_problem(client.http.request(method, filled), 403, "auth.not_allowed")
        closed += 1
    assert closed > 30


def test_a_client_may_only_make_keys_of_its_own(sides, administrator, stack):
    ours, theirs = sides
    order = {"name": "a", "scopes": ["keys:write", "queues:read"], "client": f"client-{ours.mark}"}
    with Caller(stack.url, administrator.http.post("/v1/api-keys", json=order).json()["key"]) as own:
        more = {"name": "b", "scopes": ["queues:read"]}
        refused = own.http.post("/v1/api-keys", json={**more, "client": f"client-{theirs.mark}"})
        is_problem(refused, 403, "auth.grants_too_much")
        with Caller(stack.url, own.http.post("/v1/api-keys", json=more).json()["key"]) as made:
            assert made.http.get(f"/v1/queues/{ours.queue}").status_code == 200
            assert made.http.get(f"/v1/queues/{theirs.queue}").status_code == 404
    shown = [key for key in administrator.items("/v1/api-keys") if key["client"] == f"client-{ours.mark}"]
    assert {key["name"] for key in shown} >= {"a", "b"}
