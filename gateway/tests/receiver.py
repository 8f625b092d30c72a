"""A receiver of webhooks: a real HTTP server that keeps what it is sent and answers as it is told."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, NamedTuple

from standardwebhooks import Webhook


class Posted(NamedTuple):
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> dict[str, Any]:
        """Its body; raises where the signature is not by this secret."""
        return dict(Webhook(secret).verify(self.body, self.headers))


class Reply(NamedTuple):
    """What is answered."""

    status: int = 204
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""


@dataclass
class Receiver:
    """What came to `url`, and what is answered to each."""

    url: str
    posted: list[Posted] = field(default_factory=list)
    connections: list[socket.socket] = field(default_factory=list)
    answer: Callable[[Posted], Reply] = lambda _posted: Reply()

    @property
    def ids(self) -> list[str]:
        return [each.id for each in self.posted]


@contextmanager
def receiving(port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver on the loopback address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted = Posted(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            receiver.posted.append(posted)
            status, headers, content = receiver.answer(posted)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(content)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 50

        def process_request(self, request: socket.socket, client_address: Any) -> None:
            receiver.connections.append(request)
            super().process_request(request, client_address)

        def handle_error(self, *_: object) -> None:
            return  # whoever was killed says no goodbye

    with Server(("127.0.0.1", port), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        receiver = Receiver(f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}/hook")
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
            for connection in receiver.connections:  # those that are kept open too
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
