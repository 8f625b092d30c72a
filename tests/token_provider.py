"""An OpenID provider as far as Plateau sees it: signed tokens, and the keys to check them at an address."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

ISSUER, AUDIENCE = "https://login.example.net", "plateau"


class TokenProvider:
    """Signs with a key of its own, which is published at `url`."""

    def __init__(self, url: str, key: ECKey) -> None:
        self.url, self._key = url, key

    @classmethod
    @contextmanager
    def serving(cls) -> Iterator["TokenProvider"]:
        """A provider whose keys can be fetched."""
        key = ECKey.generate_key("P-256", {"kid": "k1", "use": "sig", "alg": "ES256"})
        published = orjson.dumps(KeySet([key]).as_dict(private=False))

        class Keys(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(published)))
                self.end_headers()
                self.wfile.write(published)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Keys) as server:
            serving = threading.Thread(target=server.serve_forever)
            serving.start()
            yield cls(f"http://127.0.0.1:{server.server_port}/keys", key)
            server.shutdown()
            serving.join()

    @property
    def settings(self) -> dict[str, str]:
        """What Plateau must know of it."""
        return {"PLATEAU_JWKS_URL": self.url, "PLATEAU_JWT_ISSUER": ISSUER, "PLATEAU_JWT_AUDIENCE": AUDIENCE}

    def token(self, *roles: str, **claims: Any) -> str:
        """A token of somebody with these roles, valid for a minute unless `claims` say otherwise."""
        known = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u-1", "exp": int(time.time()) + 60, "roles": list(roles)}
        return jwt.encode({"alg": "ES256", "kid": "k1"}, known | claims, self._key)
