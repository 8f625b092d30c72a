"""The floor as server-sent events, over real HTTP; the calls service and the keys are stand-ins."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest
import uvicorn

from gateway import live_channel, live_stream
from gateway.callers import Caller
from gateway.ending import Ending
from gateway.endpoints import Endpoints
from gateway.live_channel import Channel, differences
from gateway.live_stream import PATH, LiveStream, sight
from gateway.metrics import LISTENERS
from gateway.middleware import Manners
from gateway.problems import Problem
from gateway.server import Server
from services.kernel.values import Actor, Unavailable

pytestmark = pytest.mark.anyio

LIVE = frozenset({"live:read"})
ACTORS = {
    b"Bearer pl_all": Actor("key-1", scopes=LIVE),
    b"Bearer pl_other": Actor("key-2", scopes=LIVE),
    b"Bearer pl_sales": Actor("key-3", scopes=LIVE, queues=frozenset({"sales"})),
    b"Bearer pl_none": Actor("key-4"),
}


class FakeCalls:
    """The calls service: a floor of queues and agents, as somebody sees it who may see some queues or all."""

    def __init__(self) -> None:
        self.waiting = {"sales": 0, "care": 0}
        self.agents = {"a-1": "available"}
        self.asked: list[str] = []
        self.away = False
        self.filling = ""

    async def call(self, _service: str, _method: str, message: dict[str, Any], **_options: Any) -> dict[str, Any]:
        seen = message["actor"]["queues"]
        self.asked.append(",".join(seen or ["all"]))
        if self.away:
            raise Unavailable("The service calls is not running.")
        queues = [
            {"queue": name, "waiting": waiting, "filling": self.filling}
            for name, waiting in self.waiting.items()
            if seen is None or name in seen
        ]
        agents = [{"agent": name, "state": state} for name, state in self.agents.items()]
        view = {"as_of": f"{time.time()}", "queues": queues, "agents": agents, "quotas": []}
        return {"body": orjson.dumps(view).decode()}


class FakeKeys:
    """Knows some callers, until they are revoked."""

    def __init__(self) -> None:
        self.actors = dict(ACTORS)

    def remembered(self, _authorization: bytes) -> None:
        return None

    async def identify(self, authorization: bytes) -> Caller:
        if authorization not in self.actors:
            raise Problem("auth.unknown")
        return Caller(self.actors[authorization], None, time.monotonic() + 9)


class Listener:
    """Somebody who reads the stream event by event."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.lines = response.aiter_lines()
        self.comments: list[str] = []
        self.last_id = ""

    async def event(self) -> dict[str, Any]:
        """The next event."""
        async with asyncio.timeout(5):
            async for line in self.lines:
                if line.startswith(":"):
                    self.comments.append(line)
                elif line.startswith("id: "):
                    self.last_id = line[4:]
                elif line.startswith("data: "):
                    return dict(orjson.loads(line[6:]))
        raise AssertionError("the stream has ended")

    async def ends(self) -> bool:
        """Whether the stream is ended cleanly, without another event."""
        async with asyncio.timeout(5):
            return not [line async for line in self.lines if line.startswith("data:")]


class Gateway:
    """A gateway that serves the stream alone."""

    def __init__(self, url: str, calls: FakeCalls, keys: FakeKeys, ending: Ending) -> None:
        self.url, self.calls, self.keys, self.ending = url, calls, keys, ending

    @asynccontextmanager
    async def listening(self, key: str = "all", last_id: str | None = None) -> AsyncIterator[Listener]:
        headers = {"Authorization": f"Bearer pl_{key}", **({"Last-Event-ID": last_id} if last_id else {})}
        async with (
            httpx.AsyncClient(base_url=self.url, timeout=20) as http,
            http.stream("GET", PATH, headers=headers) as response,
        ):
            assert response.status_code == 200, await response.aread()
            yield Listener(response)

    async def refusal(self, key: str = "all", **asked: str) -> tuple[int, str]:
        async with httpx.AsyncClient(base_url=self.url) as http:
            answer = await http.get(PATH, params=asked, headers={"Authorization": f"Bearer pl_{key}"})
        return answer.status_code, answer.json()["code"]


@asynccontextmanager
async def serving(most: int = 500) -> AsyncIterator[Gateway]:
    calls, keys, ending = FakeCalls(), FakeKeys(), Ending()
    entries = LiveStream(calls, keys, ending, most).entries()
    app = Manners(Endpoints(entries, None), keys, frozenset())
    config = uvicorn.Config(app, port=0, lifespan="off", ws="none", log_config=None, timeout_graceful_shutdown=5)
    server = Server(config, ending)
    running = asyncio.create_task(server.serve())
    try:
        await until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Gateway(f"http://127.0.0.1:{port}", calls, keys, ending)
    finally:
        ending.begin()
        server.should_exit = True
        await running


