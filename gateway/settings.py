"""What the gateway takes from its environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from urllib.parse import urlsplit

from gateway.public_address import Network, PublicAddress
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
    proxies = environ.get("PLATEAU_TRUSTED_PROXIES", LOOPBACK)
    return PublicAddress(url, [_network(written) for written in proxies.replace(",", " ").split()])


def _network(written: str) -> Network:
    try:
        return ip_network(written)
    except ValueError as error:
        message = f"PLATEAU_TRUSTED_PROXIES has {written!r}. Give addresses or networks: 10.0.0.7, 172.16.0.0/12."
        raise SettingsError(message) from error


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
    )
