"""What a mail says. Pure: an event, and the file that goes with it, as the parts of a message."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from gateway.exports.files import File
from gateway.mail.settings import MailSettings

ABOVE = {"above": "over", "below": "under"}


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent, the same to each recipient."""

    subject: str
    text: str
    attachment: File | None = None


def alert_raised(data: Mapping[str, Any]) -> Letter:
    """Of a figure that has crossed its threshold."""
    return Letter(
        f"Alert: {data['name']}",
        f"{_figure(data)}: {data['value']}, {ABOVE[data['comparison']]} {data['threshold']}, since {data['since']}.\n\n"
        f"Raised at {data['raised_at']}.\nAcknowledge it: POST /v1/alerts/{data['alert']}/acknowledge\n",
    )


def alert_cleared(data: Mapping[str, Any]) -> Letter:
    """Of one that is over."""
    return Letter(
        f"Over: {data['name']}",
        f"{_figure(data)} is in order again since {data['cleared_at']}.\n\nThe alert is of {data['raised_at']}.\n",
    )


def report(name: str, data: Mapping[str, Any], file: File, most_bytes: int) -> Letter:
    """Of a scheduled report, with its file; without one that is larger than a mail may be."""
    period = f"From {data['from']} to {data['to']}, instants in UTC."
    if len(file.content) <= most_bytes:
        return Letter(f"Report: {name}", f"{data['report']}\n{period}\n", file)
    size = len(file.content) // 1024 // 1024
    return Letter(
        f"Report: {name}",
        f"{data['report']}\n{period}\n\nThe file has {size} MiB, which is too much for a mail. Have it from"
        f" GET /v1/report-schedules/{data['schedule']}/files/{data['due_at']}.\n",
    )


def _figure(data: Mapping[str, Any]) -> str:
    return f"{data['measure']} of {data['scope']['kind']} {data['scope']['name']}"


def mark(event_id: str, address: str) -> str:
    """What stands for a recipient in the record of one event: a pseudonym, another for each event."""
    return hashlib.sha256(f"{event_id} {address.lower()}".encode()).hexdigest()[:16]


def message(letter: Letter, event_id: str, recipient: str, mail: MailSettings) -> EmailMessage:
    """The letter to one recipient. Its Message-ID is the same however often it is sent."""
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"] = mail.sender, recipient
    made["Subject"] = " ".join(letter.subject.split())
    made["Date"] = format_datetime(datetime.now(UTC))
    made["Message-ID"] = f"<{mark(event_id, recipient)}@{mail.domain}>"
    made["Auto-Submitted"] = "auto-generated"  # so that nobody's absence notice answers (RFC 3834)
    made.set_content(letter.text)
    if file := letter.attachment:
        kind, _, subtype = file.media_type.partition("/")
        made.add_attachment(file.content, maintype=kind, subtype=subtype, filename=file.name)
    return made
