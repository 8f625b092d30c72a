"""What the pages that runs write have in common: a table, and the machine it was made on."""

import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [headings, ("---",) * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def command(target: str, arguments: Sequence[str]) -> str:
    """What to type to run the same again."""
    return f'make {target} ARGS="{" ".join(arguments)}"' if arguments else f"make {target}"


def machine() -> str:
    """The machine that we are on, in a line."""
    model = next(
        (line.partition(": ")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    memory = psutil.virtual_memory().total / 1024**3
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    return f"{psutil.cpu_count()} cores of {model}, {memory:.0f} GiB, {system}, Python {platform.python_version()}"
