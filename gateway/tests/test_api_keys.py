from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from click.testing import CliRunner
from psycopg_pool import AsyncConnectionPool

from gateway import auth
from gateway.api_keys import PATH, ApiKeys
from gateway.auth import Authenticator
from gateway.command import keys as command
from gateway.endpoints import Endpoints, Entry
from gateway.keys import KeyTerms, create_key, find_key, revoke_key
from gateway.middleware import Manners
from gateway.problems import Problem
from gateway.rate_limits import Allowances
from gateway.roles import ROLES, SCOPES
from gateway.tests.fakes import client
from services.calls.api import api
from services.kernel.values import Actor

pytestmark = pytest.mark.anyio


@pytest.fixture
async def pool(gateway_url):
    async with AsyncConnectionPool(gateway_url, min_size=1, max_size=2, open=False, timeout=2) as pool:
        yield pool


@pytest.fixture
def authenticator(pool):
    return Authenticator(pool, None, Allowances(100, 60))


async def make(pool, **terms):
    async with pool.connection() as connection:
        return await create_key(
            connection, KeyTerms(**{"name": "pbx1", "scopes": frozenset({"calls:ingest"}), **terms}), "t"
        )


async def who(authenticator, key):
    return await authenticator.identify(f"Bearer {key}".encode())


async def test_a_key_is_known_by_its_text_and_only_its_hash_is_kept(pool, authenticator, gateway_url):
    key_id, key = await make(pool, sources=frozenset({"pbx1"}), queues=frozenset({"sales-fr"}))
    caller = await who(authenticator, key)
    assert caller.actor == Actor(
        str(key_id),
        scopes=frozenset({"calls:ingest"}),
        sources=frozenset({"pbx1"}),
        queues=frozenset({"sales-fr"}),
    )
    assert caller.allowance is not None
    with psycopg.connect(gateway_url) as connection:
        assert key.rpartition("_")[2] not in str(connection.execute("SELECT * FROM api_keys").fetchall())


async def test_an_unlimited_key_has_no_allowance(pool, authenticator):
    _, key = await make(pool, unlimited=True)
    assert (await who(authenticator, key)).allowance is None


