import threading
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
import pytest
from click.testing import CliRunner

from loadtests.simulator.command import last_morning, simulate

A_SHORT_DAY = ["--date", "2026-11-20", "--from-hour", "9", "--to-hour", "11", "--calls", "300", "--undisturbed"]


class Api(BaseHTTPRequestHandler):
    """Answers what the test has put into `answers`, then 202 to everything; keeps the bodies."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(body)
        taken = {"accepted": len(body.splitlines()), "rejected": []}
        status, headers, answer = self.server.answers.pop(0) if self.server.answers else (202, {}, taken)
        content = orjson.dumps(answer)
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def api():
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        server.bodies, server.answers = [], []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def play(api, *options):
    url = f"http://127.0.0.1:{api.server_port}"
    return CliRunner().invoke(simulate, [*A_SHORT_DAY, "--url", url, "--token", "t", *options])


def test_it_posts_every_fact_and_says_how_many_were_accepted(api):
    result = play(api)
    lines = b"\n".join(api.bodies).splitlines()
    assert len({orjson.loads(line).get("call_id") for line in lines} - {None}) == 300
    assert f"{len(lines)} facts of 300 calls accepted" in result.output
    assert max(body.count(b"\n") for body in api.bodies) < 1000
    assert result.exit_code == 0


def test_a_second_run_sends_the_same_bytes(api):
    play(api)
    once = list(api.bodies)
    play(api)
    assert api.bodies == once * 2


def test_what_was_not_acknowledged_is_repeated_unchanged(api):
    api.answers.append((503, {"Retry-After": "0"}, {"code": "request.not_acknowledged"}))
    result = play(api)
    assert api.bodies[0] == api.bodies[1]
    assert result.exit_code == 0


def test_a_rejected_fact_is_shown_and_fails_the_run(api):
    verdict = {"index": 17, "pointer": "/17/occurred_at", "id": "f-17", "code": "instant", "detail": "No such day."}
    api.answers.append((202, {}, {"accepted": 999, "rejected": [verdict]}))
    result = play(api)
    assert "/17/occurred_at" in result.output
    assert "No such day." in result.output
    assert result.exit_code == 1


def test_a_request_refused_for_good_is_told_with_the_reason(api):
    api.answers.append((401, {}, {"detail": "This key is unknown."}))
    result = play(api)
    assert "This key is unknown." in result.output
    assert result.exit_code == 1


def test_it_asks_where_to_post():
    result = CliRunner().invoke(simulate, A_SHORT_DAY, env={"PLATEAU_URL": "", "PLATEAU_TOKEN": ""})
    assert "PLATEAU_URL" in result.output
    assert result.exit_code == 2


def test_hours_at_which_nobody_calls_are_refused_instead_of_searched_for_ever():
    result = CliRunner().invoke(simulate, [*A_SHORT_DAY, "--from-hour", "1", "--to-hour", "4", "--out", "-"])
    assert "Nobody calls" in result.output
    assert result.exit_code == 2


@pytest.mark.parametrize("form", ["ndjson", "queue-log"])
def test_it_writes_a_file(tmp_path, form):
    out = tmp_path / "calls"
    CliRunner().invoke(simulate, [*A_SHORT_DAY, "--out", str(out), "--format", form], catch_exceptions=False)
    lines = out.read_text().splitlines()
    assert len(lines) > 1000
    if form == "queue-log":
        assert all(line.count("|") >= 4 for line in lines)
    else:
        assert all(orjson.loads(line)["source"] == "pbx1" for line in lines)


@pytest.mark.parametrize(
    ("now", "morning"),
    [
        (datetime(2026, 11, 20, 11, 59, tzinfo=UTC), date(2026, 11, 19)),  # 12:59 in Paris
        (datetime(2026, 11, 20, 12, 0, tzinfo=UTC), date(2026, 11, 20)),  # 13:00 in Paris
        (datetime(2026, 7, 1, 11, 0, tzinfo=UTC), date(2026, 7, 1)),  # 13:00 in Paris in summer
    ],
)
def test_the_last_morning_is_over(now, morning):
    assert last_morning(now) == morning
