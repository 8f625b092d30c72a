"""`make loadtest` as it is run: against a whole Plateau, and against none."""

import os
import subprocess
import sys

import pytest

from loadtests.load_shapes import SHAPES
from tests.documents import ROOT

LOCUST = [sys.executable, "-m", "locust", "-f", "loadtests/locustfile.py", "--headless", "--stop-timeout", "10"]


def load(report, *options, **access):
    command = [*LOCUST, "--html", str(report), *options]
    return subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=os.environ | access, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_every_accepted_fact_is_found(stack, tmp_path, shape):
    key = stack.new_key()
    report = tmp_path / "report.html"
    options = ("--seconds", "5", "--peak", "10", "--shape", shape)
    done = load(report, *options, PLATEAU_URL=stack.url, PLATEAU_TOKEN=key)
    assert done.returncode == 0, done.stderr
    *_, last = [line for line in done.stderr.splitlines() if line.startswith("accepted ")]
    accepted, stored, projected = (figure.split()[1] for figure in last.split(", "))
    assert accepted == stored == projected != "0"
    assert "200 facts as NDJSON" in report.read_text()


def test_a_wrong_key_fails_the_run(stack, tmp_path):
    done = load(tmp_path / "report.html", "--seconds", "2", PLATEAU_URL=stack.url, PLATEAU_TOKEN="nonsense")
    assert done.returncode != 0


def test_without_plateau_it_says_what_to_do(tmp_path):
    done = load(tmp_path / "report.html", PLATEAU_URL="http://127.0.0.1:9", PLATEAU_TOKEN="none")
    assert done.returncode != 0
    assert "make ps" in done.stderr
