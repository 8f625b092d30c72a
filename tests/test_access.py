"""Who may do what: nothing without a key, nothing beyond its scopes, sources and queues, nothing once it is revoked."""

import re
import time
from uuid import uuid4

import pytest

from gateway.roles import SCOPES
from tests.caller import EVENTS, SERVICE_LEVEL, Caller, eventually
from tests.contract import Contract, is_problem
from tests.facts import NINE, answered, fact, new_call
from tests.token_provider import TokenProvider

RANGE = {"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z", "interval": "total"}


@pytest.fixture
def bearer(stack):
    """Callers with a token."""
    made = []

    def make(token):
        made.append(Caller(stack.url, token))
        return made[-1]

    yield make
    for caller in made:
        caller.http.close()


def secured(administrator):
    """Every operation that needs a scope, its path filled."""
    for method, path, operation in Contract(administrator.get("/openapi.json")).operations(
        "GET", "POST", "PUT", "DELETE"
    ):
        if "x-scope" in operation:
            yield method, re.sub(r"\{\w+\}", str(uuid4()), path), operation["x-scope"]


def test_without_a_key_nothing_that_needs_a_scope_answers(administrator, stack):
    operations = list(secured(administrator))
    assert len(operations) >= 15
    with Caller(stack.url, None) as nobody:
        for method, path, _ in operations:
            answer = nobody.http.request(method, path)
            is_problem(answer, 401, "auth.missing")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("authorization", ["Bearer pl_unknown", "Bearer x.y.z", "Basic dTpw", "Bearer", "Bearer  \xe9"])
def test_unknown_credentials_are_told_so(stack, authorization):
    with Caller(stack.url, None) as nobody:
        answer = nobody.http.get("/v1/calls", headers={"Authorization": authorization.encode("latin-1")})
    is_problem(answer, 401, "auth.unknown")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_every_operation_needs_its_own_scope(administrator, key):
    by_scope = {}
    for method, path, scope in secured(administrator):
        by_scope.setdefault(scope, []).append((method, path))
    assert by_scope.keys() == SCOPES.keys()
    for scope, operations in by_scope.items():
        others = key(*sorted(SCOPES.keys() - {scope}))
        for method, path in operations:
            problem = is_problem(others.http.request(method, path), 403, "auth.not_allowed")
            assert scope in problem["detail"]


def test_a_key_of_one_source_may_send_as_that_only(key, administrator, queue):
    own, other = (f"pbx-{uuid4()}" for _ in range(2))
    caller = key("calls:ingest", sources=[own])
    good = fact(new_call(), "queued", NINE, own, queue=queue)
    bad = fact(new_call(), "queued", NINE, other, queue=queue)
    verdicts = caller.post([bad, good])
    assert verdicts.status_code == 202
    (rejected,) = verdicts.json()["rejected"]
    assert (rejected["pointer"], rejected["code"]) == ("/0/source", "auth.source_not_allowed")
    line = f"1767607200|1.1|{queue}|NONE|ENTERQUEUE||+33199001234|1"
    for source, status in ((own, 202), (other, 403)):
        answer = caller.http.post(
            f"/v1/telephony/asterisk/queue-log?source={source}", content=line, headers={"Content-Type": "text/plain"}
        )
        assert answer.status_code == status
    administrator.settle()
    assert administrator.figures(queue)["offered"] == 2


def test_a_key_of_one_queue_sees_that_only(key, administrator, queue):
    other = f"{queue}-other"
    administrator.send(*answered(queue, 3), *answered(other, 3))
    caller = key("calls:read", "reports:read", "live:read", "queues:read", queues=[queue])
    assert caller.figures(queue)["offered"] == 1
    is_problem(caller.http.get(SERVICE_LEVEL, params={"queue": other, **RANGE}), 404, "request.not_found")
    assert {row["queue"] for row in caller.get(SERVICE_LEVEL, **RANGE)["items"]} == {queue}
    assert {row["queue"] for row in administrator.get(SERVICE_LEVEL, **RANGE)["items"]} >= {queue, other}

    (own,) = caller.items("/v1/calls")
    assert own["visits"][0]["queue"] == queue
    (hidden,) = administrator.items("/v1/calls", queue=other)
    for path in (f"/v1/calls/{hidden['id']}", f"/v1/calls/{hidden['id']}/facts"):
        is_problem(caller.http.get(path), 404, "request.not_found")
    asked = {"queue": other, "interval_start": NINE.isoformat(), "measure": "answered"}
    is_problem(caller.http.get("/v1/reports/explain", params=asked), 404, "request.not_found")
    assert {row["queue"] for row in caller.get("/v1/live")["queues"]} <= {queue}


