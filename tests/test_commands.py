"""Commands as their caller meets them: versions, preconditions, repeats, and reports that know of them at once."""

from datetime import UTC, datetime, timedelta
from urllib.parse import unquote
from uuid import uuid4

import pytest

from tests.caller import BEGIN, END, SERVICE_LEVEL, eventually
from tests.contract import is_problem
from tests.facts import NINE, answered, fact, new_call

PARIS = {"timezone": "Europe/Paris"}


@pytest.fixture
def path(queue):
    return f"/v1/queues/{queue}"


def policy(threshold, **terms):
    return {"service_level": {"threshold_seconds": threshold, "effective_from": BEGIN, **terms}}


def test_a_queue_that_nobody_configured_is_shown_with_the_defaults(administrator, path, queue):
    shown = administrator.get(path)
    assert (shown["queue"], shown["timezone"], shown["calendar"], shown["client"]) == (queue, "UTC", None, None)
    assert shown["service_level"] == {
        "name": "default",
        "threshold_seconds": 20,
        "comparison": "lte",
        "formula": "sl1",
        "short_abandon_seconds": 5,
        "count_as_abandoned": [],
        "exclude": ["restart"],
        "target": 0.8,
        "effective_from": None,
    }


def test_an_existing_queue_is_changed_only_by_who_has_seen_it(administrator, path):
    http = administrator.http
    made = http.put(path, json=PARIS)
    assert (made.status_code, made.headers["ETag"], made.json()["version"]) == (201, '"1"', 1)
    is_problem(http.put(path, json={"timezone": "UTC"}), 428, "request.if_match_missing")
    is_problem(http.put(path, json={"timezone": "UTC"}, headers={"If-Match": '"0"'}), 412, "request.version_stale")
    is_problem(http.put(path, json={"timezone": "UTC"}, headers={"If-Match": "1"}), 400, "request.malformed_header")
    assert administrator.get(path)["timezone"] == "Europe/Paris"

    changed = http.put(path, json={"timezone": "UTC"}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    shown = http.get(path)
    assert (shown.headers["ETag"], shown.json()["timezone"]) == ('"2"', "UTC")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"timezone": "Europe/Atlantis"}, "/timezone"),
        ({"service_level": {"threshold_seconds": -1}}, "/service_level/threshold_seconds"),
        ({"service_level": {"formula": "sl8"}}, "/service_level/formula"),
        ({"colour": "blue"}, "/colour"),
        ({"calendar": "none"}, "/calendar"),
    ],
)
def test_an_order_that_makes_no_sense_is_pointed_at_and_changes_nothing(administrator, path, body, pointer):
    answer = administrator.http.put(path, json=body)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert administrator.http.get(path).headers["ETag"] == '"0"'


