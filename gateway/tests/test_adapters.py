"""What every adapter must do; see `gateway.adapters` for how to add one.

A case is `<name>.txt` (a body), or `<name>.csv` where its first line is a header, and `<name>.jsonl` beside it: for
each item its facts, or `{"fault": code}`.
"""

import json
import random
from contextlib import suppress
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import pytest

from gateway.adapters import ADAPTERS
from gateway.endpoints import Entry
from gateway.problems import Problem
from gateway.sources import Source, Sources
from gateway.telephony import Feed
from gateway.tests.fakes import ADMINISTRATOR, QUEUES, FakePublisher, client, keys_alone
from services.calls.api import canonical
from services.kernel.values import Actor, Unavailable

SEQUENCED = b"SequenceNumber"  # the one feed that counts its own
FIXTURES = Path(__file__).parent / "fixtures"
SOURCE = Source("pbx1", ZoneInfo("Europe/Paris"), "FR")


def bodies(adapter):
    return sorted((FIXTURES / adapter.name).glob("*.[tc][xs][tv]"))


CASES = [
    pytest.param(adapter, path, id=f"{adapter.name}/{path.stem}") for adapter in ADAPTERS for path in bodies(adapter)
]
EACH = pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)


def outcome(item):
    """An item as a line of the expected file: canonical facts, or the code of its fault."""
    if item.fault is not None:
        return {"fault": item.fault.code}
    facts = [canonical(fact) for fact in item.facts]
    faults = [fault for fact in facts if isinstance(fact, list) for fault in fact]
    return {"fault": faults[0].code} if faults else {"facts": facts}


def outcomes(adapter, body, **given):
    return [outcome(item) for item in adapter.items(body, SOURCE, given)]


@EACH
def test_every_adapter_has_fixtures_and_documents_itself(adapter):
    assert list((FIXTURES / adapter.name).glob("*.jsonl"))
    assert adapter.path.startswith("/v1/telephony/")
    assert adapter.summary.endswith(".")


@pytest.mark.parametrize(("adapter", "path"), CASES)
def test_a_body_means_what_is_written_beside_it(adapter, path):
    expected = [orjson.loads(line) for line in path.with_suffix(".jsonl").read_bytes().splitlines()]
    assert outcomes(adapter, path.read_bytes()) == expected


@pytest.mark.parametrize(("adapter", "path"), CASES)
def test_the_same_body_again_has_the_same_ids(adapter, path):
    assert outcomes(adapter, path.read_bytes()) == outcomes(adapter, path.read_bytes())


@pytest.mark.parametrize(("adapter", "path"), CASES)
def test_no_two_facts_share_an_id(adapter, path):
    ids = [fact["id"] for item in adapter.items(path.read_bytes(), SOURCE, {}) for fact in item.facts]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("adapter", "path"), CASES)
def test_order_and_company_change_nothing_and_no_sequence_is_made_of_places(adapter, path):
    lines = path.read_bytes().split(b"\n")
    header = path.suffix == ".csv"
    shuffled = lines[:header] + random.Random(7).sample(lines[header:], len(lines) - header)
    before, after = (sorted(map(orjson.dumps, outcomes(adapter, b"\n".join(order)))) for order in (lines, shuffled))
    assert before == after
    facts = [fact for each in before for fact in orjson.loads(each).get("facts", ())]
    assert SEQUENCED in path.read_bytes() or not any("sequence" in fact for fact in facts)


@EACH
def test_every_kind_of_fact_has_its_source(adapter):
    for path in bodies(adapter):
        for item in adapter.items(path.read_bytes(), SOURCE, {}):
            assert all(fact["source"] == "pbx1" for fact in item.facts)


LOG = "/v1/telephony/asterisk/queue-log"
GOOD = b"1767607200|1767607190.101|q-sales|NONE|ENTERQUEUE||0199001234|1"
QUIET = b"1767607391|NONE|NONE|NONE|CONFIGRELOAD|"


def queue_log(publisher, actor=ADMINISTRATOR, *, away=False):
    async def ask(_name):
        if away:
            raise Unavailable("a fake service that is away")
        return {"timezone": "Europe/Paris", "default_region": "FR"}

    feed = Feed(ADAPTERS[0], keys_alone(Sources(ask)), publisher, QUEUES)
    return client([Entry("POST", feed.adapter.path, feed.receive)], actor)


@pytest.mark.anyio
async def test_lines_are_counted_and_bad_ones_named():
    publisher = FakePublisher()
    async with queue_log(publisher) as http:
        answer = await http.post(LOG, params={"source": "pbx1"}, content=b"\n".join([GOOD, b"", QUIET, b"176760"]))
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 2
    assert [(r["index"], r["pointer"]) for r in answer.json()["rejected"]] == [(2, "/2")]
    assert [fact["from"] for fact in publisher.facts] == ["+33199001234"]


@pytest.mark.anyio
async def test_a_log_without_one_fact_is_accepted_without_a_message():
    publisher = FakePublisher(confirms=False)
    async with queue_log(publisher) as http:
        answer = await http.post(LOG, params={"source": "pbx1"}, content=QUIET)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)


