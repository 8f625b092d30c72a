"""Any other system: each revision of a call as a JSON POST, signed as Standard Webhooks."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson

from gateway.crm.completed import CompletedCall
from gateway.crm.provider import Card, Keep, Matched, Record
from gateway.crm.talk import Talk
from gateway.crm.terms import CALL_FIELDS, GenericSettings
from gateway.webhooks import standard
from services.kernel.wire import rfc3339

TYPE = "plateau.crm.call"


def data(call: CompletedCall, settings: GenericSettings) -> dict[str, Any]:
    """A call under the receiver's names."""
    known = {name: getattr(call, name) for name in CALL_FIELDS}
    known |= {name: rfc3339(known[name]) for name in ("started_at", "ended_at", "answered_at") if known[name]}
    known["disposition"] = settings.dispositions.get(call.disposition or "", call.disposition)
    named = settings.fields or {name: name for name in CALL_FIELDS}
    return {theirs: known[ours] for theirs, ours in named.items()}


@dataclass(frozen=True, slots=True)
class Generic:
    """A receiver that is told; it knows a repeat by `webhook-id`, and a correction by `revision`."""

    talk: Talk
    settings: GenericSettings
    signing_secret: str

    async def put(self, call: CompletedCall, record: Record, _keep: Keep) -> Record:
        """Tells of this revision."""
        await self._tell(str(uuid5(NAMESPACE_URL, f"{call.id}:{call.revision}")), TYPE, data(call, self.settings))
        return replace(record, provider_id=call.id, kind="message", matched=Matched("by_provider"))

    async def check(self) -> str:
        """Sends a message of its own type."""
        await self._tell(str(uuid5(NAMESPACE_URL, str(time.time_ns()))), "plateau.ping", {})
        return "The receiver took a test message."

    async def card(self, _external_id: str) -> Card | None:
        """Nobody: such a receiver is not asked."""
        return None

    async def _tell(self, message_id: str, kind: str, content: Mapping[str, Any]) -> None:
        now = datetime.now(UTC)
        body = orjson.dumps({"type": kind, "timestamp": rfc3339(now), "data": dict(content)})
        headers = standard.headers([self.signing_secret], message_id, int(now.timestamp()), body)
        await self.talk.ask("POST", self.settings.url, body=body, headers=headers)
