"""Configuring a source."""

from zoneinfo import ZoneInfo

from services.calls.domain import sources
from services.calls.domain.sources import ConfigureSource, Source, SourceConfigured, SourceSettings
from services.kernel.decider import specification

PARIS = ZoneInfo("Europe/Paris")

source = specification(sources.decide, sources.evolve, Source())
configured = SourceConfigured("asterisk", PARIS, clock_offset_seconds=-2, source="thing", secret="correct horse")


def test_a_source_is_configured():
    (
        source.when(ConfigureSource("asterisk", PARIS, clock_offset_seconds=-2, secret="correct horse"))
        .then(configured)
        .leaves(settings=SourceSettings("asterisk", PARIS, clock_offset_seconds=-2), secret="correct horse")
    )


def test_the_secret_stays_where_none_is_given():
    (
        source.given(configured)
        .when(ConfigureSource("asterisk", PARIS))
        .then(SourceConfigured("asterisk", PARIS, source="thing", secret="correct horse"))
    )


def test_a_secret_is_rotated():
    order = ConfigureSource("asterisk", PARIS, clock_offset_seconds=-2, secret="battery staple")
    source.given(configured).when(order).leaves(secret="battery staple")


def test_what_stands_already_does_not_happen_again():
    source.given(configured).when(ConfigureSource("asterisk", PARIS, clock_offset_seconds=-2)).then()


def test_a_secret_is_never_shown():
    shown = sources.view("pbx1", sources.evolve(Source(), configured))
    assert (shown.source, shown.kind, shown.has_secret) == ("pbx1", "asterisk", True)
    assert "correct horse" not in repr(shown)


def test_a_source_never_configured_shows_the_defaults():
    shown = sources.view("pbx1", Source())
    assert (shown.kind, shown.timezone, shown.stale_after_seconds, shown.has_secret) == (
        "generic",
        ZoneInfo("UTC"),
        14400,
        False,
    )
