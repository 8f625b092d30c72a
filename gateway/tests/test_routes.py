from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import orjson
import pytest
from psycopg_pool import AsyncConnectionPool

from gateway.idempotency import Answer, IdempotencyKeys, Identity, digest_of
from gateway.openapi import document
from gateway.problems import Problem
from gateway.routes import Routes
from gateway.rpc import DeadlinePassed, RemoteError
from gateway.tests.fakes import client
from services.kernel import decider
from services.kernel.declarations import Api
from services.kernel.values import Actor, Unavailable

pytestmark = pytest.mark.anyio
SCOPED = Actor("key-1", scopes=frozenset({"boxes:write", "boxes:read"}))


@decider.command
class PutBox:
    """Put a box."""

    size: int
    colour: Literal["red", "blue"] = "red"


@decider.command
class OpenBox:
    """Open a box of ours."""


@decider.values
class BoxOf:
    """Show a box."""

    name: str


@decider.values
class Boxes:
    """List boxes."""

    made_from: datetime | None = None
    cursor: str | None = None


@decider.values
class Page:
    """A page."""

    items: tuple[str, ...]
    next: str | None


@decider.event("put")
class Put:
    """It was put."""


def decide(_state: None, _command: PutBox | OpenBox, _ctx: decider.Context):
    return Put()


def evolve(_state: None, _event: Put) -> None:
    return None


def declared():
    api = Api("store")
    boxes = api.things("/v1/boxes", decide, evolve, None, id="name", named=True)
    boxes.command("PUT", "/{name:path}", PutBox, scope="boxes:write", guarded=True)
    boxes.shown("/{name:path}", BoxOf, lambda name, _: BoxOf(name), returns=BoxOf, scope="boxes:read")
    parcels = api.things("/v1/parcels", decide, evolve, None, id="id")
    parcels.command("POST", "", OpenBox, scope="boxes:write")
    api.query("GET", "/v1/boxes", Boxes, returns=Page, scope="boxes:read")
    return api


@dataclass
class FakeRpc:
    """Answers every call with `answer`, or raises it; keeps what it was asked."""

    answer: object
    calls: list

    async def call(self, service, method, kwargs, **_options):
        self.calls.append((service, method, kwargs))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


DONE = {"id": "a/b", "version": 3, "position": "p", "created": False}


class NoKeys(IdempotencyKeys):
    """For requests that bear no key: nothing is looked up."""

    def __init__(self):
        super().__init__(None)


async def ask(method, path, answer, keys=None, actor=SCOPED, **request):
    rpc = FakeRpc(answer, [])
    async with client(Routes(rpc, keys or NoKeys()).of(declared()), actor) as http:
        return await http.request(method, path, **request), rpc.calls


async def test_a_command_carries_name_body_actor_and_version():
    answer, [(service, method, message)] = await ask(
        "PUT", "/v1/boxes/a/b", DONE, json={"size": 3}, headers={"If-Match": '"2"'}
    )
    assert (service, method) == ("store", "execute")
    assert (message["use_case"], message["key"], message["body"]) == ("PutBox", "a/b", {"size": 3})
    assert message["expected_version"] == 2
    assert message["actor"]["id"] == "key-1"
    assert (answer.status_code, answer.headers["etag"]) == (200, '"3"')
    assert answer.json() == {"id": "a/b", "version": 3, "position": "p"}


async def test_what_is_created_has_an_id_of_ours_and_a_location():
    answer, [(_, _, message)] = await ask("POST", "/v1/parcels", {**DONE, "id": "x", "created": True})
    assert message["key"][14] == "7"
    assert (answer.status_code, answer.headers["location"]) == (201, "/v1/parcels/x")


