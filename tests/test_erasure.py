"""A person is erased: what they said and their number are nowhere, in any form, and no figure has moved."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote
from uuid import uuid4

import pika
import psycopg
import pytest
from psycopg import sql

from services.kernel.ingest_queues import IngestQueues
from tests.caller import BEGIN, END, SERVICE_LEVEL, eventually
from tests.facts import NINE, answered, fact, new_call

NUMBER, OTHER, CENTRE = "+33199007731", "+33199007732", "+33199000100"
TABLES = """SELECT schemaname, tablename FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND schemaname NOT LIKE 'pg_temp%' ORDER BY 1, 2"""
DATABASES = ("PLATEAU_CALLS_MIGRATION_URL", "PLATEAU_GATEWAY_MIGRATION_URL")


def forms(text: str) -> Iterator[str]:
    """A text as it may stand in a table or a log: plain, in hexadecimal, in base64 wherever it begins."""
    plain = text.encode()
    yield text
    yield plain.hex()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + plain).decode().rstrip("=")
        yield encoded[-(-before * 8 // 6) : -1]


def everything_stored(stack) -> str:
    """Every row of every table of every database, as text."""
    rows: list[str] = []
    for name in DATABASES:
        database = stack.settings()[name].rpartition("/")[2]
        with psycopg.connect(f"{stack.servers.postgres.url.rpartition('/')[0]}/{database}") as connection:
            for table in connection.execute(TABLES).fetchall():
                found = connection.execute(sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(*table)))
                rows += [row for (row,) in found]
    return "\n".join(rows)


def everything_logged(stack) -> str:
    logs = list(stack.servers.supervisor.logs.glob("*.log*"))
    assert logs
    return "\n".join(path.read_text(errors="replace") for path in logs)


def waiting(stack) -> dict[str, int]:
    """How many messages each queue of facts holds, the dead among them."""
    queues = IngestQueues.of("calls", stack.settings())
    with pika.BlockingConnection(pika.URLParameters(stack.settings()["PLATEAU_AMQP_URL"])) as connection:
        channel = connection.channel()
        names = [name for queue in queues.names for name in (queue, f"{queue}.dead")]
        return {name: channel.queue_declare(name, passive=True).method.message_count for name in names}


@pytest.fixture
def said() -> str:
    """What only the person who is erased has said."""
    return f"my name is {uuid4()}"


def test_a_text_is_found_in_every_form_that_is_searched_for():
    for before in range(3):
        hidden = base64.b64encode(b"x" * before + NUMBER.encode() + b" and more").decode()
        assert any(form in hidden for form in forms(NUMBER)), before
    assert any(form in str(psycopg.Binary(NUMBER.encode()).obj.hex()) for form in forms(NUMBER))


@pytest.mark.servers
def test_nothing_is_left_of_a_person_and_every_figure_stays(stack, administrator, queue, said):
    call = new_call()
    told = [
        fact(call, "queued", NINE, queue=queue, data={"raw": said}, **{"from": NUMBER, "to": CENTRE}),
        fact(call, "answered", NINE + timedelta(seconds=9), queue=queue, agent="a-1", data={"raw": said}),
        fact(call, "ended", NINE + timedelta(seconds=99), data={"talk_seconds": 90, "raw": {"note": said}}),
    ]
    other = answered(queue, 30, **{"from": OTHER, "to": CENTRE})
    administrator.send(*told, *other)
    administrator.send(*told)
    saved = administrator.http.put("/v1/crm/customers/hubspot:erased", json={"given_name": said, "numbers": [NUMBER]})
    assert saved.status_code == 201
    asked = {"queue": queue, "from_": BEGIN, "to": END, "interval": "PT15M"}
    before = administrator.get(SERVICE_LEVEL, **asked)["items"]
    path = f"/v1/privacy/subjects/{quote(NUMBER)}"
    export = administrator.get(f"{path}/export")
    assert [each["given_name"] for each in export["customers"]] == [said]
    (held,) = export["calls"]
    assert held["call"]["caller_number"] == NUMBER
    assert [each["fact"]["data"].get("raw") for each in held["facts"]] == [said, said, {"note": said}]

    key = {"Idempotency-Key": str(uuid4())}
    first, again = (administrator.http.post(f"{path}/erasure", headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    subject = first.json()["id"]
    assert first.headers["Location"] == f"/v1/privacy/subjects/{subject}/erasure"
    position = {"Plateau-Min-Position": first.json()["position"]}
    report = administrator.http.get(
        SERVICE_LEVEL, params={name.rstrip("_"): value for name, value in asked.items()}, headers=position
    )
    assert report.json()["items"] == before

    assert administrator.get(f"{path}/export") == {"subject": subject, "customers": [], "calls": [], "next": None}
    (shown,) = [each for each in administrator.items("/v1/calls", queue=queue) if each["call_id"] == call]
    assert shown["caller_number"] is None
    assert said not in str(administrator.get(f"/v1/calls/{shown['id']}/facts"))

    eventually(lambda: not any(waiting(stack).values()))
    places = {"tables": everything_stored(stack), "logs": everything_logged(stack)}
    assert call in places["tables"]
    found = [
        (place, form)
        for text in (NUMBER, NUMBER[1:], said)
        for form in forms(text)
        for place, held in places.items()
        if form in held
    ]
    assert found == []

    later = answered(queue, 5, **{"from": NUMBER, "to": CENTRE})
    administrator.send(*later)
    (held,) = administrator.get(f"{path}/export")["calls"]
    assert held["call"]["call_id"] == later[0]["call_id"]
    assert held["call"]["caller_number"] == NUMBER
