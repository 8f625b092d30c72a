import os
import subprocess
import sys

import pytest

from infra.local import processes

STUBBORN = "trap '' TERM; echo ready; exec sleep 60"


@pytest.fixture
def start(tmp_path):
    """Starts processes that carry the mark of the stack in `tmp_path`."""
    started = []

    def run(*command: str, **environment: str) -> subprocess.Popen:
        marked = os.environ | {processes.MARK: str(tmp_path)} | environment
        started.append(subprocess.Popen(command, env=marked, stdout=subprocess.PIPE, text=True))  # noqa: S603
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def pids(found) -> list[int]:
    return [process.pid for process in found]


def test_the_mark_tells_the_processes_of_a_stack_from_all_others(start, tmp_path):
    ours = start("sleep", "60")
    start("sleep", "60", **{processes.MARK: str(tmp_path / "other")})
    assert pids(processes.left_over(tmp_path)) == [ours.pid]


def test_one_program_of_a_stack_can_be_found(start, tmp_path):
    broker = start("sleep", "60", **{processes.PROGRAM: "rabbitmq"})
    start("sleep", "60", **{processes.PROGRAM: "postgres"})
    assert pids(processes.left_over(tmp_path, "rabbitmq")) == [broker.pid]


def test_the_caller_is_never_its_own_left_over(monkeypatch, tmp_path):
    program = (
        "from pathlib import Path; import sys; from infra.local import processes;"
        "print(processes.left_over(Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    marked = os.environ | {processes.MARK: str(tmp_path)}
    done = subprocess.run(command, env=marked, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "[]"


def test_what_does_not_end_when_asked_is_killed(start, tmp_path):
    assert start("sh", "-c", STUBBORN).stdout.readline() == "ready\n"
    assert processes.end(tmp_path, patience=0.2) == []
    assert processes.left_over(tmp_path) == []


def test_an_error_message_can_name_them(start, tmp_path):
    ours = start("sleep", "60")
    assert processes.described(processes.left_over(tmp_path)) == f"  {ours.pid} sleep 60"
