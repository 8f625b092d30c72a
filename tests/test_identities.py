"""Outside names through the API: mapped, applied to the past, and the figures that moved told of."""

from tests.caller import eventually
from tests.contract import is_problem
from tests.facts import answered

FEED = "/v1/events"


def test_many_names_are_judged_one_by_one_and_none_twice(administrator, queue):
    http, good = administrator.http, {"system": f"pbx {queue}", "kind": "agent", "internal_id": "ada"}
    is_problem(http.post("/v1/identities/bulk", json=[good]), 422, "request.invalid")
    is_problem(http.post("/v1/identities/bulk", json={"items": []}), 400, "request.empty")
    is_problem(http.post("/v1/identities/bulk", json={"items": [good] * 5001}), 413, "request.too_many_items")
    refused = is_problem(http.post("/v1/identities/bulk", json={"items": [good, 7]}), 400, "request.none_acceptable")
    assert [error["pointer"] for error in refused["errors"]] == ["/items/0/external_id", "/items/1"]

    many = {"items": [{**good, "external_id": f"SIP/{number}"} for number in range(4_999)] + [good]}
    key = {"Idempotency-Key": f"many-{queue}"}
    answer = http.post("/v1/identities/bulk", json=many, headers=key)
    assert answer.status_code == 200, answer.text
    done = answer.json()
    assert (done["accepted"], [each["pointer"] for each in done["rejected"]]) == (4_999, ["/items/4999/external_id"])
    assert http.post("/v1/identities/bulk", json=many, headers=key).json() == done
    assert http.post("/v1/identities/bulk", json=many).json()["accepted"] == 4_999
    administrator.settle()
    listed = administrator.items("/v1/identities", system=good["system"], limit=500)
    assert len({each["external_id"] for each in listed}) == len(listed) == 4_999


def test_a_name_is_ended_and_corrected_by_its_id(administrator, queue):
    http, name = administrator.http, {"system": f"pbx {queue}", "kind": "queue", "external_id": "600"}
    made = http.post("/v1/identities", json={**name, "internal_id": "sales"})
    assert made.status_code == 201, made.text
    path = made.headers["Location"]
    assert http.post("/v1/identities", json={**name, "internal_id": "sales"}).json() == made.json()
    is_problem(http.post("/v1/identities", json={**name, "internal_id": "care"}), 409, "calls.identity.taken")
    assert http.post(f"{path}/end", json={"valid_to": "2026-05-01T00:00:00Z"}).json()["version"] == 2
    correction = {"internal_id": "care", "valid_from": "2026-04-01T00:00:00Z", "valid_to": "2026-05-01T00:00:00Z"}
    assert http.post(f"{path}/correct", json=correction).json()["version"] == 3
    shown = administrator.get(path)
    assert [(each["internal_id"], each["valid_to"]) for each in shown["meanings"]] == [
        ("sales", "2026-04-01T00:00:00Z"),
        ("care", "2026-05-01T00:00:00Z"),
    ]
    assert [each["type"] for each in administrator.get(f"{path}/history")["items"]] == [
        "identity_mapped",
        "identity_corrected",
        "identity_corrected",
    ]


def test_a_figure_that_a_name_moves_is_told_of(administrator, queue):
    outside = f"outside {queue}"
    administrator.send(*answered(outside, 12))

    def told(kind, of_queue):
        found, after = [], None
        page = {"items": [None]}
        while page["items"]:
            page = administrator.get(FEED, types=f"plateau.calls.{kind}", after=after, limit=500)
            found += [event for event in page["items"] if event["data"]["queue"] == of_queue]
            after = page["next"]
        return found

    eventually(lambda: told("interval_closed", outside))
    mapping = {"system": "pbx1", "kind": "queue", "external_id": outside, "internal_id": queue}
    assert administrator.http.post("/v1/identities", json=mapping).status_code == 201
    (closed,) = eventually(lambda: told("interval_closed", queue))
    (corrected,) = eventually(lambda: told("figure_corrected", outside))
    assert (closed["data"]["figures"]["answered"], closed["revision"]) == (1, 1)
    assert (corrected["revision"], corrected["data"]["causes"]) == (2, ["identity"])
    assert administrator.figures(queue)["answered"] == 1
    (listed,) = eventually(lambda: administrator.items("/v1/reports/corrections", queue=outside))
    assert (listed["before"]["answered"], listed["after"]["answered"]) == (1, 0)
