"""What the gateway takes from its environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gateway.mail.settings import MailSettings, mail_settings
from gateway.networks import Network, networks
from gateway.public_address import PublicAddress
from gateway.sealing import SecretBox
from services.kernel.ingest_queues import IngestQueues

LOOPBACK = "127.0.0.0/8, ::1"


class SettingsError(Exception):
    """The environment cannot be run on; the message names the variable and says what to give."""


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """Where bearer tokens of people come from and for whom they must be made."""

    jwks_url: str
    issuer: str
    audience: str


@dataclass(frozen=True)
class Settings:
    """The gateway's settings. `rate_limit` is requests per `rate_window` seconds for each caller, per process;
    `live_listeners` how many may follow the floor at once, per process.

    `secrets` seals what others entrust to the gateway (None: nothing can be entrusted); deliveries are kept for
    `delivery_days`, and a receiver may take `delivery_timeout` seconds to answer. It is at a public address and has
    TLS, unless it is in one of the `allowed_networks`. Without `mail` no e-mail is sent.
    """

    database_url: str
    amqp_url: str
    tokens: TokenSettings | None = None
    queues: IngestQueues = field(default_factory=lambda: IngestQueues.of("calls", {}))
    host: str = "127.0.0.1"
    port: int = 8080
    rate_limit: int = 6_000
    rate_window: int = 60
    log_level: str = "info"
    public_address: PublicAddress = field(default_factory=PublicAddress)
    live_listeners: int = 500
    secrets: SecretBox | None = None
    delivery_days: int = 30
    delivery_timeout: int = 20
    allowed_networks: tuple[Network, ...] = ()
    mail: MailSettings | None = None


def _required(environ: Mapping[str, str], name: str, example: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise SettingsError(f"{name} is not set. Give, for example, {name}={example}")
    return value


def _whole(environ: Mapping[str, str], name: str, default: int, lowest: int = 1, highest: int = 1_000_000_000) -> int:
    text = environ.get(name) or str(default)
    if not text.isdecimal() or not lowest <= int(text) <= highest:
        raise SettingsError(f"{name} is {text!r}. Give a whole number from {lowest} to {highest}.")
    return int(text)


def _tokens(environ: Mapping[str, str]) -> TokenSettings | None:
    names = ("PLATEAU_JWKS_URL", "PLATEAU_JWT_ISSUER", "PLATEAU_JWT_AUDIENCE")
    given = [environ.get(name, "") for name in names]
    if not any(given):
        return None
    if missing := [name for name, value in zip(names, given, strict=True) if not value]:
        raise SettingsError(f"{', '.join(missing)} not set. Bearer tokens need all of {', '.join(names)}; or set none.")
    return TokenSettings(*given)


def _queues(environ: Mapping[str, str]) -> IngestQueues:
    try:
        return IngestQueues.of("calls", environ)
    except ValueError as error:
        raise SettingsError(f"PLATEAU_INGEST_QUEUES or PLATEAU_INGEST_QUEUE_BYTES: {error}") from error


def _public_address(environ: Mapping[str, str]) -> PublicAddress:
    url = environ.get("PLATEAU_PUBLIC_URL") or None
    if url is not None and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
        raise SettingsError(f"PLATEAU_PUBLIC_URL is {url!r}. Give, for example, https://plateau.example.org")
    return PublicAddress(url, _networks(environ, "PLATEAU_TRUSTED_PROXIES", LOOPBACK))


def _secrets(environ: Mapping[str, str]) -> SecretBox | None:
    text = environ.get("PLATEAU_GATEWAY_KEY")
    try:
        return SecretBox.from_text(text) if text else None
    except ValueError as error:
        raise SettingsError(f"PLATEAU_GATEWAY_KEY: {error}") from error


def _networks(environ: Mapping[str, str], name: str, default: str = "") -> tuple[Network, ...]:
    try:
        return networks(environ.get(name, default))
    except ValueError as error:
        raise SettingsError(f"{name}: {error}. Give such as 10.1.0.0/16, fd00::/8.") from error


def _mail(environ: Mapping[str, str]) -> MailSettings | None:
    url = environ.get("PLATEAU_SMTP_URL")
    try:
        return mail_settings(url, environ.get("PLATEAU_SMTP_SENDER", "")) if url else None
    except ValueError as error:
        raise SettingsError(str(error)) from error


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Reads the settings.

    Raises:
        SettingsError: a variable is missing or makes no sense.
    """
    return Settings(
        database_url=_required(environ, "PLATEAU_GATEWAY_DATABASE_URL", "postgresql://…@127.0.0.1/plateau_gateway"),
        amqp_url=_required(environ, "PLATEAU_AMQP_URL", "amqp://…@127.0.0.1:5672/plateau"),
        tokens=_tokens(environ),
        queues=_queues(environ),
        host=environ.get("PLATEAU_HTTP_HOST") or Settings.host,
        port=_whole(environ, "PLATEAU_HTTP_PORT", Settings.port, lowest=0, highest=65_535),
        rate_limit=_whole(environ, "PLATEAU_RATE_LIMIT", Settings.rate_limit),
        rate_window=_whole(environ, "PLATEAU_RATE_WINDOW_SECONDS", Settings.rate_window),
        log_level=environ.get("PLATEAU_LOG_LEVEL") or Settings.log_level,
        public_address=_public_address(environ),
        live_listeners=_whole(environ, "PLATEAU_LIVE_LISTENERS", Settings.live_listeners, lowest=0, highest=10_000),
        secrets=_secrets(environ),
        delivery_days=_whole(environ, "PLATEAU_DELIVERY_DAYS", Settings.delivery_days, highest=3_650),
        delivery_timeout=_whole(environ, "PLATEAU_DELIVERY_TIMEOUT_SECONDS", Settings.delivery_timeout, highest=30),
        allowed_networks=_networks(environ, "PLATEAU_ALLOWED_NETWORKS"),
        mail=_mail(environ),
    )