@pytest.mark.anyio
async def test_a_shippers_offsets_make_the_ids_whatever_the_split():
    whole, parts = FakePublisher(), FakePublisher()
    log = GOOD + b"\n" + GOOD + b"\n"
    async with queue_log(whole) as http:
        await http.post(LOG, params={"source": "pbx1", "generation": "g1", "offset": "100"}, content=log)
    async with queue_log(parts) as http:
        for offset in (100, 101 + len(GOOD)):
            params = {"source": "pbx1", "generation": "g1", "offset": str(offset)}
            await http.post(LOG, params=params, content=GOOD + b"\n")
    assert whole.facts == parts.facts
    assert [fact["id"] for fact in whole.facts] == ["g1-100", f"g1-{101 + len(GOOD)}"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "params",
    [{}, {"source": ""}, {"source": "p", "generation": "g"}, {"source": "p", "generation": "g", "offset": "-1"}],
)
async def test_parameters_that_make_no_sense_are_422(params):
    async with queue_log(FakePublisher()) as http:
        answer = await http.post(LOG, params=params, content=GOOD)
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")


@pytest.mark.anyio
async def test_an_empty_log_is_400_and_one_of_bad_lines_too():
    async with queue_log(FakePublisher()) as http:
        assert (await http.post(LOG, params={"source": "p"}, content=b"\n\n")).json()["code"] == "request.empty"
        answer = await http.post(LOG, params={"source": "p"}, content=b"cut\noff")
    assert (answer.status_code, len(answer.json()["errors"])) == (400, 2)


@pytest.mark.anyio
async def test_a_key_of_another_source_may_not_send():
    actor = Actor("k", scopes=frozenset({"calls:ingest"}), sources=frozenset({"pbx2"}))
    async with queue_log(FakePublisher(), actor) as http:
        assert (await http.post(LOG, params={"source": "pbx1"}, content=GOOD)).status_code == 403


@pytest.mark.anyio
async def test_without_the_sources_settings_nothing_is_read_wrongly():
    async with queue_log(FakePublisher(), away=True) as http:
        answer = await http.post(LOG, params={"source": "pbx1"}, content=GOOD)
    assert (answer.status_code, answer.json()["code"]) == (503, "service.unavailable")


@pytest.mark.anyio
async def test_what_was_known_of_a_source_holds_while_the_service_is_away(monkeypatch):
    answers = [{"timezone": "UTC", "default_region": "FR"}]

    async def ask(_name):
        if not answers:
            raise Unavailable("a fake service that is away")
        return answers.pop()

    sources = Sources(ask)
    first = await sources.named("pbx1")
    monkeypatch.setattr("gateway.sources.time.monotonic", lambda: 10**9)
    assert await sources.named("pbx1") == first


JUNK = [None, True, 0, -1, 1e400, 2**70, "", "x", "\x00", "%", "9" * 40, "é" * 300, [], [1], {}, {"a": [{}]}, [[[]]]]
JUNK += ["\ud83d", "9" * 5000, "-" + "9" * 17, "1" * 18 + ".9", "0001-01-01T00:00:00+14:00", "9999-12-31 23:59:59", "²"]
CELLS = [each for each in JUNK if isinstance(each, str) and each.isprintable()] + [
    "x" * 140_000,
    '"',
    "2026-10-25 02:30",
]


def spoiled(document, chance):
    """A document with some of its values, at any depth, replaced by anything."""
    if chance.random() < 0.08:
        return chance.choice(JUNK)
    if isinstance(document, dict):
        return {name: spoiled(value, chance) for name, value in document.items() if chance.random() > 0.05}
    return [spoiled(each, chance) for each in document] if isinstance(document, list) else document


def spoiled_line(line, chance):
    """A line of cells, of a form or of a log with some of its values, or else of its characters, replaced."""
    for mark in ("&", "|", ","):
        if mark in line and chance.random() < 0.7:
            return mark.join(each if chance.random() < 0.8 else spoiled_cell(each, chance) for each in line.split(mark))
    return "".join(f"%{chance.randrange(256):02x}" if chance.random() < 0.03 else each for each in line)


def spoiled_cell(cell, chance):
    name, is_field, _ = cell.partition("=")
    return f"{name}={chance.choice(CELLS)}" if is_field else chance.choice(CELLS)


@pytest.mark.parametrize(("adapter", "path"), CASES)
def test_whatever_is_in_a_document_it_is_read_or_a_fault(adapter, path):
    chance = random.Random(11)
    lines = path.read_bytes().splitlines(keepends=True)
    header, lines = (lines[0], lines[1:]) if path.suffix == ".csv" else (b"", lines)
    for line in lines:
        for _ in range(40):
            try:
                body = json.dumps(spoiled(orjson.loads(line), chance)).encode()
            except orjson.JSONDecodeError:
                body = spoiled_line(line.decode("latin-1"), chance).encode("utf-8", "replace")
            with suppress(Problem):  # what is no body of this feed may be refused as a whole
                for item in adapter.items(header + body, SOURCE, {}):
                    told = outcome(item)
                    assert set(told) <= {"facts", "fault"}
                    orjson.dumps(told)  # as it is published


@pytest.mark.parametrize(("adapter", "path"), CASES)
def test_marks_and_ends_of_lines_that_other_systems_write_mean_nothing(adapter, path):
    body = path.read_bytes()
    plain = outcomes(adapter, body)
    assert outcomes(adapter, b"\xef\xbb\xbf" + body) == plain
    assert outcomes(adapter, b"\r\n" + body.replace(b"\r", b"").replace(b"\n", b"\r\n") + b"\r\n\r\n") == plain
