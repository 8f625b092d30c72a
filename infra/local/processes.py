"""Finds and ends what a stack left behind.

Every process of a stack inherits `PLATEAU_STACK`, the folder of its stack, and supervisord adds the program's name.
"""

import os
from contextlib import suppress
from pathlib import Path

import psutil

MARK = "PLATEAU_STACK"
PROGRAM = "SUPERVISOR_PROCESS_NAME"
# What is about to end may start something at its last moment.
ROUNDS = 2


def left_over(home: Path, program: str | None = None, mark: str = MARK) -> list[psutil.Process]:
    """The processes of the stack in `home` (of one `program` only, if named), without the caller and its parents.

    With another `mark`: those that inherited this variable with the value `home`.
    """
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            # Another user's, or gone between the listing and the look: not ours in either case.
            continue
        if environment.get(mark) != str(home) or process.pid in own:
            continue
        if program is None or environment.get(PROGRAM) == program:
            found.append(process)
    return found


def end(home: Path, program: str | None = None, mark: str = MARK, patience: float = 10) -> list[psutil.Process]:
    """Ask what `left_over` finds to end, kill what has not after `patience` seconds; returns what is left even so."""
    for _ in range(ROUNDS):
        found = left_over(home, program, mark)
        for process in found:
            _signal(process, kill=False)
        _, staying = psutil.wait_procs(found, timeout=patience)
        for process in staying:
            _signal(process, kill=True)
        psutil.wait_procs(staying, timeout=patience)
    return left_over(home, program, mark)


def described(processes: list[psutil.Process]) -> str:
    """Number and command of each of `processes`, for an error message."""
    lines = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            lines.append(f"  {process.pid} {' '.join(process.cmdline())[:120]}")
    return "\n".join(lines)


def _signal(process: psutil.Process, *, kill: bool) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill() if kill else process.terminate()
