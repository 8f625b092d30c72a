"""A small CRM in general: an HTTP server that asks for a token, renews it, and keeps what it was asked."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, unquote, urlsplit

import orjson


class Request(NamedTuple):
    """What a CRM was asked."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


class Answer(NamedTuple):
    """What it answers."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = MappingProxyType({})


LOST = Answer(0)  # it does what it was asked, and the connection ends before it can say so


class Crm:
    """A CRM at `url`. What stands in `next_answers` is answered before anything is looked at; `lose` names the request
    (method and end of path) whose answer is lost once.
    """

    def __init__(self) -> None:
        self.url, self.requests, self.next_answers = "", list[Request](), list[Answer]()
        self.lose: tuple[str, str] | None = None
        self.token, self.refresh_token, self.renewals = "token-0", "refresh-0", 0
        self.lock = threading.Lock()

    @classmethod
    @contextmanager
    def serving(cls, **about: Any) -> Iterator[Self]:
        """One that answers until the block ends."""
        crm = cls()
        for name, value in about.items():
            setattr(crm, name, value)

        class Door(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                raw = self.rfile.read(length)
                where = urlsplit(self.path)
                query = {name: values[-1] for name, values in parse_qs(where.query).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                form = "form" in headers.get("content-type", "")
                body = {n: v[-1] for n, v in parse_qs(raw.decode()).items()} if form else orjson.loads(raw or b"null")
                request = Request(self.command, unquote(where.path), query, headers, body)
                with crm.lock:
                    answer = crm.asked(request, raw)
                if answer is LOST:
                    self.connection.close()
                    return
                content = b"" if answer.body is None else orjson.dumps(answer.body)
                self.send_response(answer.status)
                for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self) -> None:
                self.handle_any()

            def do_POST(self) -> None:
                self.handle_any()

            def do_PUT(self) -> None:
                self.handle_any()

            def do_PATCH(self) -> None:
                self.handle_any()

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
            serving = threading.Thread(target=server.serve_forever, args=(0.02,))
            serving.start()
            crm.url = f"http://127.0.0.1:{server.server_port}"
            yield crm
            server.shutdown()
            serving.join()

    def asked(self, request: Request, raw: bytes) -> Answer:
        """The answer to a request."""
        self.requests.append(request)
        if self.next_answers:
            return self.next_answers.pop(0)
        answer = self.grant(request) if "/token" in request.path else None
        if answer is None and request.headers.get("authorization") != f"Bearer {self.token}" and not self.open(request):
            answer = Answer(401, {"message": "the token has expired"})
        answer = answer or self.answer(request, raw)
        if self.lose and request.method == self.lose[0] and request.path.endswith(self.lose[1]):
            self.lose = None
            return LOST
        return answer

    def grant(self, request: Request) -> Answer:
        """Another token, and another refresh token: the one before is used up."""
        if request.body.get("refresh_token") != self.refresh_token or request.body["client_secret"] != "secret-01":
            return Answer(400, {"error": "invalid_grant"})
        self.renewals += 1
        self.token, self.refresh_token = f"token-{self.renewals}", f"refresh-{self.renewals}"
        return Answer(200, {"access_token": self.token, "refresh_token": self.refresh_token, "expires_in": 1800})

    def open(self, _request: Request) -> bool:
        """Whether a request needs no token of ours."""
        return False

    def answer(self, request: Request, raw: bytes) -> Answer:
        """What an authorised request comes to."""
        raise NotImplementedError

    def to(self, method: str, end: str) -> list[Request]:
        """The requests of a method to paths with this end."""
        return [each for each in self.requests if each.method == method and each.path.endswith(end)]
