"""Who may post to a feed as a source, on the gateway's own code with a fake calls service."""

import base64
from urllib.parse import urlencode

import httpx
import pytest

from gateway.adapters import ADAPTERS
from gateway.adapters.proofs import signature
from gateway.endpoints import Endpoints, Entry
from gateway.ingest import PATH, Ingest
from gateway.middleware import Manners
from gateway.public_address import PublicAddress
from gateway.rate_limits import Allowances
from gateway.settings import from_environment
from gateway.source_access import SourceAccess
from gateway.sources import Sources
from gateway.telephony import Feed
from gateway.tests.fakes import ADMINISTRATOR, QUEUES, TOKEN, FakeAuthenticator, FakePublisher, a_fact
from gateway.tests.test_settings import NEEDED
from services.kernel.values import Actor, Unavailable

FREESWITCH = "/v1/telephony/freeswitch/events"
TWILIO = "/v1/telephony/twilio/voice"
LOG = "/v1/telephony/asterisk/queue-log"
EVENT = b'{"CC-Action": "member-queue-start", "CC-Queue": "q", "CC-Member-UUID": "m-1", "CC-Member-Joined-Time": "1"}'
VOICE = {"CallSid": "CA1", "CallStatus": "initiated", "SequenceNumber": "0",
         "Timestamp": "Mon, 05 Jan 2026 10:00:00 +0000"}  # fmt: skip
LINE = b"1767607200|1767607190.101|q-sales|NONE|ENTERQUEUE||0199001234|1"
NAMES_IT = Actor("key-2", scopes=frozenset({"calls:ingest"}), sources=frozenset({"fs1", "tw1"}))


class Service:
    """A calls service with two guarded sources; `asked` counts what the gateway had to ask."""

    def __init__(self):
        self.secrets = {"fs1": "correct horse", "tw1": "tok-plateau-01"}
        self.asked, self.away = 0, False

    async def ask(self, name):
        self.asked += 1
        if self.away:
            raise Unavailable("a fake service that is away")
        return {"secret": self.secrets.get(name)}

    async def ask_guarded(self):
        if self.away:
            raise Unavailable("a fake service that is away")
        return self.secrets


@pytest.fixture
def service():
    return Service()


@pytest.fixture
def sources(service):
    return Sources(service.ask, service.ask_guarded)


@pytest.fixture
def http(sources):
    def make(actor=ADMINISTRATOR, limit=100, headers=None, address=None):
        authenticator, publisher = FakeAuthenticator(actor), FakePublisher()
        access = SourceAccess(sources, authenticator, Allowances(limit, 60), address or PublicAddress())
        feeds = [Feed(adapter, access, publisher, QUEUES) for adapter in ADAPTERS]
        entries = [Entry("POST", feed.adapter.path, feed.receive) for feed in feeds]
        entries.append(Entry("POST", PATH, Ingest(publisher, QUEUES, lambda: sources.guarded).events))
        app = Manners(Endpoints(entries, None), authenticator, frozenset(feed.adapter.path for feed in feeds))
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://gateway.test", headers=headers or {}
        )

    return make


def basic(password):
    return {"Authorization": "Basic " + base64.b64encode(f"fs:{password}".encode()).decode()}


async def posted(client, path, name, body, **headers):
    async with client as http:
        return await http.post(path, params={"source": name}, content=body, headers=headers)


async def twilio(client, url=f"http://gateway.test{TWILIO}?source=tw1", secret=None, **headers):
    form = "".join(name + VOICE[name] for name in sorted(VOICE))
    signed = {"X-Twilio-Signature": signature(secret or "tok-plateau-01", url + form).decode(), **headers}
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return await posted(client, TWILIO, "tw1", urlencode(VOICE).encode(), **kind, **signed)


