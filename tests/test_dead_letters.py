"""What cannot be stored is put aside, seen by an operator, and stored once the cause is gone; and how far all is."""

import orjson
import psycopg
import pytest
from click.testing import CliRunner
from psycopg import sql

from infra.local import __main__ as local
from tests.caller import Caller, eventually
from tests.contract import is_problem
from tests.facts import NINE, fact, new_call

PATH = "/v1/dead-letters"
INGEST = "calls.ingest.0"
NUMBER = "+33199000077"


@pytest.fixture
def call():
    return new_call()


@pytest.fixture
def letters(administrator, stack, queue, call):
    """Two facts of a call that were put aside, while the database took one of another call; the cause is gone."""
    with psycopg.connect(stack.settings()["PLATEAU_CALLS_MIGRATION_URL"], autocommit=True) as owner:
        rule = sql.SQL("ALTER TABLE store.events ADD CONSTRAINT refused CHECK (data->>'call_id' <> {}) NOT VALID")
        owner.execute(rule.format(call))
        try:
            queued = fact(call, "queued", NINE, queue=queue, **{"from": NUMBER})
            abandoned = fact(call, "abandoned", NINE, queue=queue)
            administrator.send(queued, fact(new_call(), "queued", NINE, queue=queue), abandoned)
            return eventually(lambda: len(items := administrator.items(PATH, queue=INGEST)) == 2 and items)
        finally:
            owner.execute("ALTER TABLE store.events DROP CONSTRAINT refused")


def outcomes(administrator, queue):
    administrator.settle()
    return sorted(call["outcome"] for call in administrator.items("/v1/calls", queue=queue))


def test_what_was_put_aside_is_listed_without_its_content_and_shown_with_it(administrator, stack, letters, call):
    assert sorted(letter["types"] for letter in letters) == [["call.abandoned"], ["call.queued"]]
    for letter in letters:
        assert (letter["queue"], letter["attempts"]) == (INGEST, 1)
        assert letter["exception"] == "psycopg.errors.CheckViolation"
        assert "constraint" in letter["reason"]
        assert letter["first_seen"].endswith("Z")
    on_the_console = stack.plateau("dead", "list")
    for listed in (orjson.dumps(letters).decode(), on_the_console):
        assert letters[0]["id"] in listed
        assert NUMBER not in listed
        assert call not in listed
    shown = [administrator.get(f"{PATH}/{letter['id']}") for letter in letters]
    assert {each["content"][0]["call_id"] for each in shown} == {call}
    assert NUMBER in {each["content"][0].get("from") for each in shown}
    assert orjson.loads(stack.plateau("dead", "show", letters[0]["id"])) == shown[0]
    for letter in letters:
        administrator.http.post(f"{PATH}/{letter['id']}/replay")


def test_each_is_stored_once_it_was_replayed_and_is_no_longer_there(administrator, letters, queue):
    assert outcomes(administrator, queue) == ["in_progress"]
    first, second = letters
    answer = administrator.http.post(f"{PATH}/{first['id']}/replay")
    assert (answer.status_code, answer.json()) == (200, {"id": first["id"], "queue": INGEST})
    is_problem(administrator.http.post(f"{PATH}/{first['id']}/replay"), 404, "request.not_found")
    is_problem(administrator.http.get(f"{PATH}/{first['id']}"), 404, "request.not_found")
    assert administrator.items(PATH) == [second]
    administrator.http.post(f"{PATH}/{second['id']}/replay")
    assert outcomes(administrator, queue) == ["abandoned", "in_progress"]
    assert administrator.items(PATH) == []


def test_the_command_replays_some_or_all(administrator, stack, letters, queue):
    assert "replayed" in stack.plateau("dead", "replay", letters[0]["id"])
    assert administrator.items(PATH) == [letters[1]]
    stack.plateau("dead", "replay", "--queue", INGEST, "--all")
    assert stack.plateau("dead", "list") == "There are no dead letters."
    assert outcomes(administrator, queue) == ["abandoned", "in_progress"]


def test_who_may_see_may_not_replay_and_who_is_limited_may_not_see(administrator, stack):
    def keys(*scopes, **limits):
        order = {"name": "a tool", "scopes": scopes, **limits}
        return Caller(stack.url, administrator.http.post("/v1/api-keys", json=order).json()["key"])

    with keys("dead-letters:read") as reader, keys("dead-letters:read", "events:read", queues=["q"]) as limited:
        assert reader.get(PATH)["items"] == []
        is_problem(reader.http.post(f"{PATH}/x/replay"), 403, "auth.not_allowed")
        for path in (PATH, f"{PATH}/x", "/v1/events"):
            is_problem(limited.http.get(path), 403, "auth.not_allowed")


def test_a_command_is_run_with_the_settings_of_what_was_started(stack, monkeypatch, capfd):
    monkeypatch.setattr(local, "_kept_stack", lambda: stack)
    done = CliRunner().invoke(local.main, ["plateau", "dead", "list", "--limit", "1"])
    assert (done.exit_code, capfd.readouterr().out) == (0, "There are no dead letters.\n")
    assert CliRunner().invoke(local.main, ["plateau", "dead", "show", "x"]).exit_code == 1


def lag_of_calls(stack):
    return orjson.loads(stack.plateau("lag", "--json"))["services"]["calls"]


def test_lag_shows_each_follower_each_queue_and_who_holds_them_back(administrator, stack, queue):
    administrator.send(fact(new_call(), "queued", NINE, queue=queue))

    def level():
        lag = lag_of_calls(stack)
        return not any([*lag["lags"].values(), lag["relay"]])

    def held_back():
        lag = lag_of_calls(stack)
        return any(lag["lags"].values()) and lag["held_back_by"] and lag

    eventually(level)
    queues = orjson.loads(stack.plateau("lag", "--json"))["queues"]
    assert (queues[INGEST], queues[f"{INGEST}.dead"]) == (0, 0)
    with psycopg.connect(stack.servers.postgres.url) as writer:
        writer.execute("SET idle_in_transaction_session_timeout = 0")
        writer.execute("SELECT pg_current_xact_id()")
        administrator.post([fact(new_call(), "queued", NINE, queue=queue)])
        behind = eventually(held_back)
        assert behind["held_back_by"]["pid"] == writer.info.backend_pid
        table = stack.plateau("lag")
        assert f"process {writer.info.backend_pid}" in table.replace("\n", " ")
    for name in (*behind["lags"], INGEST, "relay of calls"):
        assert name in table
