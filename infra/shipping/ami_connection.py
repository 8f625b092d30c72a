"""One connection to Asterisk's manager interface: blocks of `Key: value`, each ended by an empty line."""

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import NamedTuple, Self

Packet = dict[str, str | list[str]]

BANNER = b"Asterisk Call Manager"
END = b"\r\n\r\n"
LONGEST_PACKET = 1 << 20
EVENTS = "call,agent,user"


class Account(NamedTuple):
    """Where the interface is, and as whom to log in."""

    host: str
    port: int
    username: str
    secret: str
    tls: bool = False


class Lost(Exception):  # noqa: N818 - what happened to the connection
    """The connection cannot be made, or is gone."""


class Refused(Exception):  # noqa: N818 - what Asterisk did
    """Asterisk does not let this account in."""


class AmiConnection:
    """A connection that is logged in; `patience` is how long Asterisk may take to answer (seconds).

    It asks for a sign of life after `quiet` seconds of silence, and is lost when none comes for three times as long.
    """

    def __init__(self, account: Account, patience: float = 10.0, quiet: float = 15.0) -> None:
        self._quiet = quiet
        self._buffer = b""
        self._sent = 0
        try:
            self._socket = _connected(account, patience)
        except OSError as error:
            raise Lost(f"{account.host}:{account.port}: {error}") from error
        try:
            self._greet(account, time.monotonic() + patience)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: object, _error: BaseException | None, _where: TracebackType | None) -> None:
        self._socket.close()

    def _greet(self, account: Account, until: float) -> None:
        while b"\n" not in self._buffer:
            self._receive(until)
        banner, _, self._buffer = self._buffer.partition(b"\n")
        if not banner.startswith(BANNER):
            raise Lost(f"This is no manager interface: it says {banner[:60]!r}.")
        self._send(Action="Login", Username=account.username, Secret=account.secret, Events=EVENTS)
        while True:
            for packet in self._whole():
                if packet.get("Response") == "Error":
                    raise Refused(str(packet.get("Message", "no reason given")))
                if packet.get("Response") == "Success":
                    return
            self._receive(until)

    def bursts(self, glance: float = 0.5) -> Iterator[list[Packet]]:
        """The packets, as many together as came together; an empty list after each `glance` seconds of silence.

        Raises:
            Lost: the connection is gone, or Asterisk does not answer any more.
        """
        heard = asked = time.monotonic()
        yield list(self._whole())  # what came with the answer to the login
        while True:
            try:
                self._receive(time.monotonic() + glance)
                heard = asked = time.monotonic()
            except TimeoutError:
                now = time.monotonic()
                if now - heard > 3 * self._quiet:
                    raise Lost(f"Asterisk has said nothing for {now - heard:.0f} s.") from None
                if now - asked > self._quiet:
                    asked = now
                    self._send(Action="Ping")
            yield list(self._whole())

    def _send(self, **action: str) -> None:
        self._sent += 1
        lines = [*action.items(), ("ActionID", f"plateau-{self._sent}")]
        try:
            self._socket.sendall("".join(f"{key}: {value}\r\n" for key, value in lines).encode() + b"\r\n")
        except OSError as error:
            raise Lost(str(error)) from error

    def _receive(self, until: float) -> None:
        """Adds to the buffer what comes next.

        Raises:
            TimeoutError: nothing came by then.
        """
        self._socket.settimeout(max(until - time.monotonic(), 0.01))
        try:
            data = self._socket.recv(65536)
        except TimeoutError:
            raise
        except OSError as error:
            raise Lost(str(error)) from error
        if not data:
            raise Lost("Asterisk closed the connection.")
        self._buffer += data
        if len(self._buffer) > LONGEST_PACKET and END not in self._buffer:
            raise Lost("What Asterisk says has no end.")

    def _whole(self) -> Iterator[Packet]:
        """The packets of which all is there."""
        while END in self._buffer:
            block, _, self._buffer = self._buffer.partition(END)
            if packet := parsed(block):
                yield packet


def _connected(account: Account, patience: float) -> socket.socket:
    plain = socket.create_connection((account.host, account.port), timeout=patience)
    if not account.tls:
        return plain
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=account.host)
    except OSError:
        plain.close()
        raise


def parsed(block: bytes) -> Packet:
    """A block as a mapping; a key that comes several times has all its values, in a list."""
    try:
        text = block.decode()
    except UnicodeDecodeError:
        text = block.decode("latin-1")  # as old telephone systems write callers' names
    packet: Packet = {}
    for line in text.split("\r\n"):
        key, colon, value = line.partition(":")
        if not colon:
            continue
        before = packet.get(key)
        given = value.removeprefix(" ")
        packet[key] = given if before is None else [*([before] if isinstance(before, str) else before), given]
    return packet


def name_of(packet: Mapping[str, str | list[str]]) -> str:
    """The event's name; empty for an answer."""
    name = packet.get("Event", "")
    return name if isinstance(name, str) else name[0]