@pytest.fixture
async def gateway(monkeypatch) -> AsyncIterator[Gateway]:
    monkeypatch.setattr(live_channel, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(live_channel, "LOOK_SECONDS", 0.05)
    async with serving() as found:
        yield found


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


async def test_who_may_not_listen_is_told_so(gateway):
    assert await gateway.refusal("unknown") == (401, "auth.unknown")
    assert await gateway.refusal("none") == (403, "auth.not_allowed")
    assert await gateway.refusal(queue="sales") == (422, "request.invalid")
    gateway.calls.away = True
    assert await gateway.refusal() == (503, "service.unavailable")


async def test_no_more_than_so_many_listen_at_once():
    async with serving(most=1) as gateway, gateway.listening() as one:
        assert (await one.event())["whole"]
        assert LISTENERS._value.get() == 1
        assert await gateway.refusal() == (503, "live.too_many_listeners")


async def test_first_the_whole_then_what_changes(gateway):
    async with gateway.listening() as screen:
        assert screen.response.headers["content-type"] == "text/event-stream"
        first = await screen.event()
        assert (first["whole"], [queue["queue"] for queue in first["queues"]]) == (True, ["sales", "care"])
        gateway.calls.waiting["care"] = 2
        changed = await screen.event()
        assert (changed["whole"], [queue["waiting"] for queue in changed["queues"]]) == (False, [2])
        assert (changed["agents"], changed["gone"]) == ([], {"queues": [], "agents": []})
        del gateway.calls.agents["a-1"]
        assert (await screen.event())["gone"] == {"queues": [], "agents": ["a-1"]}


async def test_what_was_missed_comes_first_and_nothing_twice(gateway):
    async with gateway.listening() as screen:
        await screen.event()
        gateway.calls.waiting["care"] = 1
        await screen.event()
        seen = screen.last_id
        gateway.calls.waiting["sales"] = 5
        await screen.event()
    await until(lambda: LISTENERS._value.get() == 0)
    gateway.calls.agents["a-2"] = "paused"  # while nobody listens
    async with gateway.listening(last_id=seen) as screen:
        missed = [await screen.event(), await screen.event()]
        assert [event["whole"] for event in missed] == [False, False]
        assert missed[0]["queues"][0]["waiting"] == 5
        assert [agent["agent"] for agent in missed[1]["agents"]] == ["a-2"]


@pytest.mark.parametrize("last_id", ["made-up", "0123456789ab-1", "-", "x"])
async def test_an_id_of_another_life_is_answered_with_the_whole(gateway, last_id):
    async with gateway.listening(last_id=last_id) as screen:
        assert (await screen.event())["whole"]


async def test_an_id_of_another_sight_is_answered_with_the_whole(gateway):
    async with gateway.listening("sales") as screen, gateway.listening("all") as other:
        await screen.event()
        await other.event()
        async with gateway.listening("all", last_id=screen.last_id) as confused:
            assert (await confused.event())["whole"]


async def test_who_was_away_for_too_long_gets_the_whole(gateway, monkeypatch):
    channel = Channel(lambda: gateway.calls.call("", "", {"actor": {"queues": None}}), gateway.ending)
    for waiting in range(live_channel.KEPT + 5):
        channel.take({"as_of": "", "queues": [{"queue": "sales", "waiting": waiting}], "agents": []})
    assert channel.since(3)[0].count(b'"whole":true') == 1
    missed, place = channel.since(live_channel.KEPT)
    assert (missed.count(b"event: live"), missed.count(b'"whole":false'), place) == (5, 5, live_channel.KEPT + 5)


async def test_each_sees_what_they_may_and_one_question_serves_all_who_see_the_same(gateway):
    async with (
        gateway.listening("all") as one,
        gateway.listening("other") as two,
        gateway.listening("sales") as limited,
    ):
        for screen in (one, two, limited):
            await screen.event()
        gateway.calls.waiting |= {"care": 7}
        assert [(await screen.event())["queues"][0]["queue"] for screen in (one, two)] == ["care", "care"]
        gateway.calls.waiting |= {"sales": 1}
        assert [queue["queue"] for queue in (await limited.event())["queues"]] == ["sales"]
        gateway.calls.asked.clear()
        await until(lambda: len(gateway.calls.asked) >= 20)
        assert abs(gateway.calls.asked.count("all") - gateway.calls.asked.count("sales")) <= 2


def test_what_does_not_bear_on_the_sight_makes_no_other_channel():
    boss = Actor("ann", "person", frozenset({"manager"}), LIVE, agent="a-1", team="days")
    other = Actor("bob", "person", frozenset({"manager"}), LIVE | {"calls:read"}, agent="a-2", team="nights")
    assert sight(boss) == sight(other)
    leader = Actor("ann", "person", frozenset({"supervisor"}), LIVE, agent="a-1", team="days")
    assert sight(leader) == sight(replace(leader, id="bob", agent="a-2"))
    assert sight(leader) != sight(replace(leader, team="nights"))
    both = replace(leader, roles=frozenset({"supervisor", "agent"}))
    assert sight(both) != sight(replace(both, agent="a-2"))
    for limits in ({"client": "acme"}, {"queues": frozenset({"q"})}, {"roles": frozenset({"owner"})}):
        assert sight(Actor("x", **limits)) != sight(Actor("x"))


async def test_who_reads_nothing_holds_up_nobody(gateway, monkeypatch):
    monkeypatch.setattr(live_stream, "STALLED_SECONDS", 1.0)
    gateway.calls.filling = "x" * 400_000
    host, port = gateway.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port), limit=1)
    writer.write(f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer pl_all\r\n\r\n".encode())
    async with gateway.listening() as screen:
        await screen.event()
        await until(lambda: LISTENERS._value.get() == 2)
        for waiting in range(1, 30):
            gateway.calls.waiting["sales"] = waiting
            begun = time.monotonic()
            while not any(queue["waiting"] == waiting for queue in (await screen.event())["queues"]):
                pass
            assert time.monotonic() - begun < 2
        await until(lambda: LISTENERS._value.get() == 1)  # it was let go
    writer.close()


async def test_a_comment_comes_where_nothing_changes(gateway, monkeypatch):
    monkeypatch.setattr(live_stream, "KEEP_ALIVE_SECONDS", 0.1)
    async with gateway.listening() as screen:
        await screen.event()
        begun = time.monotonic()
        await until(lambda: time.monotonic() - begun > 0.4)
        gateway.calls.waiting["sales"] = 1
        await screen.event()
    assert 2 <= len(screen.comments) <= 6


@pytest.mark.parametrize("change", [None, Actor("key-1"), Actor("key-1", scopes=LIVE, queues=frozenset({"care"}))])
async def test_the_stream_ends_with_the_key_or_its_rights(gateway, monkeypatch, change):
    monkeypatch.setattr(live_stream, "RECHECK_SECONDS", 0.1)
    async with gateway.listening() as screen, gateway.listening("other") as other:
        await screen.event()
        await other.event()
        if change:
            gateway.keys.actors[b"Bearer pl_all"] = change
        else:
            del gateway.keys.actors[b"Bearer pl_all"]
        assert await screen.ends()
        gateway.calls.waiting["sales"] = 3
        assert (await other.event())["queues"]


async def test_it_goes_on_while_the_service_is_away(gateway):
    async with gateway.listening() as screen:
        await screen.event()
        gateway.calls.away = True
        asked = len(gateway.calls.asked)
        await until(lambda: len(gateway.calls.asked) > asked + 2)
        gateway.calls.away = False
        gateway.calls.waiting["sales"] = 4
        assert (await screen.event())["queues"][0]["waiting"] == 4


async def test_it_ends_when_the_process_is_told_to(gateway):
    async with gateway.listening() as screen:
        await screen.event()
        gateway.ending.begin()
        assert await screen.ends()


async def test_who_waits_costs_nothing_until_there_is_something_to_tell(gateway, monkeypatch):
    monkeypatch.setattr(live_stream, "RECHECK_SECONDS", 60.0)
    looks = []
    since = Channel.since
    monkeypatch.setattr(Channel, "since", lambda self, place: (looks.append(place), since(self, place))[1])
    async with gateway.listening() as one, gateway.listening("other") as other:
        await one.event()
        await other.event()
        asked = len(gateway.calls.asked)
        await until(lambda: len(gateway.calls.asked) > asked + 20)
        looks.clear()
        asked = len(gateway.calls.asked)
        await until(lambda: len(gateway.calls.asked) > asked + 20)
        assert looks == []
        gateway.calls.waiting["sales"] = 4
        assert (await one.event(), await other.event())[0]["queues"][0]["waiting"] == 4
        assert len(looks) <= 4


def test_a_signal_begins_the_end():
    ending = Ending()
    server = Server(uvicorn.Config("nowhere:app"), ending)
    server.handle_exit(signal.SIGTERM, None)
    assert ending.begun
    assert server.should_exit


def test_nothing_has_changed_but_the_time():
    view = {"as_of": "9:00", "queues": [{"queue": "sales"}], "agents": [], "quotas": []}
    assert differences(view, {**view, "as_of": "9:01"}) is None
    assert differences(view, {**view, "as_of": "9:01", "quotas": [1]}) == {
        "whole": False,
        "as_of": "9:01",
        "quotas": [1],
        "queues": [],
        "agents": [],
        "gone": {"queues": [], "agents": []},
    }
