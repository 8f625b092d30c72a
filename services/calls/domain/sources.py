"""Sources: the telephone and CRM systems that send facts, and how what they send is to be read."""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from services.kernel.decider import Context, Decision, changed, command, event, of, state, values
from services.kernel.values import Length, Pattern, Personal, Range

SourceKind = Literal["generic", "asterisk", "freeswitch", "twilio", "amazon-connect", "csv"]
Presence = Literal["signed_out", "available", "paused"]

BY_SECRET: frozenset[str] = frozenset({"freeswitch", "twilio", "amazon-connect"})


@values
class SourceSettings:
    """How a source's facts are read; the defaults are those of a source that was never configured.

    `activities` say what the activities of a TaskRouter workspace mean, by their names. `disposition_attribute` is the
    attribute of a contact or task that holds the disposition's code.
    """

    kind: SourceKind = "generic"
    timezone: ZoneInfo = ZoneInfo("UTC")
    clock_offset_seconds: Annotated[int, Range(-86400, 86400)] = 0
    stale_after_seconds: Annotated[int, Range(60, 604800)] = 14400
    default_region: Annotated[str | None, Pattern("[A-Z]{2}", "Give an ISO 3166 region, such as FR.")] = None
    pause_reasons: Mapping[str, str] = field(default_factory=dict)
    activities: Mapping[str, Presence] = field(default_factory=dict)
    disposition_attribute: Annotated[str | None, Length(1, 200)] = None


@command
class ConfigureSource(SourceSettings):
    """Say how the facts of a source are read.

    `secret` authenticates the callbacks of a source of the kinds twilio (its auth token), freeswitch and amazon-connect
    (a password): it alone may post as the source then, or a key that names the source. It is never shown; where it is
    not given, the one before stays.
    """

    secret: Annotated[str | None, Length(8, 1000)] = None


@event("source_configured")
class SourceConfigured(SourceSettings):
    """From now on the source is read so, its past facts too. `source` is its name."""

    source: str = ""
    secret: Annotated[str | None, Personal()] = None


@state
class Source:
    """A source as configured; `settings` is None until then."""

    settings: SourceSettings | None = None
    secret: str | None = None

    @property
    def proof(self) -> str | None:
        """The secret that whoever posts as the source must prove to know; None where keys alone admit."""
        return self.secret if self.settings and self.settings.kind in BY_SECRET else None


@values
class SourceView(SourceSettings):
    """A source as it is shown."""

    source: str = ""
    has_secret: bool = False


def decide(source: Source, order: ConfigureSource, ctx: Context) -> Decision:
    """Nothing happens where nothing changes."""
    wanted, secret = of(SourceSettings, order), order.secret or source.secret
    if source == Source(wanted, secret):
        return ()
    return of(SourceConfigured, order, source=ctx.key, secret=secret)


def evolve(source: Source, happened: SourceConfigured) -> Source:
    """The latest settings stand."""
    return changed(source, settings=of(SourceSettings, happened), secret=happened.secret)


def view(name: str, source: Source) -> SourceView:
    """What is shown of a source: all but its secret."""
    return of(SourceView, source.settings or SourceSettings(), source=name, has_secret=source.secret is not None)
