"""Hands messages to the mail server, one to each recipient, so that none sees who the others are."""

import smtplib
import ssl
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


GONE = Verdict(False, 421)  # the server has ended the session


def hand_over(
    messages: Mapping[str, EmailMessage], mail: MailSettings, tls: ssl.SSLContext | None = None
) -> list[Verdict]:
    """A verdict on each message, which are given by their recipients' addresses. Blocks.

    Raises:
        OSError: the server cannot be reached, or does not let us in; smtplib's own errors are of this kind.
    """
    with _session(mail, tls or ssl.create_default_context()) as server:
        verdicts: list[Verdict] = []
        for recipient, message in messages.items():
            try:
                verdicts.append(_verdict(server, recipient, message, mail.sender))
            except OSError:
                if not any(each.accepted for each in verdicts):
                    raise
                break  # what was accepted before is not to be sent again
        return verdicts + [GONE] * (len(messages) - len(verdicts))


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
