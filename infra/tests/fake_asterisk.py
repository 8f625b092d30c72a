"""The manager interface of an Asterisk: banner, login, events, pings, over a real socket."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Condition, Thread

SECRET = "s3cret"


class FakeAsterisk:
    """`logins` are the actions with which somebody logged in, `pings` how many were answered."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.logins: list[dict[str, str]] = []
        self.pings = 0
        self.mute = False
        self._sessions: list[socket.socket] = []
        self._changed = Condition()

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                session, _ = self._listener.accept()
                Thread(target=self._talk, args=(session,), daemon=True).start()

    def _talk(self, session: socket.socket) -> None:
        with suppress(OSError), session:
            session.sendall(b"Asterisk Call Manager/9.0.0\r\n")
            buffer = b""
            while data := session.recv(4096):
                buffer += data
                while b"\r\n\r\n" in buffer:
                    block, _, buffer = buffer.partition(b"\r\n\r\n")
                    self._act(session, dict(each.split(": ", 1) for each in block.decode().split("\r\n")))
        with self._changed:
            if session in self._sessions:
                self._sessions.remove(session)
            self._changed.notify_all()

    def _act(self, session: socket.socket, action: dict[str, str]) -> None:
        identity = f"ActionID: {action['ActionID']}\r\n"
        if action["Action"] == "Ping":
            if not self.mute:
                self.pings += 1
                session.sendall(f"Response: Success\r\n{identity}Ping: Pong\r\nTimestamp: 1.0\r\n\r\n".encode())
        elif action["Secret"] != SECRET:
            session.sendall(f"Response: Error\r\n{identity}Message: Authentication failed\r\n\r\n".encode())
            session.close()
        else:
            # As Asterisk does: what is going on comes in the same breath as the answer.
            welcome = f"Response: Success\r\n{identity}Message: Authentication accepted\r\n\r\n"
            session.sendall(f"{welcome}Event: FullyBooted\r\nPrivilege: system,all\r\n\r\n".encode())
            with self._changed:
                self.logins.append(action)
                self._sessions.append(session)
                self._changed.notify_all()

    def wait_for_login(self, number: int = 1, within: float = 10.0) -> None:
        """Until somebody is logged in, for the n-th time."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.logins) >= number and self._sessions, within), self.logins

    def say(self, *events: dict[str, str], segments: int = 1) -> None:
        """Sends events to everybody, cut into so many TCP segments wherever that falls."""
        text = "".join("".join(f"{key}: {value}\r\n" for key, value in event.items()) + "\r\n" for event in events)
        content = text.encode("latin-1")
        size = -(-len(content) // segments)
        for session in self._sessions:
            session.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for begin in range(0, len(content), size):
                session.sendall(content[begin : begin + size])

    def hang_up(self) -> None:
        """Drops every connection in the middle of an event."""
        for session in list(self._sessions):
            with suppress(OSError):
                session.sendall(b"Event: QueueCallerJoin\r\nQueue: q-sa")
                session.shutdown(socket.SHUT_RDWR)
        with self._changed:
            assert self._changed.wait_for(lambda: not self._sessions, 5)

    def close(self) -> None:
        """Ends it all."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for session in list(self._sessions):
            with suppress(OSError):
                session.shutdown(socket.SHUT_RDWR)


@contextmanager
def fake_asterisk() -> Iterator[FakeAsterisk]:
    """One that answers until the end."""
    asterisk = FakeAsterisk()
    thread = Thread(target=asterisk.serve)
    thread.start()
    try:
        yield asterisk
    finally:
        asterisk.close()
        thread.join()
