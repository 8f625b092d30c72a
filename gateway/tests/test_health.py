import math

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.endpoints import Entry
from gateway.health import Health
from gateway.rpc import DeadlinePassed, RemoteError
from gateway.tests.fakes import client
from services.kernel.values import Unavailable

pytestmark = pytest.mark.anyio


LEVEL = {"stored": {}, "lags": {}, "relay": 0, "held_back_by": None}


class FakeDependencies:
    """Database, publisher, queue depths and RPC in one; each as well as the test says."""

    id = "life-1"

    def __init__(self, *, confirmed=None, waiting=0, progress=None, ready=True, database=True, away=(), heard=2.5):
        self.confirmed = confirmed or {}
        self.waiting = waiting
        self.progress = progress or LEVEL
        self.away = away
        self.ready = ready
        self.database = database
        self.heard = heard

    def connection(self):
        return self

    async def __aenter__(self):
        if not self.database:
            import psycopg  # noqa: PLC0415 - only here

            raise psycopg.OperationalError("a fake database that is away")
        return self

    async def __aexit__(self, *_):
        return None

    async def execute(self, statement):
        self.statement = statement
        return self

    async def fetchall(self):
        if "event_cursors" in self.statement:
            return [] if self.heard is None else [("calls", self.heard), ("staff", 900.0)]
        return [("webhooks", 3, 7.5), ("mail", 1, 0.25)]

    async def ready_messages(self):
        if isinstance(self.waiting, Exception):
            raise self.waiting
        return self.waiting

    async def call(self, service, method, kwargs, **_options):
        assert (method, kwargs) == ("progress", {"publisher": "life-1"} if service == "calls" else {})
        if service in self.away:
            raise Unavailable(f"{service} is away")
        if service != "calls":
            return {"lags": {f"{service}.model": 0}, "relay": 0, "held_back_by": None}
        if isinstance(self.progress, Exception):
            raise self.progress
        return self.progress


async def get(path, dependencies):
    health = Health(dependencies, dependencies, dependencies, dependencies)
    entries = [
        Entry("GET", "/health/live", health.live),
        Entry("GET", "/health/ready", health.ready),
        Entry("GET", "/metrics", health.metrics),
    ]
    async with client(entries) as http:
        return await http.get(path)


async def test_a_process_that_answers_is_live():
    answer = await get("/health/live", FakeDependencies(database=False))
    assert (answer.status_code, answer.json()) == (200, {"status": "live"})


async def test_ready_tells_each_dependency_backlog_and_lags():
    waits_for = {"pid": 7, "application": "a forgotten session", "database": "other", "seconds": 12.5}
    progress = {
        "stored": {"calls.ingest.0": 7, "calls.ingest.1": 5},
        "lags": {"calls.calls": 3},
        "relay": 2,
        "held_back_by": waits_for,
    }
    confirmed = {"calls.ingest.0": 10, "calls.ingest.1": 5, "calls.ingest.2": 1}
    answer = await get("/health/ready", FakeDependencies(confirmed=confirmed, progress=progress))
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "dependencies": dict.fromkeys(
            ("database", "broker", "calls", "staff", "training", "budget", "deliveries"), "up"
        ),
        "ingest_backlog": 4,
        "projections": {"calls.calls": 3, "staff.model": 0, "training.model": 0, "budget.model": 0},
        "relays": {"calls": 2, "staff": 0, "training": 0, "budget": 0},
        "deliveries": {"heard_seconds_ago": {"calls": 2.5, "staff": 900.0}, "due": 4, "oldest_due_seconds": 7.5},
        "held_back_by": waits_for,
    }


async def test_messages_that_wait_count_even_if_another_life_of_the_process_sent_them():
    answer = await get("/health/ready", FakeDependencies(waiting=9))
    assert answer.json()["ingest_backlog"] == 9


async def test_what_was_stored_though_never_confirmed_is_no_negative_backlog():
    progress = LEVEL | {"stored": {"calls.ingest.0": 10}}
    answer = await get("/health/ready", FakeDependencies(confirmed={"calls.ingest.0": 7}, progress=progress))
    assert answer.json()["ingest_backlog"] == 0


@pytest.mark.parametrize(
    ("broken", "names"),
    [
        ({"database": False}, {"database", "deliveries"}),
        ({"ready": False}, {"broker"}),
        ({"waiting": Unavailable("away")}, {"broker"}),
        ({"progress": Unavailable("away")}, {"calls"}),
        ({"progress": DeadlinePassed("late")}, {"calls"}),
        ({"progress": RemoteError("X", "x")}, {"calls"}),
    ],
)
async def test_a_dependency_that_is_down_is_named_and_what_it_knows_is_unknown(broken, names):
    answer = await get("/health/ready", FakeDependencies(**broken))
    assert answer.status_code == 503
    body = answer.json()
    assert {name for name, state in body["dependencies"].items() if state != "up"} == names
    assert (body["ingest_backlog"] is None) == ("progress" in broken or "waiting" in broken)


async def test_a_service_that_calls_do_not_need_is_named_but_takes_no_gateway_out():
    answer = await get("/health/ready", FakeDependencies(away=("training",)))
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert answer.json()["dependencies"]["training"] == "training is away"
    assert "training.model" not in answer.json()["projections"]


@pytest.mark.parametrize(("heard", "says"), [(None, "no events"), (21.0, "no events for 21 s")])
async def test_a_process_that_delivers_nothing_is_named_but_takes_no_gateway_out(heard, says):
    answer = await get("/health/ready", FakeDependencies(heard=heard))
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert answer.json()["dependencies"]["deliveries"].endswith(says)


async def test_metrics_have_backlog_lags_and_requests():
    progress = LEVEL | {"stored": {"calls.ingest.0": 7}, "lags": {"calls.calls": 3}, "relay": 5}
    await get("/health/live", FakeDependencies())
    answer = await get("/metrics", FakeDependencies(confirmed={"calls.ingest.0": 9}, progress=progress))
    assert answer.headers["content-type"].startswith("text/plain")
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert samples["plateau_ingest_backlog_facts",] == 2
    assert samples["plateau_projection_lag_events", "calls.calls"] == 3
    assert samples["plateau_relay_lag_events", "calls"] == 5
    assert samples["plateau_http_requests_total", "/health/live", "200"] >= 1


async def test_an_unknown_backlog_is_not_shown_as_none():
    answer = await get("/metrics", FakeDependencies(progress=Unavailable("away")))
    [line] = [line for line in answer.text.splitlines() if line.startswith("plateau_ingest_backlog_facts ")]
    assert math.isnan(float(line.split()[1]))
