"""Every step that a process takes with its database and its broker, numbered as it is taken; it may be its last.

psycopg has all that it says to a server go through `Connection.wait`; pika has every method through `_send_method`,
every byte through the `send` of its socket, and every frame that it hears through `_process_frame`. These four are
watched, so that no step can be forgotten, whatever the program comes to do.
"""

import os
import socket
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from threading import Lock
from typing import Any

import psycopg
from pika import frame
from pika.connection import Connection as Broker

KILLED = 137
LONGEST_NAME = 70
UNNUMBERED = ("notifies",)  # waits for something to do, as often as there is nothing


class Unwatched(psycopg.Connection[Any]):
    """A connection of the test's own, whose statements are no steps."""

    wait = psycopg.Connection.wait


class Steps:
    """Writes the name of each step into a file, and ends the process at step `last` as a power cut would.

    `at_rest` is called whenever the process waits for something to be appended.
    """

    def __init__(self, path: Path, last: str | None) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._last, self._taken, self._lock = last, Counter[str](), Lock()
        self.at_rest: Callable[[], None] = lambda: None

    def take(self, name: str) -> None:
        """Notes a step that has just been taken."""
        with self._lock:
            self._taken[name] += 1
            step = f"{name} #{self._taken[name]}"
            os.write(self._file, f"{step}\n".encode())
            if step == self._last:
                os._exit(KILLED)

    def watch(self) -> None:
        """Begins to number."""
        self._watch_database()
        self._watch_broker()

    def _watch_database(self) -> None:
        wait = psycopg.Connection.wait

        def watched(connection: Any, doing: Generator[Any, Any, Any], *arguments: Any, **more: Any) -> Any:
            name = _name_of(doing)
            if name in UNNUMBERED:
                self.at_rest()
                return wait(connection, doing, *arguments, **more)
            result = wait(connection, self._asked(doing, name), *arguments, **more)
            self.take(f"answered {name}")
            return result

        psycopg.Connection.wait = watched

    def _asked(self, doing: Generator[Any, Any, Any], name: str) -> Generator[Any, Any, Any]:
        try:
            wanted = next(doing)
            self.take(f"asked {name}")  # the server has it, and may have done it; the program does not know
            while True:
                wanted = doing.send((yield wanted))
        except StopIteration as done:
            return done.value

    def _watch_broker(self) -> None:
        send_method, process, send = Broker._send_method, Broker._process_frame, socket.socket.send
        written: list[str] = []

        def writes(broker: Any, channel: int, method: Any, content: Any = None) -> None:
            send_method(broker, channel, method, content)
            written.append(method.NAME)
            self.take(f"wrote {method.NAME}")

        def sends(through: socket.socket, data: Any, flags: int = 0) -> int:
            sent = send(through, data, flags)
            if written:
                names = "+".join(written)
                written.clear()
                self.take(f"sent {names}")
            return sent

        def hears(broker: Any, heard: Any) -> None:
            process(broker, heard)
            if not isinstance(heard, frame.Heartbeat):
                self.take(f"heard {heard.method.NAME if isinstance(heard, frame.Method) else type(heard).__name__}")

        Broker._send_method, Broker._process_frame, socket.socket.send = writes, hears, sends


def _name_of(doing: Any) -> str:
    """The statement, or what else psycopg does."""
    within = getattr(doing, "gi_frame", None)
    said = within.f_locals.get("query", within.f_locals.get("statement")) if within else None
    if said is None:
        return str(doing.__name__).strip("_").removesuffix("_gen")
    text = said.as_string() if hasattr(said, "as_string") else said if isinstance(said, str) else said.decode()
    return " ".join(text.split())[:LONGEST_NAME]
