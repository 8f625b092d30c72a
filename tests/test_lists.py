"""Lists, filters and the floor as it is now."""

from datetime import UTC, datetime, timedelta
from itertools import chain
from random import Random
from uuid import uuid4

import pytest

from services.kernel.cursors import encode
from tests.contract import is_problem
from tests.facts import NINE, abandoned, answered, every, fact, new_call, timed_out

CALLS = "/v1/calls"


def test_pages_show_every_call_once_in_a_stable_order_while_more_come(administrator, queue):
    instants = every(7)
    first = [answered(queue, 3, next(instants)) for _ in range(90)]
    administrator.send(*chain(*first))
    seen = []
    for page in administrator.pages(CALLS, queue=queue, limit=20):
        seen += page["items"]
        administrator.send(*answered(queue, 3, NINE - timedelta(hours=1)), *answered(queue, 3, next(instants)))
    ids = [call["call_id"] for call in seen]
    assert len(ids) == len(set(ids))
    assert [call for call in ids if call in {facts[0]["call_id"] for facts in first}] == [
        facts[0]["call_id"] for facts in first
    ]
    places = [(call["started_at"], call["id"]) for call in seen]
    assert places == sorted(places)


def test_the_next_page_is_linked(administrator, queue):
    administrator.send(*chain(*(answered(queue, 3, at) for at, _ in zip(every(7), range(5), strict=False))))
    page = administrator.http.get(CALLS, params={"queue": queue, "limit": 3})
    assert page.links["next"]["url"].startswith(CALLS)
    rest = administrator.http.get(page.links["next"]["url"])
    assert len(page.json()["items"] + rest.json()["items"]) == 5
    assert rest.json()["next"] is None
    assert rest.links == {}


def test_a_cursor_that_is_old_or_of_another_list_is_told_so(administrator, queue):
    administrator.send(*answered(queue, 3))
    yesterday = datetime.now(UTC) - timedelta(hours=25)
    old = encode(yesterday, NINE.isoformat(), str(uuid4()))
    is_problem(administrator.http.get(CALLS, params={"cursor": old}), 410, "request.cursor_expired")
    (call,) = administrator.items(CALLS, queue=queue)
    page = administrator.get(f"{CALLS}/{call['id']}/facts", limit=1)
    for foreign in (page["next"], "nonsense", "W10"):
        answer = administrator.http.get(CALLS, params={"cursor": foreign})
        (fault,) = is_problem(answer, 422, "request.invalid")["errors"]
        assert fault["pointer"] == "/cursor"


@pytest.mark.parametrize("limit", ["0", "501", "many"])
def test_a_limit_out_of_range_is_pointed_at(administrator, limit):
    answer = administrator.http.get(CALLS, params={"limit": limit})
    (fault,) = is_problem(answer, 422, "request.invalid")["errors"]
    assert fault["pointer"] == "/limit"


@pytest.fixture(scope="module")
def four_calls(administrator):
    """Four calls that differ in everything a list can be asked for; gives their call ids and what they share."""
    source = f"pbx-{uuid4()}"
    at = [NINE + timedelta(hours=n) for n in range(4)]
    number = {"from": "+33199007001", "to": "+33199000100"}
    first = answered(f"{source}-a", 3, at[0], source=source, direction="inbound", campaign=source, **number)
    second = abandoned(f"{source}-b", 9, at[1], source=source, direction="inbound")
    third = timed_out(f"{source}-b", 60, at[2], source=source, direction="inbound")
    fourth = [
        fact(new_call(), "started", at[3], source, direction="outbound", to="+33199007001", **{"from": "+33199000100"})
    ]
    fourth.append(fourth[0] | {"id": "2", "type": "call.answered", "agent": f"{source}-agent"})
    administrator.send(*first, *second, *third, *fourth)
    return source, [facts[0]["call_id"] for facts in (first, second, third, fourth)]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, [0, 1, 2, 3]),
        ({"queue": "{}-b"}, [1, 2]),
        ({"agent": "{}-agent"}, [3]),
        ({"direction": "outbound"}, [3]),
        ({"outcome": "answered"}, [0, 3]),
        ({"outcome": "abandoned"}, [1]),
        ({"outcome": "overflowed"}, [2]),
        ({"campaign": "{}"}, [0]),
        ({"customer": "+33199007001"}, [0, 3]),
        ({"from": "2026-03-17T10:00:00Z"}, [1, 2, 3]),
        ({"from": "2026-03-17T10:00:00Z", "to": "2026-03-17T11:00:00Z"}, [1]),
        ({"queue": "{}-a", "outcome": "abandoned"}, []),
    ],
    ids=str,
)
def test_filters_leave_what_they_name(administrator, four_calls, asked, found):
    source, calls = four_calls
    wanted = {name: value.format(source) for name, value in asked.items()}
    shown = [call["call_id"] for call in administrator.items(CALLS, source=source, **wanted)]
    assert shown == [calls[n] for n in found]


