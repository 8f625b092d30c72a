"""Small CRMs that behave as the documents of the real ones say, over HTTP; each keeps what it was asked."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, unquote, urlsplit

import orjson
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import RSAKey
from standardwebhooks import Webhook


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


VOICE_CALL = {"callCenterApiName", "vendorCallKey", "to", "from", "startTime", "initiationMethod", "participants"}
KEY = rsa.generate_private_key(65537, 2048)
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


class HubSpotLike(Crm):
    """Calls by their unique property, contacts by number, associations."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[str, dict[str, Any]] = {}
        self.contacts: dict[str, dict[str, Any]] = {}
        self.associations: set[tuple[str, str]] = set()
        self.has_property, self.headers = True, dict[str, str]()

    def answer(self, request: Request, _raw: bytes) -> Answer:
        path, body = request.path, request.body
        if path == "/crm/v3/properties/calls/plateau_call_id":
            return (
                Answer(200, {"hasUniqueValue": True}) if self.has_property else Answer(404, {"category": "NOT_FOUND"})
            )
        if path.endswith("/calls/batch/upsert"):
            (wanted,) = body["inputs"]
            assert wanted["idProperty"] == "plateau_call_id"
            new = wanted["id"] not in self.calls
            known = self.calls.setdefault(wanted["id"], {"id": str(900 + len(self.calls))})
            known["properties"] = wanted["properties"]
            return Answer(200, {"status": "COMPLETE", "results": [{**known, "new": new}]}, self.headers)
        if path.endswith("/contacts/search"):
            asked = {each["filters"][0]["value"] for each in body["filterGroups"]}
            found = [{"id": i} for i, p in self.contacts.items() if asked & {p.get("phone"), p.get("mobilephone")}]
            return Answer(200, {"total": len(found), "results": found})
        if request.method == "PUT" and "/associations/default/contacts/" in path:
            self.associations.add((path.split("/")[5], path.rpartition("/")[2]))
            return Answer(200, {"status": "COMPLETE"})
        if request.method == "POST" and path.endswith("/contacts"):
            made = str(100 + len(self.contacts))
            self.contacts[made] = body["properties"]
            return Answer(201, {"id": made})
        contact = path.rpartition("/")[2]
        if contact not in self.contacts:
            return Answer(404, {"category": "OBJECT_NOT_FOUND"})
        return Answer(200, {"id": contact, "properties": self.contacts[contact]})


