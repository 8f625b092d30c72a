"""HubSpot: calls as call engagements, contacts as customers.

Sources: HubSpot's API reference of calls (properties, batch upsert by a unique property), of CRM search and of default
associations, and its usage guidelines for limits. A call is made once because it is upserted by the unique property
`plateau_call_id`, which an administrator of the portal creates for calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx

from gateway.adapters.phone_numbers import national
from gateway.crm.completed import CompletedCall
from gateway.crm.provider import Card, Keep, Matched, Record, WhenNone, WhenSeveral, attach, chosen_once, has_number
from gateway.crm.talk import Refuses, Talk
from gateway.crm.terms import HubSpotSettings

ID_PROPERTY = "plateau_call_id"
CONNECTED, NO_ANSWER = "f240bbac-87c9-4f6e-bf70-924b57d47db7", "73a0d17f-1163-4015-bdd5-ec830791da20"
STATUSES = {"answered": "COMPLETED", "abandoned": "NO_ANSWER", "overflowed": "NO_ANSWER", "not_offered": "NO_ANSWER"}
DAILY_WAIT = 3_600.0  # seconds; the daily limit is set back at midnight in a zone that only the portal knows
MOST_CONTACTS = 100  # of one number, of the first page of a search
NUMBERS = ("phone", "mobilephone")
CONTACT = ("firstname", "lastname", "email", *NUMBERS, "company", "hs_additional_emails")


def properties(call: CompletedCall, settings: HubSpotSettings) -> dict[str, str]:
    """A call as HubSpot's properties: Unix milliseconds, a duration in milliseconds, its words for status and outcome.

    What is not known is an empty text, which clears what an earlier revision said.
    """
    default = CONNECTED if call.outcome == "answered" else NO_ANSWER if call.outbound else ""
    return {
        ID_PROPERTY: call.id,
        "hs_timestamp": str(round(call.started_at.timestamp() * 1000)),
        "hs_call_direction": "OUTBOUND" if call.outbound else "INBOUND",
        "hs_call_duration": str(call.milliseconds),
        "hs_call_status": "CANCELED" if call.excluded else STATUSES.get(call.outcome, "COMPLETED"),
        "hs_call_disposition": settings.dispositions.get(call.disposition or "", default),
        "hs_call_from_number": call.caller_number or "",
        "hs_call_to_number": call.called_number or "",
        "hs_call_title": call.title,
        "hs_call_body": call.summary,
        "hubspot_owner_id": settings.owners.get(call.agent or "", ""),
    }


def limits(answer: httpx.Response) -> float | None:
    """How long nothing more may be asked: the rest of an interval of which no request remains."""
    if answer.headers.get("x-hubspot-ratelimit-remaining") != "0":
        return None
    return float(answer.headers.get("x-hubspot-ratelimit-interval-milliseconds", "10000")) / 1000


def busy(answer: httpx.Response) -> float | None:
    """A used-up daily limit takes longer than a rolling one."""
    if answer.status_code != 429 or "DAILY" not in answer.text:
        return None
    return DAILY_WAIT


def forms_of(number: str) -> list[dict[str, Any]]:
    """The filters that find a number, however it was typed: HubSpot searches its own national form of it."""
    digits = national(number)
    searched = {
        "phone": number,
        "mobilephone": number,
        "hs_searchable_calculated_phone_number": digits,
        "hs_searchable_calculated_mobile_number": digits,
    }
    return [{"filters": [{"propertyName": name, "operator": "EQ", "value": v}]} for name, v in searched.items()]


@dataclass(frozen=True, slots=True)
class HubSpot:
    """A portal that is spoken with."""

    talk: Talk
    settings: HubSpotSettings
    when_none: WhenNone
    when_several: WhenSeveral

    async def put(self, call: CompletedCall, record: Record, keep: Keep) -> Record:
        """Upserts the call by our id, then attaches it to its contacts, the first time; both may be repeated."""
        record, matched = await chosen_once(record, lambda: self._match(call), keep)
        wanted = {"inputs": [{"idProperty": ID_PROPERTY, "id": call.id, "properties": properties(call, self.settings)}]}
        answer = (await self.talk.ask("POST", self._objects("calls/batch/upsert"), body=wanted)).json()
        if not answer.get("results"):
            errors = answer.get("errors") or [{"message": "nothing was made, and no error named"}]
            raise Refuses(str(errors[0].get("message")), 207)
        record = replace(record, provider_id=str(answer["results"][0]["id"]), kind="call")
        await keep(record)
        if record.state.get("attached"):  # whom somebody has put in their place since stays there
            return record
        for contact in matched.contacts:
            path = f"/crm/v4/objects/calls/{record.provider_id}/associations/default/contacts/{contact}"
            await self.talk.ask("PUT", self.settings.base_url + path)
        return replace(record, state={**record.state, "attached": True})

    async def check(self) -> str:
        """Whether calls have our property, and it is unique."""
        url = f"{self.settings.base_url}/crm/v3/properties/calls/{ID_PROPERTY}"
        answer = await self.talk.ask("GET", url, also=frozenset({404}))
        if answer.status_code == 404 or not answer.json().get("hasUniqueValue"):
            raise Refuses(f"Calls have no unique property {ID_PROPERTY}: create it in HubSpot.", 404)
        return "The portal answers, and calls have the unique property."

    async def card(self, external_id: str) -> Card | None:
        """A contact as it is now."""
        url = self._objects(f"contacts/{external_id}")
        answer = await self.talk.ask("GET", url, params={"properties": ",".join(CONTACT)}, also=frozenset({404}))
        return None if answer.status_code == 404 else card_of(answer.json())

    async def _match(self, call: CompletedCall) -> Matched:
        number = call.customer_number
        if number is None:
            return Matched("no_number")
        wanted = {"filterGroups": forms_of(number), "properties": list(NUMBERS), "limit": MOST_CONTACTS}
        answered = (await self.talk.ask("POST", self._objects("contacts/search"), body=wanted)).json()["results"]
        found = [
            str(each["id"])
            for each in answered
            if has_number(map(each.get("properties", {}).get, NUMBERS), number, self.settings.default_region)
        ]

        async def create() -> str:
            body = {"properties": {"phone": number}}
            return str((await self.talk.ask("POST", self._objects("contacts"), body=body)).json()["id"])

        return await attach(found, self.when_none, self.when_several, create)

    def _objects(self, path: str) -> str:
        version = self.settings.api_version
        return f"{self.settings.base_url}/crm/{'v3/objects' if version == 'v3' else f'objects/{version}'}/{path}"


def card_of(contact: Mapping[str, Any]) -> Card:
    """A contact's properties as the fields of a customer."""
    known = {name: value for name, value in contact["properties"].items() if value}
    more = known.get("hs_additional_emails", "")
    return Card(
        external_id=str(contact["id"]),
        given_name=known.get("firstname"),
        family_name=known.get("lastname"),
        company=known.get("company"),
        numbers=tuple(known[name] for name in NUMBERS if name in known),
        emails=tuple(each for each in (known.get("email", ""), *more.split(";")) if each),
    )
