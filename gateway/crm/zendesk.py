"""Zendesk: calls as call records of Talk Partner Edition, shown on a ticket by a voice comment.

Sources: Zendesk's Talk Partner Edition API (calls, voice comments, the user of a caller), tickets and search. Zendesk
has no upsert of calls. What a call was called there is remembered as soon as Zendesk says it; after an attempt of which
nothing was heard, the ticket is searched by our id, and on it the voice comment, before anything is made again. A
record that has no comment yet cannot be found so: if the answer to the very request that makes it is lost, the record
may stand there twice, its ticket and its comment do not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.adapters.phone_numbers import national
from gateway.crm.completed import CompletedCall
from gateway.crm.provider import Card, Keep, Matched, Record, WhenNone, WhenSeveral, attach, chosen_once, has_number
from gateway.crm.talk import Talk
from gateway.crm.terms import ZendeskSettings
from services.kernel.wire import rfc3339

WITHHELD = "anonymous"  # a line is required, and not every caller shows theirs
COMMENTED = ["from_line", "to_line", "direction", "call_started_at", "call_ended_at", "call_disposition", "agent_id"]
ABANDONED = {"abandoned": "abandoned_in_queue", "overflowed": "abandoned_in_queue"}


def call_record(call: CompletedCall, settings: ZendeskSettings, ticket: int | None) -> dict[str, Any]:
    """A call as Zendesk's record; an abandoned one belongs to no ticket."""
    made: dict[str, Any] = {
        "app_id": settings.app_id,
        "external_id": call.id,
        "from_line": call.caller_number or WITHHELD,
        "to_line": call.called_number or WITHHELD,
        "call_started_at": rfc3339(call.started_at),
        "direction": "outbound" if call.outbound else "inbound",
        **corrected(call, settings),
    }
    if settings.brand_id:
        made["brand_id"] = settings.brand_id
    if ticket is not None and call.outcome == "answered":
        made["ticket_id"] = ticket
    return made


def corrected(call: CompletedCall, settings: ZendeskSettings) -> dict[str, Any]:
    """What a later revision of a call may change."""
    agent = settings.agents.get(call.agent or "")
    return {
        "call_ended_at": rfc3339(call.ended_at),
        "call_disposition": settings.dispositions.get(call.disposition or "", call.disposition or call.outcome),
        "completion_status": ABANDONED.get(call.outcome, "completed"),
        **({"agent_id": agent} if agent else {}),
    }


@dataclass(frozen=True, slots=True)
class Zendesk:
    """An account that is spoken with."""

    talk: Talk
    settings: ZendeskSettings
    when_none: WhenNone
    when_several: WhenSeveral

    async def put(self, call: CompletedCall, record: Record, keep: Keep) -> Record:
        """Makes ticket, call and voice comment, each once; a call that is known is corrected."""
        if record.unsure:
            record = await self._found(call, record)
        if record.provider_id is not None:
            await self.talk.ask("PATCH", self._api(f"calls/{record.provider_id}"), body=corrected(call, self.settings))
            return await self._comment(call, record, keep)
        record, matched = await chosen_once(replace(record, kind="call"), lambda: self._match(call), keep)
        record = await self._ticket(call, record, matched, keep)
        body = call_record(call, self.settings, record.state.get("ticket_id"))
        made = (await self.talk.ask("POST", self._api("calls"), body=body)).json()
        record = replace(record, provider_id=str(made.get("call", made)["id"]))
        await keep(record)
        return await self._comment(call, record, keep)

    async def _found(self, call: CompletedCall, record: Record) -> Record:
        """What an earlier attempt made without hearing of it."""
        tickets = (await self.talk.ask("GET", self._api("tickets"), params={"external_id": call.id})).json()["tickets"]
        if not tickets:
            return record
        ticket = tickets[0]["id"]
        record = replace(record, kind="call", state={**record.state, "ticket_id": ticket})
        comments = (await self.talk.ask("GET", self._api(f"tickets/{ticket}/comments"))).json()["comments"]
        ours = [each["data"]["call_id"] for each in comments if _is_of(each, call)]
        if ours:
            record = replace(record, provider_id=str(ours[0]), state={**record.state, "commented": True})
        return record

    async def _ticket(self, call: CompletedCall, record: Record, matched: Matched, keep: Keep) -> Record:
        contact = next(iter(matched.contacts), None)
        if not self.settings.tickets or call.outcome != "answered" or not contact or "ticket_id" in record.state:
            return record
        wanted = {
            "external_id": call.id,
            "subject": call.title,
            "requester_id": int(contact),
            "comment": {"body": call.summary, "public": False},
        }
        # A repeat within two hours is answered with the same ticket.
        headers = {"Idempotency-Key": call.id}
        made = (await self.talk.ask("POST", self._api("tickets"), body={"ticket": wanted}, headers=headers)).json()
        record = replace(record, state={**record.state, "ticket_id": made["ticket"]["id"]})
        await keep(record)
        return record

    async def _comment(self, call: CompletedCall, record: Record, keep: Keep) -> Record:
        if "ticket_id" not in record.state or record.state.get("commented") or call.outcome != "answered":
            return record
        body = {"title": call.title, "call_fields": COMMENTED}
        await self.talk.ask("POST", self._api(f"calls/{record.provider_id}/comments"), body=body)
        record = replace(record, state={**record.state, "commented": True})
        await keep(record)
        return record

    async def check(self) -> str:
        """Who we are there; nobody, where the token is not good."""
        user = (await self.talk.ask("GET", self._api("users/me"))).json()["user"]
        return f"The account answers; calls are written by its user {user['id']}."

    async def card(self, external_id: str) -> Card | None:
        """A user as it is now; one that was deleted is still answered, as inactive."""
        answer = await self.talk.ask("GET", self._api(f"users/{external_id}"), also=frozenset({404}))
        user = None if answer.status_code == 404 else answer.json()["user"]
        return card_of(user) if user and user.get("active", True) else None

    async def _match(self, call: CompletedCall) -> Matched:
        number = call.customer_number
        if number is None:
            return Matched("no_number")
        # Digits alone, the last of those that somebody has typed in whatever form.
        asked = {"query": f"type:user role:end-user phone:*{national(number)}"}
        answer = await self.talk.ask("GET", self._api("search"), params=asked)
        found = [
            str(each["id"])
            for each in answer.json()["results"]
            if has_number([each.get("phone")], number, self.settings.default_region)
        ]

        async def create() -> str:
            body = {"user": {"name": "Unknown caller", "phone": number, "role": "end-user"}}
            return str((await self.talk.ask("POST", self._api("users"), body=body)).json()["user"]["id"])

        return await attach(found, self.when_none, self.when_several, create)

    def _api(self, path: str) -> str:
        return f"{self.settings.base_url}/api/v2/{path}"


def _is_of(comment: Mapping[str, Any], call: CompletedCall) -> bool:
    return comment.get("type") == "TpeVoiceComment" and comment.get("data", {}).get("external_id") == call.id


def card_of(user: Mapping[str, Any]) -> Card:
    """A user as the fields of a customer; Zendesk keeps a name in one piece."""
    given, _, family = (user.get("name") or "").partition(" ")
    return Card(
        external_id=str(user["id"]),
        given_name=given or None,
        family_name=family or None,
        numbers=(user["phone"],) if user.get("phone") else (),
        emails=(user["email"],) if user.get("email") else (),
    )