async def test_a_key_that_is_revoked_expired_or_tampered_with_is_unknown(pool, authenticator):
    revoked_id, revoked = await make(pool)
    async with pool.connection() as connection:
        await revoke_key(connection, revoked_id)
    _, expired = await make(pool, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    _, good = await make(pool)
    for key in (revoked, expired, good[:-1], good + "x", "pl_", "pl_\x00", "ey.no.jwt", ""):
        with pytest.raises(Problem) as refused:
            await who(authenticator, key)
        assert refused.value.status == 401


async def test_revocation_takes_effect_within_five_seconds(pool, authenticator, monkeypatch):
    key_id, key = await make(pool)
    header = f"Bearer {key}".encode()
    await authenticator.identify(header)
    async with pool.connection() as connection:
        await revoke_key(connection, key_id)
        assert await find_key(connection, key) is None
    assert authenticator.remembered(header) is not None
    later = auth.time.monotonic() + 5
    monkeypatch.setattr(auth.time, "monotonic", lambda: later)
    assert authenticator.remembered(header) is None


async def test_a_remembered_key_ends_when_it_expires(pool, authenticator, monkeypatch):
    _, key = await make(pool, expires_at=datetime.now(UTC) + timedelta(seconds=1))
    header = f"Bearer {key}".encode()
    await authenticator.identify(header)
    later = auth.time.monotonic() + 1
    monkeypatch.setattr(auth.time, "monotonic", lambda: later)
    assert authenticator.remembered(header) is None


async def test_over_http_a_key_is_made_used_listed_and_revoked(pool, authenticator):
    async with client(ApiKeys(pool).entries()) as http:
        made = await http.post(PATH, json={"name": "crm", "scopes": ["keys:read"], "sources": ["crm"]})
        assert made.status_code == 201
        key = made.json()["key"]
        assert made.headers["location"] == f"{PATH}/{made.json()['id']}"
        listed = (await http.get(PATH)).json()
        assert [item["name"] for item in listed["items"]] == ["crm"]
        assert key not in str(listed)
        assert "digest" not in listed["items"][0]
        assert (await http.get(made.headers["location"])).json() == {
            **listed["items"][0],
            "allowed_actions": ["revoke"],
        }
        assert (await who(authenticator, key)).actor.scopes == {"keys:read"}
        for _ in range(2):
            assert (await http.delete(made.headers["location"])).status_code == 200
        for unknown in (f"{PATH}/00000000-0000-7000-8000-000000000000", f"{PATH}/x"):
            assert (await http.delete(unknown)).status_code == 404
            assert (await http.get(unknown)).status_code == 404
        assert (await http.get(made.headers["location"])).json()["allowed_actions"] == []
    async with pool.connection() as connection:
        assert await find_key(connection, key) is None


async def test_lists_of_keys_are_paged(pool):
    for number in range(3):
        await make(pool, name=f"k{number}")
    async with client(ApiKeys(pool).entries()) as http:
        first = await http.get(PATH, params={"limit": 2})
        rest = await http.get(first.links["next"]["url"])
    assert [item["name"] for page in (first, rest) for item in page.json()["items"]] == ["k0", "k1", "k2"]
    assert rest.json()["next"] is None


@pytest.mark.parametrize(
    ("order", "status"),
    [
        ({"name": "x", "scopes": ["reports:read"]}, 403),
        ({"name": "x", "scopes": ["keys:write"], "sources": ["pbx2"]}, 403),
        ({"name": "x", "scopes": ["no:such"]}, 422),
        ({"name": "x", "scopes": []}, 422),
        ({"name": "x", "scopes": ["keys:write"], "expires_at": "2026-01-01T00:00:00Z"}, 422),
        ({"scopes": ["keys:write"]}, 422),
        ({"name": "x", "scopes": ["keys:write"], "unlimited": True}, 422),
        ([], 422),
    ],
)
async def test_nobody_grants_more_than_they_hold(pool, order, status):
    maker = Actor("m", scopes=frozenset({"keys:write"}), sources=frozenset({"pbx1"}))
    async with client(ApiKeys(pool).entries(), maker) as http:
        assert (await http.post(PATH, json=order)).status_code == status


async def test_a_limited_maker_makes_limited_keys(pool, authenticator):
    maker = Actor("m", scopes=frozenset({"keys:write"}), sources=frozenset({"pbx1"}))
    async with client(ApiKeys(pool).entries(), maker) as http:
        key = (await http.post(PATH, json={"name": "x", "scopes": ["keys:write"]})).json()["key"]
    assert (await who(authenticator, key)).actor.sources == {"pbx1"}


@pytest.mark.parametrize("limits", [{"queues": frozenset({"q"})}, {"sources": frozenset({"pbx1"})}, {"client": "acme"}])
async def test_who_is_limited_neither_sees_nor_ends_the_keys_of_others(pool, limits):
    key_id, key = await make(pool)
    limited = Actor("m", scopes=frozenset({"keys:read", "keys:write"}), **limits)
    async with client(ApiKeys(pool).entries(), limited) as http:
        answers = [await http.get(PATH), await http.get(f"{PATH}/{key_id}"), await http.delete(f"{PATH}/{key_id}")]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    async with pool.connection() as connection:
        assert await find_key(connection, key)


async def test_when_the_database_is_away_nobody_is_let_in():
    pool = AsyncConnectionPool("postgresql://127.0.0.1:1/none", min_size=0, max_size=1, timeout=0.2, open=False)
    await pool.open()

    async def fine(exchange):
        await exchange.answer_json(200, {})

    app = Manners(Endpoints([Entry("GET", "/x", fine)], None), Authenticator(pool, None, Allowances(1, 1)), frozenset())
    async with client([]) as http:
        http._transport.app = app
        assert (await http.get("/x")).status_code == 503
    await pool.close()


def test_the_command_line_makes_lists_and_revokes(gateway_url):
    run = CliRunner(env={"PLATEAU_GATEWAY_DATABASE_URL": gateway_url}).invoke
    made = run(command, ["create", "--name", "dev", "--all-scopes", "--unlimited", "--only-key"])
    assert made.output.startswith("pl_")
    assert run(command, ["create", "--name", "dev"]).exit_code == 2
    listed = run(command, ["list"]).output
    key_id = listed.split()[0]
    assert "dev" in listed
    assert run(command, ["revoke", key_id]).exit_code == 0
    assert "revoked" in run(command, ["list"]).output
    assert "list" in run(command, ["revoke", "00000000-0000-7000-8000-000000000000"]).output


def test_every_declared_scope_can_be_granted_and_an_administrator_has_it():
    assert {case.scope for case in api.public_use_cases} <= SCOPES.keys()
    assert ROLES["administrator"] == SCOPES.keys()
