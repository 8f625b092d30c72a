"""Small CRMs that behave as the documents of the real ones say, over HTTP."""

import re
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import RSAKey
from standardwebhooks import Webhook

from gateway.tests.crm_server import Answer, Crm, Request

KEY = rsa.generate_private_key(65537, 2048)


def digits(number: str | None) -> str:
    """A number as a search index holds it."""
    return "".join(each for each in number or "" if each.isdigit())


class HubSpotLike(Crm):
    """Calls by their unique property, contacts by number, associations. A search does not find who was just made."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[str, dict[str, Any]] = {}
        self.contacts: dict[str, dict[str, Any]] = {}
        self.associations: set[tuple[str, str]] = set()
        self.fresh: set[str] = set()
        self.refused: Answer | None = None  # what the next upsert is answered
        self.has_property, self.headers = True, dict[str, str]()

    def answer(self, request: Request, _raw: bytes) -> Answer:
        path, body = request.path, request.body
        if path == "/crm/v3/properties/calls/plateau_call_id":
            return (
                Answer(200, {"hasUniqueValue": True}) if self.has_property else Answer(404, {"category": "NOT_FOUND"})
            )
        if path.endswith("/calls/batch/upsert"):
            if self.refused:
                refused, self.refused = self.refused, None
                return refused
            (wanted,) = body["inputs"]
            assert wanted["idProperty"] == "plateau_call_id"
            new = wanted["id"] not in self.calls
            known = self.calls.setdefault(wanted["id"], {"id": str(900 + len(self.calls))})
            known["properties"] = wanted["properties"]
            return Answer(200, {"status": "COMPLETE", "results": [{**known, "new": new}]}, self.headers)
        if path.endswith("/contacts/search"):
            asked = [(each["filters"][0]["propertyName"], each["filters"][0]["value"]) for each in body["filterGroups"]]
            indexed = {each: self._indexed(self.contacts[each]) for each in self.contacts.keys() - self.fresh}
            found = [
                {"id": each, "properties": {name: self.contacts[each].get(name) for name in body["properties"]}}
                for each, known in sorted(indexed.items())
                if any(known[name] == value for name, value in asked)
            ]
            return Answer(200, {"total": len(found), "results": found})
        if request.method == "PUT" and "/associations/default/contacts/" in path:
            self.associations.add((path.split("/")[5], path.rpartition("/")[2]))
            return Answer(200, {"status": "COMPLETE"})
        if request.method == "POST" and path.endswith("/contacts"):
            made = str(100 + len(self.contacts))
            self.contacts[made] = body["properties"]
            self.fresh.add(made)
            return Answer(201, {"id": made})
        contact = path.rpartition("/")[2]
        if contact not in self.contacts:
            return Answer(404, {"category": "OBJECT_NOT_FOUND"})
        return Answer(200, {"id": contact, "properties": self.contacts[contact]})

    @staticmethod
    def _indexed(contact: dict[str, Any]) -> dict[str, str | None]:
        """What is searched: numbers as they were typed, and calculated ones without what is of their country."""
        phone, mobile = contact.get("phone"), contact.get("mobilephone")
        return {"phone": phone, "mobilephone": mobile, "hs_searchable_calculated_phone_number": digits(phone)[-9:],
                "hs_searchable_calculated_mobile_number": digits(mobile)[-9:]}  # fmt: skip


class SalesforceLike(Crm):
    """Tasks by their external id, voice calls by vendorCallKey; tokens for assertions signed with the org's key."""

    def __init__(self) -> None:
        super().__init__()
        self.key = KEY
        self.tasks: dict[str, dict[str, Any]] = {}
        self.voice_calls: dict[str, dict[str, Any]] = {}
        self.contacts: dict[str, str] = {}
        self.fresh: set[str] = set()
        self.errors: list[str] = []
        self.locked: list[Answer] = []  # what the next writing of tasks is answered
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
        if path.endswith("/search"):
            find = re.fullmatch(r"FIND \{([\d OR]+)\} IN PHONE FIELDS RETURNING Contact\((.+)\)", request.query["q"])
            if find is None:
                return Answer(400, [{"errorCode": "MALFORMED_SEARCH"}])
            met = {i: n for i, n in self.contacts.items() if digits(n) in find[1].split(" OR ") and i not in self.fresh}
            wanted = find[2].split(", ")
            known = [{"Id": i, **{name: n if name == "Phone" else None for name in wanted[1:]}} for i, n in met.items()]
            return Answer(200, {"searchRecords": known})
        if path.endswith("/sobjects/Contact"):
            if self.contacts and request.headers.get("sforce-duplicate-rule-header") != "allowSave=true":
                return Answer(400, [{"errorCode": "DUPLICATES_DETECTED", "message": "Use one of these records?"}])
            made = f"003{len(self.contacts):012}"
            self.contacts[made] = body["Phone"]
            self.fresh.add(made)
            return Answer(201, {"id": made, "success": True, "errors": []})
        if path.endswith("/sobjects/Task/describe"):
            return Answer(200, {"fields": [{"name": "Plateau_Call_Id__c", "externalId": True}]})
        assert "/sobjects/Task/Plateau_Call_Id__c/" in path
        if self.locked:
            return self.locked.pop()
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
    """Users, tickets by external id, call records with ids of its own, voice comments.

    A search does not find who was just made; a user that was deleted is answered as inactive.
    """

    def __init__(self) -> None:
        super().__init__()
        self.users: dict[str, dict[str, Any]] = {}
        self.fresh: set[int] = set()
        self.limited = 0  # how many tickets are refused for now
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
                # Of a number, digits only; behind an asterisk those at its end, in whatever form it was typed.
                wanted = request.query["query"].rpartition("phone:")[2]
                users = [each for each in self.users.values() if each.get("role", "end-user") == "end-user"]
                end = wanted.removeprefix("*")
                found = [
                    user
                    for user in users
                    if user["id"] not in self.fresh
                    and (
                        digits(user["phone"]).endswith(end) if wanted.startswith("*") else digits(user["phone"]) == end
                    )
                ]
                return Answer(200, {"results": found, "count": len(found)})
            case "POST", "users":
                made = {"id": 9000 + len(self.users), "active": True, **body["user"]}
                self.users[str(made["id"])] = made
                self.fresh.add(made["id"])
                return Answer(201, {"user": made})
            case "GET", "tickets":
                wanted = request.query["external_id"]
                return Answer(200, {"tickets": [each for each in self.tickets if each["external_id"] == wanted]})
            case "GET", "tickets", ticket, "comments":
                return Answer(200, {"comments": [each for each in self.comments if str(each["ticket_id"]) == ticket]})
            case "POST", "tickets" if self.limited:
                self.limited -= 1
                return Answer(429, {"error": "APIRateLimitExceeded"}, {"Retry-After": "1"})
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
