"""What the documents say is so: links, commands, targets, settings, metrics, and every block that can run."""

import ast
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import click
import orjson
import pytest

from conftest import fresh_database
from gateway.adapters import ADAPTERS
from gateway.sources import Source
from infra.command_line import ROLES, main
from services.calls.api import api, canonical
from services.calls.domain.fold import Fact, fold
from services.kernel import projections, schemas, store
from services.kernel.database import connect
from services.kernel.inbox import Inbox
from services.kernel.privacy import Keyring
from services.kernel.tests.horizon import until_readable
from services.kernel.tests.running import running
from services.kernel.things import ThingStore
from services.training import parts as training
from services.training.projections import read_models
from tests.documents import DOCUMENTS, ROOT, blocks, name

CODE = [
    path
    for folder in ("gateway", "services", "infra", "loadtests")
    for path in (ROOT / folder).rglob("*.py")
    if "tests" not in path.parts
]
TARGETS = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
EVERY = pytest.mark.parametrize("document", DOCUMENTS, ids=name)


def headings(document: Path) -> set[str]:
    """The anchors of a document, as the web page of a repository makes them."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def inline(document: Path) -> list[str]:
    """What a document shows as code within its sentences."""
    sentences = re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [text.replace("\n", " ") for text in re.findall(r"`([^`]+)`", sentences)]


@EVERY
def test_links_lead_somewhere(document):
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not anchor or anchor in headings(target), link


@EVERY
def test_files_that_are_named_exist(document):
    for text in inline(document):
        if re.fullmatch(r"(gateway|services|infra|loadtests|tests|docs)/[\w./-]+", text):
            assert (ROOT / text).exists(), text


@EVERY
def test_commands_that_are_named_exist(document):
    shown = "\n".join([*inline(document), *blocks(document, "sh")])
    for words in re.findall(r"\bplateau((?: [a-z]+[a-z-]*)+)", shown):
        command: click.Command | None = main
        context = click.Context(main)
        for word in words.split():
            if isinstance(command, click.Group):
                command = command.get_command(context, word)
                assert command is not None, words
            else:
                assert word in ROLES, words
    assert set(re.findall(r"^make ([a-z]+)", shown, re.MULTILINE)) <= TARGETS


@EVERY
def test_shell_blocks_are_shell(document):
    for block in blocks(document, "sh"):
        subprocess.run(["sh", "-n"], input=block, text=True, check=True)  # noqa: S607


def run(document: Path) -> dict:
    """The Python blocks of a document, run as one module; gives its names."""
    made: dict = {"__name__": document.stem}
    text = "\n".join(blocks(document, "python"))
    ast.parse(text)
    exec(compile(text, str(document), "exec"), made)  # noqa: S102
    for test in [value for key, value in made.items() if key.startswith("test_")]:
        test()
    return made


@pytest.mark.parametrize("document", [path for path in DOCUMENTS if blocks(path, "python")], ids=name)
def test_python_blocks_run_and_their_tests_pass(document):
    assert run(document)


def test_the_adapter_of_the_guide_reads_what_it_says():
    adapter = run(ROOT / "docs/guides/add-an-adapter.md")["ExamplePbx"]()
    assert {attribute for attribute in vars(type(ADAPTERS[0])) if attribute[0] != "_"} <= set(dir(adapter))
    body = b'{"at": "2026-11-21T09:14:00Z", "what": "hangup", "call": "c-1", "line": 4}\n\n{"what": \n'
    good, bad = adapter.items(body, Source("pbx1"), {})
    fact = canonical(good.facts[0])
    assert fact["type"] == "call.ended"
    assert fact["data"]["raw"] == {"line": 4}
    assert bad.fault.code == "telephony.malformed_line"


def test_the_use_case_of_the_guide_is_declared():
    cases = run(ROOT / "docs/guides/add-a-use-case.md")["api"].use_cases
    assert {case.path for case in cases.values()} == {"/v1/desks", "/v1/desks/{desk}/close"}


@pytest.mark.servers
def test_the_projection_of_the_guide_follows(calls_url):
    model = run(ROOT / "docs/guides/add-a-projection.md")["CallsBySource"]()
    fact = {"id": "1", "source": "pbx1", "type": "call.started", "call_id": "c-1"}
    new = store.NewEvent(uuid4(), uuid4(), fact["type"], fact, datetime.now(UTC))
    with connect(calls_url, "test") as connection, connection.cursor() as db:
        with connection.transaction():
            store.append(db, [new], {})
        until_readable(connection)
        projections.bring_into_use(connection, projections.create(connection, model))
        assert db.execute("SELECT * FROM read.source_calls").fetchall() == [("pbx1", "c-1")]


@pytest.mark.servers
def test_the_reaction_of_the_guide_opens_a_plan(postgres_url):
    reactions = run(ROOT / "docs/guides/react-to-another-service.md")["REACTIONS"]

    def inbox(pool, master):
        return Inbox(pool, ThingStore(Keyring(master)), reactions)

    ada = str(uuid4())
    for url in fresh_database(postgres_url, "training"):
        with running(url, training.dispatcher, inbox, read_models) as service:
            service.hear("staff", "supervision_signed_off", {"employee": ada, "on": "2026-11-30"}, ada)
            assert [plan["steps"] for plan in service.ask("LearningPlans", employee=ada)["items"]] == [2]


@pytest.mark.servers
def test_sql_blocks_of_the_operations_page_run(calls_connection):
    statements = blocks(ROOT / "docs/operations.md", "sql")
    assert statements
    for statement in statements:
        assert calls_connection.execute(statement).description


def test_the_first_call_of_the_readme_is_a_call_that_waited_twelve_seconds():
    send, ask = (block for block in blocks(ROOT / "README.md", "sh") if "curl" in block)
    assert "/v1/calls/events" in send
    facts = [canonical(item) for item in orjson.loads(re.search(r"-d '(.+)'", send, re.DOTALL)[1])]
    instants = [round(datetime.fromisoformat(fact["occurred_at"]).timestamp() * 1e6) for fact in facts]
    call = fold([Fact.of(n, fact, at) for n, (fact, at) in enumerate(zip(facts, instants, strict=True))])
    (visit,) = call.visits
    assert (visit.queue, visit.outcome, visit.wait_ms) == ("sales-fr", "answered", 12_000)
    asked = dict(re.findall(r"-d (\w+)=(\S+)", ask))
    case = api.use_cases["ServiceLevelOf"]
    assert f"{case.path}" in ask
    question = schemas.load(case.shape, asked, lenient=True)
    begin, end = question.from_.timestamp() * 1e6, question.to.timestamp() * 1e6
    assert begin <= visit.entered_at < end


def cells(document: str, column: int, pattern: str) -> list[str]:
    """The code in a column of a document's tables, as far as it matches."""
    rows = re.findall(r"^\| (.+) \|$", (ROOT / document).read_text(), re.MULTILINE)
    shown = [text for row in rows for text in re.findall(r"`([^`]+)`", row.split(" | ")[column])]
    return [text for text in shown if re.fullmatch(pattern, text)]


