import re
import subprocess
import sys

import psycopg
import pytest
from structlog.testing import capture_logs

from gateway.endpoints import Entry
from gateway.rate_limits import Allowance
from gateway.tests.fakes import client

pytestmark = pytest.mark.anyio
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


async def fine(exchange):
    await exchange.answer_json(200, {"trace": exchange.traceparent})


async def query(exchange):
    await exchange.answer_json(200, exchange.in_query())


async def broken(_exchange):
    raise RuntimeError("a secret of ours")


async def without_database(_exchange):
    raise psycopg.OperationalError("connection refused")


TABLE = [
    Entry("GET", "/things", fine),
    Entry("PUT", "/things", fine),
    Entry("GET", "/things/{id}", fine),
    Entry("GET", "/broken", broken),
    Entry("GET", "/database", without_database),
    Entry("GET", "/open", fine),
    Entry("GET", "/query", query),
]


async def get(path, method="GET", allowance=None, **headers):
    async with client(TABLE, allowance=allowance) as http:
        return await http.request(method, path, headers=headers)


async def test_unknown_paths_are_404_and_unknown_methods_405_with_allow():
    answer = await get("/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "request.not_found")
    answer = await get("/things", "DELETE")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, PUT")
    assert (await get("/things/1", "DELETE")).headers["allow"] == "GET, HEAD"


async def test_a_parameter_that_is_given_twice_is_refused():
    answer = await get("/query?queue=sales&from=now&queue=care")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/queue")
    assert (await get("/query?queue=sales&from=now")).json() == {"queue": "sales", "from": "now"}


async def test_head_has_the_headers_of_get_and_no_body():
    answer = await get("/things", "HEAD")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


async def test_what_breaks_is_a_500_that_tells_nothing_but_its_request_id():
    answer = await get("/broken", **{"X-Request-Id": "mine-1"})
    assert (answer.status_code, answer.json()["code"]) == (500, "request.internal")
    assert "secret" not in answer.text
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "mine-1"


async def test_without_its_database_the_gateway_answers_503():
    answer = await get("/database")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "refused" not in answer.text


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "é"])
async def test_a_request_id_that_is_not_sane_is_replaced(given):
    answer = await get("/things", **{"X-Request-Id": given.encode()})
    assert re.fullmatch(r"[0-9a-f]{16}-[0-9a-f]+", answer.headers["x-request-id"])


async def test_request_ids_of_ours_differ():
    assert (await get("/things")).headers["x-request-id"] != (await get("/things")).headers["x-request-id"]


async def test_a_trace_is_taken_up_or_begun():
    given = f"00-{TRACE}-00f067aa0ba902b7-01"
    assert (await get("/things", traceparent=given)).json()["trace"] == given
    begun = (await get("/things", traceparent="00-zz")).json()["trace"]
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", begun)


async def test_what_is_logged_of_a_request_names_its_trace():
    with capture_logs() as lines:
        await get("/broken", traceparent=f"00-{TRACE}-00f067aa0ba902b7-01")
        await get("/broken", traceparent="00-zz")
        await get("/things", **{"X-Request-Id": "mine-1"})
    told = [(line["event"], line.get("trace_id")) for line in lines]
    failed, answered = ("request.failed", "request.answered")
    assert told[:4] == [(failed, TRACE), (answered, TRACE), (failed, None), (answered, None)]
    begun = lines[4]
    assert (begun["request_id"], begun["route"], begun["status"]) == ("mine-1", "/things", 200)
    assert re.fullmatch("[0-9a-f]{32}", begun["trace_id"])


async def test_every_answer_has_security_headers():
    for path in ("/things", "/nothing", "/broken"):
        headers = (await get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


async def test_even_unknown_paths_are_closed_and_public_ones_open():
    async with client(TABLE) as http:
        del http.headers["authorization"]
        assert (await http.get("/nothing")).status_code == 401
        assert (await http.get("/open")).status_code == 200


async def test_a_caller_over_the_limit_is_429_until_the_window_ends():
    allowance = Allowance(limit=2, window=60)
    first = await get("/things", allowance=allowance)
    assert first.headers["ratelimit-policy"] == '"default";q=2;w=60'
    assert re.fullmatch(r'"default";r=1;t=\d+', first.headers["ratelimit"])
    await get("/things", allowance=allowance)
    refused = await get("/things", allowance=allowance)
    assert (refused.status_code, refused.json()["code"]) == (429, "request.rate_limited")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert "ratelimit" not in (await get("/things")).headers


def test_the_gateway_loads_neither_nameko_nor_eventlet():
    modules = "sys, gateway.server, gateway.deliveries.server"
    code = f"import {modules}; print(*{{'nameko', 'eventlet', 'kombu'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == ""