def test_a_call_is_found_by_the_id_that_its_source_gave_it(administrator, four_calls):
    source, calls = four_calls
    (call,) = administrator.items(CALLS, source=source, call_id=calls[0])
    shown = administrator.get(f"{CALLS}/{call['id']}")
    assert {name: value for name, value in shown.items() if name in call} == call
    assert (call["caller_number"], call["called_number"]) == ("+33199007001", "+33199000100")


def test_the_facts_of_a_call_come_in_the_order_in_which_they_happened(administrator, queue):
    facts = answered(queue, 20)
    call = facts[0]["call_id"]
    facts += [fact(call, "held", NINE + timedelta(seconds=n)) for n in (30, 50)]
    facts += [fact(call, "resumed", NINE + timedelta(seconds=n)) for n in (40, 60)]
    told = sorted(facts, key=lambda each: each["occurred_at"])
    Random(5).shuffle(facts)
    for each in facts:
        administrator.send(each)
    (shown,) = administrator.items(CALLS, queue=queue)
    listed = administrator.items(f"{CALLS}/{shown['id']}/facts", limit=2)
    assert [(each["id"], each["type"]) for each in listed] == [(each["id"], each["type"]) for each in told]
    assert all(each["recorded_at"] >= "2026-11" for each in listed)


def test_the_floor_now(administrator, queue):
    now = datetime.now(UTC)
    # Where it is about noon, so that the day does not begin between two facts.
    administrator.configure(f"/v1/queues/{queue}", {"timezone": f"Etc/GMT{now.hour - 12:+d}"})
    administrator.settle()

    def ago(seconds):
        return now - timedelta(seconds=seconds)

    def agent(name, kind, at, **data):
        return {
            "id": f"{kind} {at.isoformat()}",
            "source": "pbx1",
            "type": f"agent.{kind}",
            "agent": f"{queue}-{name}",
            "occurred_at": at.isoformat(),
            "data": data,
        }

    def now_in_queue():
        floor = administrator.get("/v1/live")
        (shown,) = [each for each in floor["queues"] if each["queue"] == queue]
        return shown, floor["agents"]

    # Agents of other tests who named no queue serve all of them.
    others = now_in_queue()[0]["agents"]
    talking = answered(queue, 5, ago(60))[:2]
    talking[1] |= {"agent": f"{queue}-talks"}
    facts = [agent(name, "signed_in", ago(300), queues=[queue]) for name in ("waits", "talks", "eats", "left")]
    facts += [agent("eats", "paused", ago(200), reason="lunch"), agent("left", "signed_out", ago(100))]
    facts += [*talking, *abandoned(queue, 7, ago(90)), *answered(queue, 2, ago(280), talk=30)]
    facts += [fact(new_call(), "queued", ago(seconds), queue=queue) for seconds in (40, 10)]
    administrator.send(*facts)

    shown, floor = now_in_queue()
    assert shown["waiting"] == 2
    assert 40 <= shown["longest_wait_seconds"] < 100
    ours = {state: count - others[state] for state, count in shown["agents"].items()}
    assert ours == {"available": 1, "on_call": 1, "wrapup": 0, "paused": 1}
    today = {name: shown["today"][name] for name in ("offered", "answered", "abandoned", "in_progress", "handled")}
    assert today == {"offered": 5, "answered": 2, "abandoned": 1, "in_progress": 2, "handled": 1}
    agents = {each["agent"].removeprefix(f"{queue}-"): each for each in floor if queue in each["agent"]}
    assert {name: (each["state"], each["activity"]) for name, each in agents.items()} == {
        "waits": ("available", None),
        "talks": ("on_call", None),
        "eats": ("paused", "lunch"),
    }
