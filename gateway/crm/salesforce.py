"""Salesforce: a call that has just come in as a VoiceCall of the telephony integration, any other as a Task.

Sources: Salesforce's Voice developer guide (create and update a voice call record) and its REST API guide (upsert by
external id, search by SOSL). A VoiceCall is made once by its `vendorCallKey`, a Task by the external id field
`external_id_field`, which an administrator of the org creates for activities. The telephony integration takes no
outbound calls, no withheld numbers and no history: those become Tasks.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey

from gateway.adapters.phone_numbers import typed
from gateway.crm.completed import CompletedCall
from gateway.crm.provider import Card, Keep, Matched, Record, WhenNone, WhenSeveral, attach, chosen_once, has_number
from gateway.crm.talk import Fails, Refuses, Talk, kept
from gateway.crm.terms import SalesforceSettings
from services.kernel.wire import rfc3339

JUST_NOW = timedelta(minutes=10)  # how long after its end a call still counts as real time
# Seconds: the limit is counted over 24 hours, and no header says when; a contact or account that somebody else, or
# another call of ours, is writing to is locked for a moment.
WAITS = {"REQUEST_LIMIT_EXCEEDED": 900.0, "UNABLE_TO_LOCK_ROW": 2.0}
# The rules of an org against duplicates compare names, and whoever calls has none yet.
DUPLICATES_ALLOWED = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
NUMBERS = ("Phone", "MobilePhone", "HomePhone", "OtherPhone")
TOKEN_SECONDS = 180  # how long an assertion of ours holds


def is_voice_call(call: CompletedCall, settings: SalesforceSettings, now: datetime) -> bool:
    """Whether the telephony integration takes it."""
    configured = settings.telephony_url and settings.org_id and settings.call_center
    numbers = call.caller_number and call.called_number
    return bool(configured and numbers and not call.outbound and now - call.ended_at <= JUST_NOW)


def voice_call(call: CompletedCall, settings: SalesforceSettings) -> dict[str, Any]:
    """A call as it begins; `vendorCallKey` is our id."""
    return {
        "callCenterApiName": settings.call_center,
        "vendorCallKey": call.id,
        "to": call.called_number,
        "from": call.caller_number,
        "initiationMethod": "Inbound",
        "startTime": rfc3339(call.started_at),
        "participants": [{"participantKey": call.caller_number, "type": "END_USER"}],
        **({"queue": call.queue} if call.queue else {}),
    }


def voice_call_ended(call: CompletedCall) -> dict[str, Any]:
    """The same call after it has ended, anew with each revision."""
    ended: dict[str, Any] = {
        "startTime": rfc3339(call.started_at),
        "endTime": rfc3339(call.ended_at),
        "agentInteractionDuration": round(call.talk_seconds + call.hold_seconds),
    }
    known = {"enqueueTime": call.queued_at, "acceptTime": call.answered_at}
    ended |= {name: rfc3339(instant) for name, instant in known.items() if instant}
    return ended | ({"queue": call.queue} if call.queue else {})


def task(call: CompletedCall, settings: SalesforceSettings, contact: str | None) -> dict[str, Any]:
    """A call as a completed activity; numbers are not among its fields, the contact is."""
    owner = settings.owners.get(call.agent or "")
    return {
        "Subject": call.title,
        "Status": "Completed",
        "TaskSubtype": "Call",
        "CallType": "Outbound" if call.outbound else "Inbound",
        "CallDurationInSeconds": round(call.milliseconds / 1000),
        "CallObject": call.id,
        "CallDisposition": settings.dispositions.get(call.disposition or "", call.disposition or call.outcome),
        "ActivityDate": call.started_at.date().isoformat(),
        "Description": f"{rfc3339(call.started_at)} {call.summary}",
        **({"OwnerId": owner} if owner else {}),
        **({"WhoId": contact} if contact else {}),
    }


def busy(answer: httpx.Response) -> float | None:
    """REQUEST_LIMIT_EXCEEDED comes as a 403 (or a 503 from overload), UNABLE_TO_LOCK_ROW as a 400, without a time."""
    return next((seconds for code, seconds in WAITS.items() if code in answer.text), None)


def assertion(settings: SalesforceSettings, private_key: str, now: float) -> str:
    """What is exchanged for an access token (OAuth 2.0 JWT bearer flow)."""
    claims = {"iss": settings.client_id, "sub": settings.username, "aud": settings.login_url}
    return _signed({**claims, "exp": int(now) + TOKEN_SECONDS}, private_key)


def telephony_token(settings: SalesforceSettings, private_key: str, now: float) -> str:
    """What the telephony integration takes itself; each is used once."""
    claims = {"iss": settings.org_id, "sub": settings.call_center, "jti": str(uuid4())}
    return _signed({**claims, "iat": int(now), "exp": int(now) + TOKEN_SECONDS}, private_key)


def _signed(claims: dict[str, Any], private_key: str) -> str:
    return jwt.encode({"alg": "RS256"}, claims, RSAKey.import_key(private_key))


@dataclass(frozen=True, slots=True)
class Salesforce:
    """An org that is spoken with; `telephony` without the data API's token, which it does not take."""

    talk: Talk
    telephony: Talk
    settings: SalesforceSettings
    private_key: str
    when_none: WhenNone
    when_several: WhenSeveral

    async def put(self, call: CompletedCall, record: Record, keep: Keep) -> Record:
        """What was once a VoiceCall, or a Task, stays one."""
        voice = record.kind == "VoiceCall" or (
            record.kind is None and is_voice_call(call, self.settings, datetime.now(UTC))
        )
        return await (self._put_voice_call if voice else self._put_task)(call, record, keep)

    async def _put_voice_call(self, call: CompletedCall, record: Record, keep: Keep) -> Record:
        url = f"{self.settings.telephony_url}/telephony/v1/voiceCalls"
        if record.provider_id is None:
            try:
                made = (await self._telephony("POST", url, voice_call(call, self.settings))).json()
            except Fails as error:
                if error.status is None:  # it may be made, and is then no call of the past for which a Task stands in
                    await keep(replace(record, kind="VoiceCall"))
                raise
            if not made.get("voiceCallId"):
                raise Refuses(f"no voice call: {_errors(made)}", 400)
            matched = Matched("by_provider")
            record = replace(record, provider_id=made["voiceCallId"], kind="VoiceCall", matched=matched)
            if made.get("errors"):  # it is made all the same: never again
                record = replace(record, state={**record.state, "errors": _errors(made)})
            await keep(record)
        await self._telephony("PATCH", f"{url}/{call.id}", voice_call_ended(call))
        return record

    async def _telephony(self, method: str, url: str, body: Any) -> httpx.Response:
        headers = {
            "Authorization": f"Bearer {telephony_token(self.settings, self.private_key, time.time())}",
            "Telephony-Provider-Name": self.settings.telephony_provider,
        }
        return await self.telephony.ask(method, url, body=body, headers=headers)

    async def _put_task(self, call: CompletedCall, record: Record, keep: Keep) -> Record:
        record, matched = await chosen_once(record, lambda: self._match(call), keep)
        # Whom somebody has put in the contact's place since stays there.
        contact = next(iter(matched.contacts), None) if record.provider_id is None else None
        url = self._data(f"sobjects/Task/{self.settings.external_id_field}/{call.id}")
        # 300: several records bear our id, which only somebody in the org can put right.
        answer = await self.talk.ask("PATCH", url, body=task(call, self.settings, contact), also=frozenset({300}))
        if answer.status_code == 300:
            raise Refuses(f"several activities bear {self.settings.external_id_field} {call.id}", 300)
        made = answer.json() if answer.content else {}
        record = replace(record, provider_id=made.get("id") or record.provider_id, kind="Task")
        await keep(record)
        return record

    async def check(self) -> str:
        """Whether activities have our field."""
        described = (await self.talk.ask("GET", self._data("sobjects/Task/describe"))).json()
        ids = {each["name"] for each in described["fields"] if each.get("externalId")}
        if self.settings.external_id_field not in ids:
            raise Refuses(f"Activities have no external id {self.settings.external_id_field}: create it.", 404)
        return "The org answers, and activities have the external id."

    async def card(self, external_id: str) -> Card | None:
        """A contact as it is now."""
        answer = await self.talk.ask("GET", self._data(f"sobjects/Contact/{external_id}"), also=frozenset({404}))
        if answer.status_code == 404:
            return None
        known = answer.json()
        numbers = tuple(known[name] for name in NUMBERS if known.get(name))
        emails = (known["Email"],) if known.get("Email") else ()
        return Card(external_id, known.get("FirstName"), known.get("LastName"), None, numbers, emails)

    async def _match(self, call: CompletedCall) -> Matched:
        number = call.customer_number
        if number is None:
            return Matched("no_number")
        # Salesforce compares digits; a sign of plus has a meaning of its own in a search.
        fields = ", ".join(("Id", *NUMBERS))
        asked = {"q": f"FIND {{{' OR '.join(typed(number))}}} IN PHONE FIELDS RETURNING Contact({fields})"}
        answer = await self.talk.ask("GET", self._data("search"), params=asked)
        region = self.settings.default_region
        found = [
            each["Id"] for each in answer.json()["searchRecords"] if has_number(map(each.get, NUMBERS), number, region)
        ]

        async def create() -> str:
            body = {"LastName": "Unknown caller", "Phone": number}
            made = await self.talk.ask("POST", self._data("sobjects/Contact"), body=body, headers=DUPLICATES_ALLOWED)
            return str(made.json()["id"])

        return await attach(found, self.when_none, self.when_several, create)

    def _data(self, path: str) -> str:
        return f"{self.settings.base_url}/services/data/v{self.settings.api_version}/{path}"


def _errors(made: Mapping[str, Any]) -> str:
    return kept(str(made.get("errors")))