def test_the_same_key_is_the_same_command(administrator, path):
    key = {"Idempotency-Key": str(uuid4())}
    first, again = (administrator.http.put(path, json=PARIS, headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    other = administrator.http.put(path, json={"timezone": "UTC"}, headers=key)
    is_problem(other, 422, "idempotency.key_reused")
    assert administrator.http.get(path).headers["ETag"] == '"1"'


def test_a_report_asked_with_the_position_of_a_command_knows_it(administrator, path, queue):
    administrator.send(*answered(queue, 15))
    for threshold in (10, 30) * 5:
        answer = administrator.configure(path, policy(threshold))
        row = administrator.http.get(
            SERVICE_LEVEL,
            params={"queue": queue, "from": BEGIN, "to": END, "interval": "total"},
            headers={"Plateau-Min-Position": answer.json()["position"]},
        ).json()["items"][0]
        assert row["answered_within"] == (threshold == 30)


def test_a_policy_of_the_past_judges_the_past_from_its_date_on(administrator, path, queue):
    later = NINE + timedelta(minutes=30)
    administrator.send(*answered(queue, 45), *answered(queue, 45, later), *answered(queue, 5, later))
    assert administrator.figures(queue)["service_level"] == 0.3333
    administrator.configure(path, policy(60, name="generous", effective_from=later.isoformat()))
    administrator.settle()
    row = administrator.figures(queue)
    assert (row["answered_within"], row["service_level"]) == (2, 0.6667)
    asked = {"queue": queue, "from": BEGIN, "to": END, "interval": "PT30M"}
    report = administrator.get(SERVICE_LEVEL, **asked | {"from": NINE.isoformat(), "to": "2026-03-17T10:00:00Z"})
    assert [row["answered_within"] for row in report["items"]] == [0, 2]
    assert [used["name"] for used in report["policies"]] == ["default", "generous"]

    administrator.configure(path, policy(10, name="strict", effective_from=(later - timedelta(hours=2)).isoformat()))
    administrator.settle()
    assert [row["answered_within"] for row in administrator.get(SERVICE_LEVEL, **asked)["items"] if row["offered"]] == [
        0,
        2,
    ]


def test_a_queue_is_shown_as_it_was_and_with_all_that_happened_to_it(administrator, path):
    administrator.configure(path, PARIS)
    between = datetime.now(UTC)
    administrator.configure(path, {"timezone": "Europe/Paris", "client": "acme", **policy(30)})

    def as_of():
        answer = administrator.http.get(path, params={"as_of": between.isoformat()})
        return answer if answer.status_code == 200 else is_problem(answer, 409, "request.not_yet_known") and None

    then = eventually(as_of)
    assert (then.json()["client"], then.headers["ETag"]) == (None, '"1"')
    assert administrator.get(path)["client"] == "acme"
    history = administrator.get(f"{path}/history")["items"]
    assert [event["type"] for event in history] == ["queue_configured", "queue_configured", "policy_adopted"]
    assert [event["version"] for event in history] == [1, 2, 3]
    tomorrow = (between + timedelta(days=1)).isoformat()
    is_problem(administrator.http.get(path, params={"as_of": tomorrow}), 409, "request.not_yet_known")


def test_a_source_may_have_slashes_in_its_name_and_its_secret_is_never_shown(administrator, key, queue):
    source = f"arn:connect/eu-west-3/{uuid4()}"
    path = f"/v1/telephony/sources/{source}"
    made = administrator.http.put(path, json={"kind": "amazon-connect", "secret": "correct horse", **PARIS})
    assert (made.status_code, unquote(made.headers["Location"])) == (201, path)
    shown = administrator.http.get(path)
    assert (shown.json()["source"], shown.json()["kind"]) == (source, "amazon-connect")
    assert shown.json()["has_secret"] is True
    history = administrator.http.get(f"{path}/history")
    assert [event["type"] for event in history.json()["items"]] == ["source_configured"]
    assert "correct horse" not in shown.text + history.text

    own = key("calls:ingest", sources=[source])
    assert own.post([fact(new_call(), "queued", NINE, source, queue=queue)]).status_code == 202
    administrator.settle()
    (call,) = administrator.items("/v1/calls", source=source)
    assert call["started_at"] == "2026-03-17T09:00:00Z"
    administrator.configure(path, {"kind": "amazon-connect", "clock_offset_seconds": 60})
    administrator.settle()
    (call,) = administrator.items("/v1/calls", source=source)
    assert call["started_at"] == "2026-03-17T09:01:00Z"


def test_a_disposition_is_set_once_and_then_corrected_with_a_reason(administrator, queue):
    administrator.send(*answered(queue, 3))
    (call,) = administrator.items("/v1/calls", queue=queue)
    path = f"/v1/calls/{call['id']}/disposition"
    done = administrator.http.post(path, json={"code": "order", "flags": ["dnc"]})
    assert done.status_code == 200
    seen = {"Plateau-Min-Position": done.json()["position"]}
    shown = administrator.http.get("/v1/calls", params={"queue": queue, "disposition": "order"}, headers=seen)
    assert [each["id"] for each in shown.json()["items"]] == [call["id"]]
    is_problem(administrator.http.post(path, json={"code": "other"}), 409, "calls.disposition.set_already")
    correction = {"code": "question", "kind": "question"}
    refused = is_problem(administrator.http.post(f"{path}/correct", json=correction), 422, "request.invalid")
    assert [fault["pointer"] for fault in refused["errors"]] == ["/reason"]
    done = administrator.http.post(f"{path}/correct", json={**correction, "reason": "The wrong button."})
    answer = administrator.http.get(path, headers={"Plateau-Min-Position": done.json()["position"]}).json()
    assert answer["disposition"] == {**correction, "flags": ["dnc"]}
    assert [(each["told"], each["reason"]) for each in answer["told"]] == [
        ("set", None),
        ("corrected", "The wrong button."),
    ]