def refused(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    if status == 401:
        assert answer.headers["WWW-Authenticate"]


@pytest.mark.anyio
@pytest.mark.parametrize("headers", [basic("wrong"), basic(""), {"Authorization": "Bearer wrong"}])
async def test_a_wrong_password_is_401(http, headers):
    refused(await posted(http(headers=headers), FREESWITCH, "fs1", EVENT), 401, "auth.proof_wrong")


@pytest.mark.anyio
async def test_a_wrong_signature_is_401_and_no_key_makes_up_for_it(http):
    refused(await twilio(http(), secret="another token"), 401, "auth.proof_wrong")
    refused(await twilio(http(headers=TOKEN), secret="another token"), 401, "auth.proof_wrong")


@pytest.mark.anyio
async def test_nothing_at_all_is_401_with_and_without_a_source(http):
    refused(await posted(http(), FREESWITCH, "fs1", EVENT), 401, "auth.unknown")
    refused(await posted(http(), FREESWITCH, "", EVENT), 401, "auth.unknown")
    refused(await posted(http(), TWILIO, "tw1", b"CallSid=CA1"), 401, "auth.unknown")


@pytest.mark.anyio
@pytest.mark.parametrize("path", [FREESWITCH, LOG])
async def test_a_key_that_does_not_name_a_guarded_source_may_not_post_as_it(http, path):
    refused(await posted(http(headers=TOKEN), path, "fs1", LINE), 403, "auth.source_guarded")


@pytest.mark.anyio
async def test_nor_send_its_facts(http, sources):
    await sources.refresh()
    async with http(headers=TOKEN) as client:
        answer = await client.post(PATH, json=[a_fact(source="fs1"), a_fact()])
        assert [(r["pointer"], r["code"]) for r in answer.json()["rejected"]] == [("/0/source", "auth.source_guarded")]
    async with http(NAMES_IT, headers=TOKEN) as client:
        assert (await client.post(PATH, json=a_fact(source="fs1"))).json()["accepted"] == 1


@pytest.mark.anyio
async def test_a_key_that_names_it_may(http):
    for path, body in ((FREESWITCH, EVENT), (LOG, LINE)):
        assert (await posted(http(NAMES_IT, headers=TOKEN), path, "fs1", body)).status_code == 202


@pytest.mark.anyio
async def test_the_secret_of_one_source_admits_to_no_other_and_to_no_other_feed(http, service):
    service.secrets["fs2"] = "battery staple"
    refused(await posted(http(headers=basic("correct horse")), FREESWITCH, "fs2", EVENT), 401, "auth.proof_wrong")
    refused(await posted(http(headers=basic("correct horse")), FREESWITCH, "free", EVENT), 401, "auth.unknown")
    refused(await posted(http(headers=basic("correct horse")), LOG, "fs1", LINE), 401, "auth.unknown")
    refused(await posted(http(headers=basic("correct horse")), PATH, "fs1", b"{}"), 401, "auth.unknown")


@pytest.mark.anyio
@pytest.mark.parametrize("headers", [basic("correct horse"), {"Authorization": "Bearer correct horse"}])
async def test_the_secret_alone_admits_the_source(http, headers):
    assert (await posted(http(headers=headers), FREESWITCH, "fs1", EVENT)).status_code == 202


@pytest.mark.anyio
async def test_the_address_that_mod_json_cdr_spoils_is_read(http):
    document = b'{"core-uuid": "c", "variables": {"uuid": "u", "start_epoch": "1767607190"}}'
    path = "/v1/telephony/freeswitch/cdr"
    answer = await posted(http(headers=basic("correct horse")), path, "fs1?uuid=a_u", document)
    assert answer.status_code == 202


@pytest.mark.anyio
async def test_another_secret_is_heeded_at_once_and_the_old_one_no_more_a_moment_later(http, service, monkeypatch):
    assert (await posted(http(headers=basic("correct horse")), FREESWITCH, "fs1", EVENT)).status_code == 202
    service.secrets["fs1"] = "battery staple"
    assert (await posted(http(headers=basic("battery staple")), FREESWITCH, "fs1", EVENT)).status_code == 202
    refused(await posted(http(headers=basic("correct horse")), FREESWITCH, "fs1", EVENT), 401, "auth.proof_wrong")


@pytest.mark.anyio
async def test_what_was_known_of_a_secret_holds_while_the_service_is_away(http, service, sources):
    await sources.refresh()
    assert (await posted(http(headers=basic("correct horse")), FREESWITCH, "fs1", EVENT)).status_code == 202
    service.away = True
    assert (await posted(http(headers=basic("correct horse")), FREESWITCH, "fs1", EVENT)).status_code == 202
    refused(await posted(http(headers=basic("wrong")), FREESWITCH, "fs1", EVENT), 401, "auth.proof_wrong")
    refused(await posted(http(headers=basic("x")), FREESWITCH, "unheard", EVENT), 503, "service.unavailable")
    assert sources.guarded == {"fs1", "tw1"}


@pytest.mark.anyio
async def test_strangers_cannot_make_the_gateway_ask_for_ever(http, service):
    async with http(limit=3, headers=basic("guess")) as client:
        answers = [await client.post(FREESWITCH, params={"source": f"s{n}"}, content=EVENT) for n in range(6)]
    assert answers[-1].status_code == 429
    assert service.asked <= 3


@pytest.mark.anyio
async def test_a_source_that_lost_its_guard_by_another_gateway_is_free_again(service, sources):
    await sources.newest("fs1")
    service.secrets.clear()
    await sources.refresh()
    assert sources.guarded == frozenset()


@pytest.mark.anyio
async def test_a_list_that_is_behind_does_not_unguard_a_source(service, sources):
    await sources.newest("fs1")
    listed = {"tw1": service.secrets["tw1"]}

    async def behind():
        return listed

    late = Sources(service.ask, behind)
    await late.newest("fs1")
    await late.refresh()
    assert late.guarded == {"fs1", "tw1"}


# The address that Twilio signs


@pytest.mark.anyio
async def test_twilio_is_admitted_over_the_address_that_was_called(http):
    assert (await twilio(http())).status_code == 202


@pytest.mark.anyio
@pytest.mark.parametrize("url", ["https://plateau.example.org", "https://plateau.example.org:8443/plateau/"])
async def test_the_public_address_wins_over_what_the_request_says(http, url):
    called = f"{url.rstrip('/')}{TWILIO}?source=tw1"
    address = from_environment({**NEEDED, "PLATEAU_PUBLIC_URL": url}).public_address
    lie = {"X-Forwarded-Host": "elsewhere.example.org"}
    assert (await twilio(http(address=address), called, **lie)).status_code == 202
    refused(await twilio(http(address=address)), 401, "auth.proof_wrong")


@pytest.mark.anyio
@pytest.mark.parametrize(("trusted", "status"), [(None, 202), ("127.0.0.1", 202), ("10.0.0.0/8", 401), ("", 401)])
async def test_a_proxy_is_believed_only_if_it_is_trusted(http, trusted, status):
    environ = NEEDED if trusted is None else {**NEEDED, "PLATEAU_TRUSTED_PROXIES": trusted}
    called = f"https://plateau.example.org{TWILIO}?source=tw1"
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "plateau.example.org, inner"}
    answer = await twilio(http(address=from_environment(environ).public_address), called, **said)
    assert answer.status_code == status