def test_the_settings_are_those_that_the_code_reads():
    read = set()
    for path in CODE:
        if not path.is_relative_to(ROOT / "infra"):
            read |= set(re.findall(r"\"(PLATEAU_[A-Z_]+)\"", path.read_text()))
    commands = [main]
    for command in commands:
        read |= {variable for option in command.params if (variable := getattr(option, "envvar", None))}
        if isinstance(command, click.Group):
            context = click.Context(command)
            commands += [command.get_command(context, each) for each in command.list_commands(context)]
    described = cells("docs/operations.md", 0, "PLATEAU_[A-Z_]+")
    assert len(described) == len(set(described))
    assert set(described) == read


def test_the_metrics_are_those_that_the_code_counts():
    made = set()
    for path in CODE:
        made |= set(re.findall(r"(?:Counter|Gauge|Histogram)\(\s*\"(plateau_\w+)\"", path.read_text()))
    described = cells("docs/operations.md", 0, r"plateau_\w+")
    assert len(described) == len(set(described))
    assert set(described) == made


def test_every_decision_is_in_the_index_and_has_its_four_parts():
    folder = ROOT / "docs/adr"
    index = (folder / "README.md").read_text()
    for page in sorted(folder.glob("0*.md")):
        text = page.read_text()
        title = re.match(r"# (\d{4}) (.+)\n", text)
        assert page.name.startswith(title[1])
        assert f"]({page.name})" in index
        for part in ("Context", "Choice", "Cost", "Way back"):
            assert f"\n**{part}.** " in text