def test_a_revoked_key_stops_within_five_seconds(key, administrator):
    caller = key("calls:read")
    assert caller.http.get("/v1/calls?limit=1").status_code == 200
    revoked = time.monotonic()
    assert administrator.http.delete(f"/v1/api-keys/{caller.key_id}").status_code == 200
    eventually(lambda: caller.http.get("/v1/calls?limit=1").status_code == 401, within=6)
    assert time.monotonic() - revoked < 5
    (shown,) = [each for each in administrator.items("/v1/api-keys") if each["id"] == caller.key_id]
    assert shown["revoked_at"]
    assert not any(str(value).startswith("pl_") for value in shown.values())


def test_a_key_cannot_make_one_that_may_more(key):
    caller = key("keys:write", "calls:ingest", sources=["pbx1"])
    order = {"name": "more", "scopes": ["calls:read"]}
    is_problem(caller.http.post("/v1/api-keys", json=order), 403, "auth.grants_too_much")
    order = {"name": "more", "scopes": ["calls:ingest"], "sources": ["pbx2"]}
    is_problem(caller.http.post("/v1/api-keys", json=order), 403, "auth.grants_too_much")


def test_a_person_may_what_their_roles_may(bearer, token_provider, administrator, queue):
    administrator.send(*answered(queue, 3))
    manager = bearer(token_provider.token("manager"))
    assert manager.figures(queue)["answered"] == 1
    is_problem(manager.http.post(EVENTS, json=answered(queue, 3)), 403, "auth.not_allowed")
    integrator = bearer(token_provider.token("integrator"))
    assert integrator.http.post(EVENTS, json=answered(queue, 3)).status_code == 202
    is_problem(integrator.http.get(SERVICE_LEVEL, params=RANGE), 403, "auth.not_allowed")
    is_problem(bearer(token_provider.token("stranger")).http.get("/v1/calls"), 403, "auth.not_allowed")


@pytest.mark.parametrize(
    "claims", [{"exp": 1}, {"aud": "another"}, {"iss": "https://login.example.org"}, {"sub": None}], ids=str
)
def test_a_token_that_is_not_for_us_or_over_is_unknown(bearer, token_provider, claims):
    caller = bearer(token_provider.token("administrator", **claims))
    is_problem(caller.http.get("/v1/calls"), 401, "auth.unknown")


def test_a_token_that_somebody_else_signed_is_unknown(bearer):
    with TokenProvider.serving() as forger:
        caller = bearer(forger.token("administrator"))
        is_problem(caller.http.get("/v1/calls"), 401, "auth.unknown")


def test_a_caller_is_told_of_the_rate_limit(key):
    answer = key("calls:read").http.get("/v1/calls?limit=1")
    assert re.fullmatch(r'"default";q=\d+;w=\d+', answer.headers["RateLimit-Policy"])
    assert re.fullmatch(r'"default";r=\d+;t=\d+', answer.headers["RateLimit"])


def test_what_feeds_take_is_taken_from_the_same_allowance(key):
    caller = key("calls:ingest")
    line = f"1767607200|{uuid4()}|q-sales|NONE|ENTERQUEUE||+33199001234|1"
    feed = f"/v1/telephony/asterisk/queue-log?source={uuid4()}"
    answers = [caller.http.post(EVENTS, json=answered("q-sales", 5)), caller.http.post(feed, content=line)]
    left = [int(re.search(r"r=(\d+)", answer.headers["RateLimit"])[1]) for answer in answers]
    assert left[1] == left[0] - 1


def test_a_path_that_is_not_there_and_a_method_that_is_not_taken(administrator):
    is_problem(administrator.http.get("/v1/nothing"), 404, "request.not_found")
    is_problem(administrator.http.get(f"/v1/calls/{uuid4()}"), 404, "request.not_found")
    answer = administrator.http.delete("/v1/calls")
    is_problem(answer, 405, "request.method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD"
