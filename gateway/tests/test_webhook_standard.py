"""The rules of Standard Webhooks: signatures, secrets, and what an answer means."""

import base64
from uuid import UUID

import httpx
import pytest

from gateway.deliveries.channel import Delivered, Gone, Retry
from gateway.tests.webhook_harness import NOW
from gateway.webhooks import standard
from gateway.webhooks.channel import outcome_of
from services.calls.domain.completion import CallCompleted, CompletedLeg
from services.kernel import schemas


def test_the_signature_is_that_of_the_published_rule():
    secret = "whsec_cGxhdGVhdS10ZXN0LXNlY3JldC0yNGJ5"
    signed = standard.signature(secret, "msg_test0001", 1700000000, b'{"type":"call.ended"}')
    assert signed == "v1,GIqDQwwKcQ3Q5bbrB2uV0KCMEqJ0dsmnwfwlgpjEc0k="


def test_secrets_differ_and_are_as_long_as_the_standard_wants():
    secrets = {standard.new_secret() for _ in range(3)}
    assert len(secrets) == 3
    assert all(24 <= len(base64.b64decode(each.removeprefix("whsec_"))) <= 64 for each in secrets)


def test_the_longest_call_that_anybody_has_stays_below_what_the_standard_recommends():
    leg = CompletedLeg("agent-of-the-centre-1042", "second-line-support-fr", 1234.567, 123.456, 61.234)
    sums = (12345.678, 1234.567, 9876.543, 321.123, 654.321)
    about = ("inbound", "winter-campaign", "answered", False, NOW, NOW)
    call = CallCompleted(UUID(int=1), "pbx1", ("second-line-support-fr",) * 100, *about, *sums, (leg,) * 100)
    event = {"type": "plateau.calls.call_completed", "time": "2026-11-21T09:00:00Z", "subject": str(call.call)}
    assert 10_000 < len(standard.body_of({**event, "revision": 9, "data": schemas.dump(call)})) < 20_000


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 5 ", 5.0),
        ("Sat, 21 Nov 2026 09:01:00 GMT", 60.0),
        ("Sat, 21 Nov 2026 08:00:00 GMT", 0.0),
        ("999999999999999999", 999_999_999.0),
        (None, None),
        ("soon", None),
        ("-3", None),
        ("1.5", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header, seconds):
    assert standard.retry_after(header, NOW) == seconds


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (200, {}, Delivered),
        (204, {}, Delivered),
        (301, {"Location": "http://10.0.0.1/"}, Retry),
        (304, {}, Retry),
        (400, {}, Retry),
        (404, {}, Retry),
        (410, {}, Gone),
        (500, {}, Retry),
    ],
)
def test_what_an_answer_means(status, headers, outcome):
    made = outcome_of(httpx.Response(status, headers=headers), "", NOW)
    assert (type(made), made.status) == (outcome, status)
    assert not isinstance(made, Retry) or not (made.throttled or made.unreachable)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_an_overloaded_receiver_is_left_in_peace_for_as_long_as_it_says(status):
    told = outcome_of(httpx.Response(status, headers={"Retry-After": "90"}), "", NOW)
    assert (told.throttled, told.after) == (True, 90.0)
    untold = outcome_of(httpx.Response(status), "", NOW)
    assert (untold.throttled, untold.unreachable) == (False, True)
