"""Where e-mail goes out, and in whose name."""

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit

PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class MailSettings:
    """A mail server: `smtps` has TLS from the start, `smtp` what the server offers, and in any case before a password.

    `sender` is the address in From.
    """

    scheme: Literal["smtp", "smtps"]
    host: str
    port: int
    sender: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def domain(self) -> str:
        """The part of the sender's address behind the @."""
        return self.sender.rpartition("@")[2]


def mail_settings(url: str, sender: str) -> MailSettings:
    """Reads `smtp://user:password@host:port`; raises ValueError that says what to give."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"PLATEAU_SMTP_URL: {error}") from error
    if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError("PLATEAU_SMTP_URL: give smtp://user:password@host:587, or smtps://…:465.")
    name, _, domain = sender.rpartition("@")
    if not name or not domain or not sender.isprintable() or " " in sender:
        raise ValueError("PLATEAU_SMTP_SENDER: give the address that mail comes from, such as plateau@example.org.")
    user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))
    scheme: Literal["smtp", "smtps"] = "smtps" if parts.scheme == "smtps" else "smtp"
    return MailSettings(scheme, parts.hostname, port or PORTS[scheme], sender, user, password)
