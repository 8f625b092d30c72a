import threading
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import click
import httpx
import pytest
from click.testing import CliRunner

from infra.command_line import ROLES
from infra.local.servers import SERVERS
from loadtests.drills.__main__ import main
from loadtests.drills.catalogue import DRILLS
from loadtests.drills.drilling import Outcome
from loadtests.drills.load import Load
from loadtests.drills.page import write
from loadtests.simulator.posting import until_answered


def test_every_process_and_every_server_is_killed_and_every_role_frozen():
    names = {drill.name for drill in DRILLS}
    assert len(names) == len(DRILLS)
    assert names >= {f"kill-{name}" for name in (*ROLES, *SERVERS)} | {f"freeze-{role}" for role in ROLES}


def test_the_drills_are_listed_by_name():
    answer = CliRunner().invoke(main, ["--list"])
    assert answer.exit_code == 0
    assert [line.split()[0] for line in answer.output.splitlines()] == [drill.name for drill in DRILLS]


def test_an_unknown_drill_is_refused_with_the_names_that_there_are():
    answer = CliRunner().invoke(main, ["--only", "kill-*,kill-everybody"])
    assert answer.exit_code == 2
    assert "kill-everybody: there are kill-gateway," in answer.output


def test_the_page_says_what_broke_what_became_of_it_and_how_to_do_it_again(tmp_path):
    killed, *_, poison = DRILLS
    outcomes = [
        Outcome(killed, 2.34, 3.21, 4500, 7, 12),
        Outcome(poison, None, 0.4, 900, complaints=("c-1: accepted and not stored: 7",)),
    ]
    path = tmp_path / "docs/resilience.md"
    write(path, outcomes, "make drill", 300, date(2026, 11, 22))
    text = path.read_text()
    assert f"| {killed.name} | {killed.what} | 2.3 s | 3.2 s | 4,500 | 7 | 12 | yes |" in text
    assert f"| {poison.name} | {poison.what} | never | 0.4 s | 900 | 0 | 0 | no |" in text
    assert f"- {poison.name}: c-1: accepted and not stored: 7" in text
    for said in ("22 November 2026", "`make drill`", "300 facts"):
        assert said in " ".join(text.split())


class Broken(BaseHTTPRequestHandler):
    """Answers 500 to everything."""

    def handle_one_request(self):
        self.raw_requestline = self.rfile.readline()
        if self.parse_request():
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_error(500)

    def log_message(self, *_):
        pass


@pytest.fixture
def broken():
    with ThreadingHTTPServer(("127.0.0.1", 0), Broken) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_answer_that_no_fault_excuses_is_a_complaint_of_whoever_got_it(broken):
    load = Load(broken, "token", "broken", 30)
    for person in load.people:
        with pytest.raises(click.ClickException, match="answered 500"):
            person()
    assert load.accepted == load.changes == 0


@pytest.mark.parametrize("passing", [409, 429, 503, 504])
def test_a_request_is_repeated_while_it_is_refused_for_now(passing):
    answers = iter([httpx.Response(passing, headers={"Retry-After": "0"}), httpx.Response(202)])
    repeated = []

    def ask():
        answer = next(answers)
        answer.request = httpx.Request("POST", "http://127.0.0.1")
        return answer

    assert until_answered(ask, lambda: repeated.append(True)).status_code == 202
    assert repeated == [True]


def test_a_conflict_for_good_is_an_answer():
    assert until_answered(lambda: httpx.Response(409)).status_code == 409