async def test_a_new_named_thing_is_created_where_it_was_put():
    answer, _ = await ask("PUT", "/v1/boxes/a", {**DONE, "created": True}, json={"size": 1})
    assert (answer.status_code, answer.headers["location"]) == (201, "/v1/boxes/a")


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        (b"{}", ["/size"]),
        (b'{"size": "3", "colour": "green"}', ["/size", "/colour"]),
        (b'{"size": 1, "x": 1}', ["/x"]),
        (b'{"size": 1, "colour": "\\u0000"}', [""]),
        (b"[]", [""]),
    ],
)
async def test_invalid_fields_are_422_and_never_reach_the_service(body, pointers):
    answer, calls = await ask("PUT", "/v1/boxes/a", DONE, content=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")
    assert [error["pointer"] for error in answer.json()["errors"]] == pointers
    assert calls == []


@pytest.mark.parametrize("etag", ["3", 'W/"3"', "*", '"x"', '""'])
async def test_an_if_match_that_is_no_version_is_400(etag):
    answer, _ = await ask("PUT", "/v1/boxes/a", DONE, json={"size": 1}, headers={"If-Match": etag})
    assert answer.status_code == 400


async def test_malformed_json_is_400():
    answer, _ = await ask("PUT", "/v1/boxes/a", DONE, content=b'{"size"')
    assert (answer.status_code, answer.json()["code"]) == (400, "request.malformed_json")


async def test_a_refusal_of_the_service_travels_as_it_is():
    errors = [{"pointer": "/size", "code": "store.box.too_big", "detail": "Smaller."}]
    refused = {"code": "store.box.full", "detail": "It is full.", "status": 409, "errors": errors, "retry_after": None}
    answer, _ = await ask("PUT", "/v1/boxes/a", {"refused": refused}, json={"size": 1})
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["code"], problem["detail"], problem["errors"]) == ("store.box.full", "It is full.", errors)


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [
        (Unavailable("away"), 503, "service.unavailable"),
        (DeadlinePassed("late"), 504, "request.outcome_unknown"),
        (RemoteError("KeyError", "secret"), 500, "request.internal"),
    ],
)
async def test_what_goes_wrong_below_is_a_problem(raised, status, code):
    for method, path in (("PUT", "/v1/boxes/a"), ("GET", "/v1/boxes")):
        answer, _ = await ask(method, path, raised, json={"size": 1})
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert "secret" not in answer.text


async def test_a_query_is_validated_and_its_next_page_linked():
    page = {"body": orjson.dumps({"items": ["a"], "next": "c 2"}).decode()}
    parameters = {"made_from": "2026-11-21T09:00:00Z"}
    answer, [(_, method, message)] = await ask("GET", "/v1/boxes", page, params=parameters)
    assert (method, message["parameters"]) == ("query", parameters)
    assert answer.json() == {"items": ["a"], "next": "c 2"}
    assert answer.links["next"]["url"] == "/v1/boxes?made_from=2026-11-21T09%3A00%3A00Z&cursor=c+2"
    for wrong in ({"made_from": "today"}, {"nonsense": "1"}, {"cursor": "\0"}):
        assert (await ask("GET", "/v1/boxes", page, params=wrong))[0].status_code == 422


def test_what_only_the_gateway_asks_has_no_address():
    api = Api("things")
    api.inside(Boxes, returns=Page)
    assert list(Routes(None, None).of(api)) == []
    assert document([api], [])["paths"] == {}


async def test_the_last_page_has_no_link():
    answer, _ = await ask("GET", "/v1/boxes", {"body": '{"items":[],"next":null}'})
    assert "link" not in answer.headers


async def test_a_position_is_passed_on_and_a_made_up_one_refused():
    page = {"body": '{"items":[],"next":null}'}
    _, [(*_, message)] = await ask("GET", "/v1/boxes", page, headers={"Plateau-Min-Position": "MTIuMzQ"})
    assert message["min_position"] == "MTIuMzQ"
    for made_up in ("x", "MTIz", "é"):
        answer, _ = await ask("GET", "/v1/boxes", page, headers={"Plateau-Min-Position": made_up.encode()})
        assert answer.status_code == 400


async def test_a_thing_is_shown_with_its_version_its_past_and_as_of():
    shown = {"body": '{"name":"a/b"}', "version": 4}
    answer, [(*_, message)] = await ask("GET", "/v1/boxes/a/b", shown, params={"as_of": "2026-11-21T09:00:00Z"})
    assert answer.headers["etag"] == '"4"'
    assert (message["key"], message["as_of"], message["history"]) == ("a/b", "2026-11-21T09:00:00Z", False)
    _, [(*_, message)] = await ask("GET", "/v1/boxes/a/b/history", {"body": "{}"})
    assert (message["key"], message["history"]) == ("a/b", True)
    assert (await ask("GET", "/v1/boxes/a%00b", shown))[0].status_code == 404


async def test_without_the_scope_it_is_403():
    answer, calls = await ask("PUT", "/v1/boxes/a", DONE, json={"size": 1}, actor=Actor("k"))
    assert (answer.status_code, calls) == (403, [])


