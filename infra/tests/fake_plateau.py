"""A small HTTP server that takes feeds as the gateway does, and fails as it is told to; verdicts are the adapters'."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from urllib.parse import parse_qsl, urlsplit

from gateway.adapters import ADAPTERS
from gateway.sources import Source


class FakePlateau:
    """What it took: `facts` by id, with how often each came. `answers` are (status, headers) given before it works.

    It gives its `failure` to every body with one of the texts that it `fails_at`, and takes none of more than
    `most_bytes`.
    """

    def __init__(self) -> None:
        self.facts: dict[str, list[dict]] = {}
        self.posts: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.fails_at: list[bytes] = []
        self.failure: tuple[int, dict] = (500, {"code": "internal"})
        self.most_bytes = 1 << 22
        self.url = ""
        self.changed = Condition()

    def wait_for(self, condition, within=10.0):
        """Until something that was posted makes the condition true."""
        with self.changed:
            assert self.changed.wait_for(condition, within), (self.posts, self.answers)

    def take(self, path: str, parameters: dict[str, str], body: bytes) -> tuple[int, dict]:
        if len(body) > self.most_bytes:
            return 413, {"detail": "too large"}
        if any(poison in body for poison in self.fails_at):
            return self.failure
        adapter = next(each for each in ADAPTERS if each.path == path)
        accepted, rejected = 0, []
        for index, item in enumerate(adapter.items(body, Source(parameters["source"]), parameters)):
            if item.fault is None:
                accepted += 1
                for fact in item.facts:
                    self.facts.setdefault(fact["id"], []).append(fact)
            else:
                rejected.append({"index": index, **item.fault._asdict()})
        if not accepted:
            return 400, {"code": "request.none_acceptable", "errors": rejected}
        return 202, {"accepted": accepted, "rejected": rejected}


@contextmanager
def fake_plateau() -> Iterator[FakePlateau]:
    """One that answers until the end."""
    plateau = FakePlateau()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            target = urlsplit(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with plateau.changed:
                plateau.posts.append((target.path, dict(parse_qsl(target.query)), body))
                if plateau.answers:
                    status, headers = plateau.answers.pop(0)
                    content = {"code": "told", "detail": "as told", "rejected": []}
                else:
                    headers = {}
                    status, content = plateau.take(*plateau.posts[-1])
                plateau.changed.notify_all()
            encoded = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(encoded))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(encoded)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    plateau.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield plateau
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
