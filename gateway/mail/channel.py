"""The channel that sends e-mail. Who gets it is asked when it is sent: no address is in an event or a record."""

import asyncio
import ssl
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import orjson
from psycopg_pool import AsyncConnectionPool

from gateway.deliveries.channel import Database, Delivered, Delivery, Event, Outcome, Refused, Retry, Wanted
from gateway.exports.files import File, TooManyRows
from gateway.exports.scheduled import ReportFiles, Scheduled, scheduled_report
from gateway.mail import messages
from gateway.mail.messages import Letter, mark
from gateway.mail.post import LONGEST_MESSAGE, Verdict, hand_over
from gateway.mail.settings import MailSettings
from gateway.rpc import DeadlinePassed, RemoteError
from services.kernel.actors import as_sent
from services.kernel.decider import SYSTEM
from services.kernel.values import Actor, Unavailable

NAME = "email"
# The mail server; a migration makes it, as a target that is never paused.
SERVER = UUID("5f1cbd2e-6a0f-5f0f-9d55-5d0f5d3c7a10")
RAISED, CLEARED, DUE = (f"plateau.calls.{kind}" for kind in ("alert_raised", "alert_cleared", "report_due"))
MOST_BYTES = 15 * 1024 * 1024  # of a file: a third more in a mail, and few servers take more than 25 MB
ANSWER_SECONDS = 30.0

KNOWN = "SELECT result -> 'accepted' FROM deliveries WHERE id = %s"


class Rpc(Protocol):
    """What asks a service."""

    async def call(self, service: str, method: str, kwargs: Any, *, deadline: float = 5.0) -> Any:
        """The answer."""
        ...


class NotAnswered(Exception):  # noqa: N818 - what came of a question
    """The service refuses: with which code, and whether it may answer later."""

    def __init__(self, refused: dict[str, Any]) -> None:
        super().__init__(refused["code"])
        self.status, self.later = refused["status"], refused["status"] >= 500


class Mail:
    """Sends alerts and report files; those of one alert in order. Each recipient is sent a message of their own."""

    name = NAME
    delays: Sequence[float] = (0.0, 30.0, 120.0, 600.0, 1_800.0, 7_200.0, 18_000.0, 43_200.0)
    lanes = 4
    seconds = 300.0

    def __init__(
        self, mail: MailSettings, pool: AsyncConnectionPool, rpc: Rpc, tls: ssl.SSLContext | None = None
    ) -> None:
        self._mail, self._pool, self._rpc, self._tls = mail, pool, rpc, tls
        self._files = ReportFiles(pool)

    async def types(self, _db: Database) -> frozenset[str]:
        """Alerts and due reports."""
        return frozenset({RAISED, CLEARED, DUE})

    async def wanted(self, _db: Database, events: Sequence[Event]) -> Sequence[Wanted]:
        """All that may name a recipient: not a missed quota, which has no rule."""
        return [
            Wanted(SERVER, event, None if event["type"] == DUE else event["subject"])
            for event in events
            if event["type"] == DUE or (event["type"] in (RAISED, CLEARED) and event["data"]["rule"] is not None)
        ]

    async def send(self, delivery: Delivery) -> Outcome:
        """Sends it to each recipient to whom it has not been sent; to as many as there is time for."""
        until = time.monotonic() + self.seconds - LONGEST_MESSAGE
        try:
            letter, recipients = await self._letter(delivery.event)
        except NotAnswered as error:
            return Retry(reason=str(error)) if error.later else Refused(reason=str(error), status=error.status)
        except (Unavailable, DeadlinePassed, RemoteError) as error:
            return Retry(reason=f"the calls service was not to be asked: {type(error).__name__}")
        event_id = delivery.event["id"]
        accepted = await self._accepted(delivery.id)
        left = [each for each in dict.fromkeys(recipients) if mark(event_id, each) not in accepted]
        if letter is None or not left:
            return Delivered(result={"accepted": sorted(accepted)})
        made = {each: messages.message(letter, event_id, each, self._mail) for each in left}
        try:
            verdicts = await asyncio.to_thread(hand_over, made, self._mail, until, self._tls)
        except OSError as error:
            return Retry(reason=f"the mail server was not to be used: {type(error).__name__}", unreachable=True)
        marks = [mark(event_id, each) for each in left]
        return outcome_of(dict(zip(marks, verdicts, strict=True)), accepted)

    async def settled(
        self, _db: Database, _delivery: Delivery, _outcome: Outcome, _failing_since: datetime | None
    ) -> None:
        """Nothing: the mail server is never given up."""

    async def _accepted(self, delivery: UUID) -> set[str]:
        async with self._pool.connection() as db:
            row = await (await db.execute(KNOWN, (delivery,))).fetchone()
        return set(row[0] or ()) if row else set()

    async def _letter(self, event: Event) -> tuple[Letter | None, tuple[str, ...]]:
        data = event["data"]
        if event["type"] == DUE:
            return await self._report(data)
        answer = await self._query("AlertRecipientsOf", {"rule": data["rule"]}, SYSTEM)
        asked = orjson.loads(answer["body"])
        letter = messages.alert_raised(data) if event["type"] == RAISED else messages.alert_cleared(data)
        return letter, tuple(asked["emails"])

    async def _report(self, data: dict[str, Any]) -> tuple[Letter | None, tuple[str, ...]]:
        schedule, due_at = UUID(data["schedule"]), datetime.fromisoformat(data["due_at"])
        scheduled = await scheduled_report(schedule, due_at, self._query)
        if not scheduled["emails"]:  # it names nobody, or is paused since
            return None, ()
        file = await self._file(schedule, due_at, scheduled)
        return messages.report(scheduled["name"], data, file, MOST_BYTES), tuple(scheduled["emails"])

    async def _file(self, schedule: UUID, due_at: datetime, scheduled: Scheduled) -> File:
        try:
            return await self._files.of(schedule, due_at, scheduled, self._query)
        except TooManyRows as error:
            raise NotAnswered({"code": "export.too_many_rows", "status": 422}) from error

    async def _query(self, use_case: str, parameters: dict[str, Any], actor: Actor) -> dict[str, Any]:
        message = {"use_case": use_case, "parameters": parameters, "actor": as_sent(actor)}
        answer = await self._rpc.call("calls", "query", message, deadline=ANSWER_SECONDS)
        if refused := answer.get("refused"):
            raise NotAnswered(refused)
        return dict(answer)


def outcome_of(verdicts: dict[str, Verdict], before: set[str]) -> Outcome:
    """What the server's verdicts come to; `accepted` are the marks of all who were sent it, now or before.

    As long as one recipient may still be sent it, it is tried again, for them alone.
    """
    accepted = sorted(before | {each for each, verdict in verdicts.items() if verdict.accepted})
    result = {"accepted": accepted}
    waiting = [verdict.status for verdict in verdicts.values() if not verdict.accepted and not verdict.final]
    refused = [verdict.status for verdict in verdicts.values() if verdict.final]
    if waiting:
        return Retry(reason=f"{len(waiting)} recipients put off", status=waiting[0], result=result)
    if refused and not accepted:
        return Refused(reason="no recipient was accepted", status=refused[0], result=result)
    return Delivered(reason=f"{len(refused)} recipients refused" if refused else "", status=250, result=result)
