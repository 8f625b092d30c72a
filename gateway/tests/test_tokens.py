import time

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from gateway.problems import Problem
from gateway.settings import TokenSettings
from gateway.tokens import Tokens

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:EdDSA is deprecated")]

SETTINGS = TokenSettings("https://id.example/jwks", "https://id.example", "plateau")
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
OTHER = RSAKey.generate_key(2048, {"kid": "rsa"})
SECRET = OctKey.generate_key(256, {"kid": "oct"})


class Provider:
    """A fake provider of keys that counts how often it is asked."""

    def __init__(self, *keys):
        self.keys = list(keys)
        self.asked = 0
        self.away = False

    def answer(self, _request):
        self.asked += 1
        if self.away:
            return httpx.Response(503)
        return httpx.Response(200, json={"keys": [key.as_dict(private=False) for key in self.keys]})

    @property
    def tokens(self):
        return Tokens(SETTINGS, httpx.MockTransport(self.answer))


def token(key=RSA, alg="RS256", **changes):
    claims = {
        "iss": "https://id.example",
        "aud": "plateau",
        "sub": "anna",
        "exp": int(time.time()) + 300,
        "roles": ["supervisor", "no-such-role"],
        "team": "north",
    }
    claims = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode({"alg": alg, "kid": key.kid}, claims, key, algorithms=[alg])


@pytest.mark.parametrize(("key", "alg"), [(RSA, "RS256"), (EC, "ES256"), (ED, "EdDSA"), (ED, "Ed25519")])
async def test_a_good_token_says_who_bears_it(key, alg):
    actor, until = await Provider(RSA, EC, ED).tokens.bearer(token(key, alg))
    assert (actor.id, actor.kind, actor.team, actor.client) == ("anna", "person", "north", None)
    assert actor.roles == {"supervisor"}  # nobody sees more for a role that is not ours
    assert "reports:read" in actor.scopes
    assert "keys:write" not in actor.scopes
    assert until > time.time()


@pytest.mark.parametrize(
    "bad",
    [
        token(exp=int(time.time()) - 60),
        token(exp=None),
        token(iss="https://evil.example"),
        token(aud="another"),
        token(sub=None),
        token(team=5),
        token(roles=5),
        token(OTHER),
        token(SECRET, "HS256"),
        token()[:-4] + "AAAA",
        "x.y.z",
        "nothing",
    ],
)
async def test_a_bad_token_is_401(bad):
    with pytest.raises(Problem) as refused:
        await Provider(RSA, SECRET).tokens.bearer(bad)
    assert (refused.value.status, refused.value.code) == (401, "auth.unknown")


async def test_keys_are_fetched_once_and_again_when_an_unknown_one_appears(monkeypatch):
    provider = Provider(RSA)
    tokens = provider.tokens
    await tokens.bearer(token())
    await tokens.bearer(token())
    assert provider.asked == 1
    provider.keys.append(EC)
    with pytest.raises(Problem):  # a moment later it would be hammering
        await tokens.bearer(token(EC, "ES256"))
    assert provider.asked == 1
    monkeypatch.setattr("gateway.tokens.REFETCH_PAUSE", -1)
    await tokens.bearer(token(EC, "ES256"))
    assert provider.asked == 2


async def test_without_the_providers_keys_it_is_503():
    provider = Provider(RSA)
    provider.away = True
    with pytest.raises(Problem) as refused:
        await provider.tokens.bearer(token())
    assert refused.value.status == 503
