"""A Plateau of its own for what measures or breaks it."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.ports import Ports
from infra.local.stack import Stack

HTTP = 20  # its place among the ports


@contextmanager
def own_stack(home: Path, port_base: int, setting: str) -> Iterator[Stack]:
    """A running Plateau in `home`, durable as in production, and nothing of it afterwards, also after SIGTERM.

    `setting` names what changes the port base.
    """
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    stack = Stack(home, Ports(port_base), port_base + HTTP)
    stack.servers.forget()
    home.mkdir()
    try:
        stack.start(setting)
        yield stack
    finally:
        stack.servers.forget()
