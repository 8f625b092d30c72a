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


def test_a_secret_guards_a_source_of_a_kind_that_can_prove_it():
    assert sources.evolve(Source(), configured).proof is None
    twilio = SourceConfigured("twilio", source="thing", secret="correct horse")
    assert sources.evolve(Source(), twilio).proof == "correct horse"
    assert sources.evolve(Source(), SourceConfigured("twilio", source="thing")).proof is None


def test_the_gateway_learns_which_sources_a_secret_guards_and_the_secret(calls):
    calls.configure("ConfigureSource", "tw1", {"kind": "twilio", "secret": "tok-plateau-01"})
    calls.configure("ConfigureSource", "tw1", {"kind": "twilio", "activities": {"Lunch": "paused"}})
    calls.configure("ConfigureSource", "pbx1", {"kind": "asterisk", "secret": "correct horse"})
    calls.configure("ConfigureSource", "fs1", {"kind": "freeswitch"})
    calls.configure("ConfigureSource", "fs2", {"kind": "freeswitch", "secret": "battery staple"})
    calls.configure("ConfigureSource", "fs2", {"kind": "generic"})
    calls.follow()
    assert calls.ask("SourcesWithProofOf") == {"sources": ["tw1"]}
    told = calls.ask("SourceToReadOf", source="tw1")
    assert (told["secret"], told["activities"]) == ("tok-plateau-01", {"Lunch": "paused"})
    assert [calls.ask("SourceToReadOf", source=name)["secret"] for name in ("pbx1", "fs2", "unheard")] == [None] * 3
    stored = calls.connection.execute("SELECT string_agg(data::text, '') FROM store.events").fetchone()
    assert "tok-plateau-01" not in stored[0]
