"""A report goes to a client by webhook: who hears that it is due fetches the very file, and only who may see it."""

from datetime import UTC, datetime, time, timedelta
from uuid import uuid4

import psycopg

from gateway.tests.receiver import receiving
from services.calls.report_policies import tell_of_due_reports
from tests.caller import eventually
from tests.contract import Contract, is_problem
from tests.facts import answered

SCHEDULES, ENDPOINTS, DUE = "/v1/report-schedules", "/v1/webhooks/endpoints", "plateau.calls.report_due"
PATH = f"{SCHEDULES}/{{schedule_id}}/files/{{due_at}}"


def test_a_report_that_is_due_is_fetched_by_its_client_and_stays_as_it_was(administrator, key, stack, queue):
    mine, other = (f"client-{uuid4()}" for _ in range(2))
    administrator.configure(f"/v1/queues/{queue}", {"client": mine})
    today = datetime.now(UTC) - timedelta(seconds=30)
    administrator.send(*answered(queue, 5, at=today, talk=5))
    scopes = ("reports:read", "report-schedules:read")
    client, stranger, reader = key(*scopes, client=mine), key(*scopes, client=other), key("reports:read", client=mine)
    cadence = {"every": "day", "at": "07:00"}
    terms = {"name": "Yesterday", "report": "service-level", "cadence": cadence, "client": mine}
    with receiving() as receiver:
        made = administrator.http.post(ENDPOINTS, json={"url": receiver.url, "types": [DUE]}).json()
        order = administrator.http.post(SCHEDULES, json=terms | {"parameters": {"interval": "total"}}).json()
        administrator.http.get(SCHEDULES, headers={"Plateau-Min-Position": order["position"]}).raise_for_status()
        due_at = datetime.combine(today.date() + timedelta(days=1), time(7), UTC)
        with psycopg.connect(stack.settings()["PLATEAU_CALLS_DATABASE_URL"], autocommit=True) as calls:
            tell_of_due_reports(calls, due_at)

        def told():
            bodies = (posted.verified(made["secret"]) for posted in receiver.posted)
            return [body["data"] for body in bodies if body["data"]["schedule"] == order["id"]]

        (due,) = eventually(told)
        administrator.http.delete(f"{ENDPOINTS}/{made['id']}")
    assert due["file"] == f"{SCHEDULES}/{order['id']}/files/{due_at:%Y-%m-%dT%H:%M:%SZ}"

    file = client.http.get(due["file"])
    assert file.status_code == 200, file.text
    Contract(administrator.get("/openapi.json")).holds("GET", PATH, file)
    assert file.headers["content-type"].startswith("text/csv")
    assert file.headers["content-disposition"] == 'attachment; filename="service-level.csv"'
    names, row = (line.split(",") for line in file.text.splitlines())
    figures = dict(zip(names, row, strict=True))
    assert (figures["queue"], figures["offered"]) == (queue, "1")

    administrator.send(*answered(queue, 7, at=today, talk=5))  # told late: the report has two calls from now on
    for caller in (client, administrator):
        assert caller.http.get(due["file"]).content == file.content
    is_problem(stranger.http.get(due["file"]), 404, "request.not_found")
    is_problem(reader.http.get(due["file"]), 403, "auth.not_allowed")
    for never in ("2026-11-01T07:00:00Z", f"{due_at + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}", "yesterday"):
        missing = f"{SCHEDULES}/{order['id']}/files/{never}"
        is_problem(client.http.get(missing), 404, "request.not_found")
