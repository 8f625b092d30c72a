"""Hands messages to the mail server, one to each recipient, so that none sees who the others are."""

import smtplib
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import EmailMessage
from typing import NamedTuple

from gateway.mail.settings import MailSettings

PATIENCE = 20.0  # seconds for the connection, and for each answer


class Verdict(NamedTuple):
    """What the server says to one message: accepted, or the status that it gives, and whether for ever."""

    accepted: bool
    status: int = 250
    final: bool = False


LEFT = Verdict(False, 421)  # its turn has not come: the session has ended, by the server or by us
LONGEST_MESSAGE = 5 * PATIENCE  # sender, recipient, data, its end, and what clears up after a refusal


def hand_over(
    messages: Mapping[str, EmailMessage], mail: MailSettings, until: float, tls: ssl.SSLContext | None = None
) -> list[Verdict]:
    """A verdict on each message, which are given by their recipients' addresses. Blocks.

    After `until`, an instant of `time.monotonic`, none is begun but the first: who has stopped waiting for the verdicts
    would have all of them sent again.

    Raises:
        OSError: the server cannot be reached, or does not let us in; smtplib's own errors are of this kind.
    """
    with _session(mail, tls or ssl.create_default_context()) as server:
        verdicts: list[Verdict] = []
        for recipient, message in messages.items():
            if verdicts and time.monotonic() > until:
                break
            try:
                verdicts.append(_verdict(server, recipient, message, mail.sender))
            except OSError:
                if not any(each.accepted for each in verdicts):
                    raise
                break  # what was accepted before is not to be sent again
        return verdicts + [LEFT] * (len(messages) - len(verdicts))


@contextmanager
def _session(mail: MailSettings, tls: ssl.SSLContext) -> Iterator[smtplib.SMTP]:
    if mail.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(mail.host, mail.port, timeout=PATIENCE, context=tls)
    else:
        server = smtplib.SMTP(mail.host, mail.port, timeout=PATIENCE)
    with server:
        server.ehlo()
        if mail.scheme == "smtp" and (server.has_extn("starttls") or mail.user):
            server.starttls(context=tls)  # raises where it is not offered: no password goes in the clear
            server.ehlo()
        if mail.user:
            server.login(mail.user, mail.password or "")
        yield server


def _verdict(server: smtplib.SMTP, recipient: str, message: EmailMessage, sender: str) -> Verdict:
    try:
        server.send_message(message, sender, [recipient])
    except smtplib.SMTPRecipientsRefused as error:
        ((status, _),) = error.recipients.values()
        return Verdict(False, status, final=status >= 500)
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
        return Verdict(False, error.smtp_code, final=error.smtp_code >= 500)
    except smtplib.SMTPNotSupportedError:  # an address beyond ASCII, which this server does not know
        return Verdict(False, 553, final=True)
    return Verdict(True)