class SalesforceLike(Crm):
    """Tasks by their external id, voice calls by vendorCallKey; tokens for assertions signed with the org's key."""

    def __init__(self) -> None:
        super().__init__()
        self.key = KEY
        self.tasks: dict[str, dict[str, Any]] = {}
        self.voice_calls: dict[str, dict[str, Any]] = {}
        self.contacts: dict[str, str] = {}
        self.errors: list[str] = []
        self.jtis: set[str] = set()

    @property
    def private_key(self) -> str:
        """The key in PEM, as somebody enters it."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def _claims(self, token: str) -> dict[str, Any]:
        return dict(jwt.decode(token, RSAKey.import_key(self.private_key), algorithms=["RS256"]).claims)

    def grant(self, request: Request) -> Answer:
        assert request.body["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        claims = self._claims(request.body["assertion"])
        assert (claims["iss"], claims["sub"], claims["aud"]) == ("app", "plateau@example.org", self.url)
        self.renewals += 1
        self.token = f"token-{self.renewals}"
        return Answer(200, {"access_token": self.token, "instance_url": self.url, "token_type": "Bearer"})

    def open(self, request: Request) -> bool:
        return request.path.startswith("/telephony/")

    def answer(self, request: Request, _raw: bytes) -> Answer:
        path, body = request.path, request.body
        if path.startswith("/telephony/"):
            return self._telephony(request)
        if path.endswith("/parameterizedSearch"):
            found = [{"Id": i} for i, number in self.contacts.items() if number == request.query["q"]]
            return Answer(200, {"searchRecords": found})
        if path.endswith("/sobjects/Contact"):
            made = f"003{len(self.contacts):012}"
            self.contacts[made] = body["Phone"]
            return Answer(201, {"id": made, "success": True, "errors": []})
        if path.endswith("/sobjects/Task/describe"):
            return Answer(200, {"fields": [{"name": "Plateau_Call_Id__c", "externalId": True}]})
        assert "/sobjects/Task/Plateau_Call_Id__c/" in path
        key = path.rpartition("/")[2]
        new = key not in self.tasks
        self.tasks[key] = {**self.tasks.get(key, {"Id": f"00T{len(self.tasks):012}"}), **body}
        return Answer(201 if new else 200, {"id": self.tasks[key]["Id"], "success": True, "created": new})

    def _telephony(self, request: Request) -> Answer:
        claims = self._claims(request.headers["authorization"].removeprefix("Bearer "))
        assert (claims["iss"], claims["sub"]) == ("00D1", "Plateau_Center")
        assert claims["jti"] not in self.jtis, "a token is used once"
        self.jtis.add(claims["jti"])
        assert request.headers["telephony-provider-name"] == "Plateau"
        body = request.body
        if request.method == "POST":
            required = {
                "callCenterApiName",
                "vendorCallKey",
                "to",
                "from",
                "startTime",
                "initiationMethod",
                "participants",
            }
            if missing := sorted(required - {name for name, value in body.items() if value}):
                return Answer(400, {"errors": [f"missing {missing}"]})
            made = self.voice_calls.setdefault(body["vendorCallKey"], {"voiceCallId": f"0LQ{len(self.voice_calls)}"})
            made.update(body)
            return Answer(201, {"voiceCallId": made["voiceCallId"], "errors": self.errors})
        self.voice_calls[request.path.rpartition("/")[2]].update(body)
        return Answer(200, {"status": "accepted"})


class ZendeskLike(Crm):
    """Users, tickets by external id, call records with ids of its own, voice comments."""

    def __init__(self) -> None:
        super().__init__()
        self.users: dict[str, dict[str, Any]] = {}
        self.tickets: list[dict[str, Any]] = []
        self.calls: list[dict[str, Any]] = []
        self.comments: list[dict[str, Any]] = []

    def answer(self, request: Request, _raw: bytes) -> Answer:
        path, body, method = request.path.removeprefix("/api/v2/"), request.body, request.method
        match method, *path.split("/"):
            case "GET", "users", "me":
                return Answer(200, {"user": {"id": 1}})
            case "GET", "users", user:
                known = self.users.get(user)
                return Answer(200, {"user": known}) if known else Answer(404, {"error": "RecordNotFound"})
            case "GET", "search":
                found = [user for user in self.users.values() if f'"{user.get("phone")}"' in request.query["query"]]
                return Answer(200, {"results": found, "count": len(found)})
            case "GET", "tickets":
                wanted = request.query["external_id"]
                return Answer(200, {"tickets": [each for each in self.tickets if each["external_id"] == wanted]})
            case "GET", "tickets", ticket, "comments":
                return Answer(200, {"comments": [each for each in self.comments if str(each["ticket_id"]) == ticket]})
            case "POST", "tickets":
                self.tickets.append({"id": 500 + len(self.tickets), **body["ticket"]})
                return Answer(201, {"ticket": self.tickets[-1]})
            case "POST", "calls":
                self.calls.append({"id": f"call-{len(self.calls)}", **body})
                return Answer(201, {"call": self.calls[-1]})
            case "PATCH", "calls", call:
                next(each for each in self.calls if each["id"] == call).update(body)
                return Answer(200, {"call": {"id": call}})
            case "POST", "calls", call, "comments":
                known = next(each for each in self.calls if each["id"] == call)
                data = {"call_id": call, "external_id": known["external_id"]}
                comment = {"type": "TpeVoiceComment", "ticket_id": known["ticket_id"], "data": data, **body}
                self.comments.append(comment)
                return Answer(201, comment)
        return Answer(404, {"error": "InvalidEndpoint"})


class Receiver(Crm):
    """Takes what is signed as Standard Webhooks; the library of the standard verifies it."""

    secret = "whsec_cGxhdGVhdS10ZXN0LXNlY3JldC0yNGJ5"

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[tuple[str, Any]] = []

    def open(self, _request: Request) -> bool:
        return True

    def answer(self, request: Request, raw: bytes) -> Answer:
        self.messages.append((request.headers["webhook-id"], Webhook(self.secret).verify(raw, request.headers)))
        return Answer(204)