class TestIdempotencyKeys:
    @pytest.fixture
    async def keys(self, gateway_url):
        async with AsyncConnectionPool(gateway_url, min_size=1, max_size=2, open=False, timeout=2) as pool:
            yield IdempotencyKeys(pool)

    async def test_the_same_request_gets_the_same_answer_and_runs_once(self, keys):
        request = {"json": {"size": 1}, "headers": {"Idempotency-Key": "k1"}}
        first, calls = await ask("PUT", "/v1/boxes/a", DONE, keys, **request)
        again, none = await ask("PUT", "/v1/boxes/a", DONE, keys, **request)
        assert (len(calls), none) == (1, [])
        assert (again.status_code, again.content, again.headers["etag"]) == (200, first.content, first.headers["etag"])
        assert again.headers["idempotency-replayed"] == "true"

    async def test_refusals_are_kept_too(self, keys):
        refusal = {"code": "a.b", "detail": "No.", "status": 409, "errors": [], "retry_after": None}
        request = {"json": {"size": 1}, "headers": {"Idempotency-Key": "k1"}}
        first, _ = await ask("PUT", "/v1/boxes/a", {"refused": refusal}, keys, **request)
        again, none = await ask("PUT", "/v1/boxes/a", DONE, keys, **request)
        assert (again.status_code, again.content, none) == (409, first.content, [])

    async def test_another_body_or_path_under_the_same_key_is_422(self, keys):
        headers = {"Idempotency-Key": "k1"}
        await ask("PUT", "/v1/boxes/a", DONE, keys, json={"size": 1}, headers=headers)
        for path, body in (("/v1/boxes/a", {"size": 2}), ("/v1/boxes/b", {"size": 1})):
            answer, _ = await ask("PUT", path, DONE, keys, json=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (422, "idempotency.key_reused")

    async def test_another_callers_key_is_another_key(self, keys):
        headers = {"Idempotency-Key": "k1"}
        await ask("PUT", "/v1/boxes/a", DONE, keys, json={"size": 1}, headers=headers)
        other = Actor("key-2", scopes=SCOPED.scopes)
        answer, _ = await ask("PUT", "/v1/boxes/a", DONE, keys, other, json={"size": 2}, headers=headers)
        assert answer.status_code == 200

    @pytest.mark.parametrize("raised", [Unavailable("away"), DeadlinePassed("late"), RemoteError("X", "x")])
    async def test_after_an_unknown_outcome_a_repeat_is_the_same_command(self, keys, raised):
        request = {"headers": {"Idempotency-Key": "k1"}}
        _, [(*_, first)] = await ask("POST", "/v1/parcels", raised, keys, **request)
        answer, [(*_, again)] = await ask("POST", "/v1/parcels", DONE, keys, **request)
        assert answer.status_code == 200
        assert (first["command_id"], first["key"]) == (again["command_id"], again["key"])

    async def test_while_it_runs_a_repeat_is_409_and_after_a_crash_the_same_command(self, keys, monkeypatch):
        digest = digest_of("POST", "/v1/parcels", b"")
        running = await keys.begin("c", "k1", digest)
        assert isinstance(running, Identity)
        with pytest.raises(Problem) as refused:
            await keys.begin("c", "k1", digest)
        assert (refused.value.status, refused.value.code) == (409, "idempotency.in_progress")
        monkeypatch.setattr("gateway.idempotency.UNDER_WAY", -1)  # as if that long had passed
        assert await keys.begin("c", "k1", digest) == running

    async def test_after_a_day_a_key_is_forgotten(self, keys, monkeypatch):
        digest = digest_of("POST", "/v1/parcels", b"")
        identity = await keys.begin("c", "k1", digest)
        await keys.finish(identity, Answer(200, {"content-type": "application/json"}, b"{}"))
        monkeypatch.setattr("gateway.idempotency.KEPT", "0 seconds")
        assert await keys.begin("c", "k1", digest_of("POST", "/other", b"")) != identity
        await keys.forget_old()
        assert isinstance(await keys.begin("c", "k1", digest), Identity)

    @pytest.mark.parametrize("key", ["", "a b", "x" * 256])
    async def test_a_malformed_key_is_400(self, keys, key):
        answer, _ = await ask("POST", "/v1/parcels", DONE, keys, headers={"Idempotency-Key": key})
        assert answer.status_code == 400
