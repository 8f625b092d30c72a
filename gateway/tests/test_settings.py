import pytest

from gateway.settings import SettingsError, from_environment

NEEDED = {"PLATEAU_GATEWAY_DATABASE_URL": "postgresql://h/d", "PLATEAU_AMQP_URL": "amqp://h/v"}
TOKENS = {"PLATEAU_JWKS_URL": "https://i/k", "PLATEAU_JWT_ISSUER": "https://i", "PLATEAU_JWT_AUDIENCE": "plateau"}


def test_the_least_that_is_needed_serves_the_loopback_without_tokens():
    settings = from_environment(NEEDED)
    assert (settings.host, settings.port, settings.tokens) == ("127.0.0.1", 8080, None)
    assert settings.queues.names == ("calls.ingest.0",)
    assert (settings.secrets, settings.allowed_networks) == (None, ())


def test_everything_can_be_set():
    settings = from_environment(
        {**NEEDED, **TOKENS, "PLATEAU_HTTP_PORT": "9", "PLATEAU_INGEST_QUEUES": "2", "PLATEAU_RATE_LIMIT": "5"}
    )
    assert (settings.port, len(settings.queues.names), settings.rate_limit) == (9, 2, 5)
    assert settings.tokens
    assert settings.tokens.issuer == "https://i"


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, "PLATEAU_GATEWAY_DATABASE_URL"),
        ({**NEEDED, "PLATEAU_AMQP_URL": ""}, "PLATEAU_AMQP_URL"),
        ({**NEEDED, "PLATEAU_HTTP_PORT": "http"}, "PLATEAU_HTTP_PORT"),
        ({**NEEDED, "PLATEAU_GATEWAY_KEY": "c2hvcnQ="}, "PLATEAU_GATEWAY_KEY"),
        ({**NEEDED, "PLATEAU_GATEWAY_KEY": "no base64"}, "PLATEAU_GATEWAY_KEY"),
        ({**NEEDED, "PLATEAU_ALLOWED_NETWORKS": "10.0.0.1/8"}, "PLATEAU_ALLOWED_NETWORKS"),
        ({**NEEDED, "PLATEAU_DELIVERY_TIMEOUT_SECONDS": "31"}, "PLATEAU_DELIVERY_TIMEOUT_SECONDS"),
        ({**NEEDED, "PLATEAU_HTTP_PORT": "70000"}, "PLATEAU_HTTP_PORT"),
        ({**NEEDED, "PLATEAU_RATE_LIMIT": "0"}, "PLATEAU_RATE_LIMIT"),
        ({**NEEDED, "PLATEAU_INGEST_QUEUES": "0"}, "PLATEAU_INGEST_QUEUES"),
        ({**NEEDED, "PLATEAU_JWKS_URL": "https://i/k"}, "PLATEAU_JWT_ISSUER"),
    ],
)
def test_what_is_missing_or_wrong_is_named(environ, name):
    with pytest.raises(SettingsError, match=name):
        from_environment(environ)
