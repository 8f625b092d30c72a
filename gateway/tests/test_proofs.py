"""Secrets of sources: the vectors of FORMATS section 6, and what must not pass."""

import base64
from urllib.parse import urlencode

import pytest

from gateway.adapters.proofs import PASSWORD, TWILIO_SIGNATURE, Posted

FORM, JSON = b"application/x-www-form-urlencoded", b"application/json"
PUBLISHED_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
PUBLISHED = {
    "CallSid": "CA1234567890ABCDE", "Digits": "1234", "From": "+14158675309", "To": "+18005551212",
    "Caller": "+14158675309",
}  # fmt: skip
VOICE_URL = "https://gw.example.test/v1/telephony/twilio/voice?tenant=t1"
VOICE = {
    "CallSid": "CA00000000000000000000000000001042", "CallStatus": "completed", "From": "+33199001234",
    "SequenceNumber": "3", "To": "+33199005678",
}  # fmt: skip
HASH = "57de2882cc89c2df70a9217cbb6df540ade45b698faae11d10475796698548c6"
EVENTS_URL = f"https://gw.example.test/v1/telephony/twilio/events?bodySHA256={HASH}"
EVENTS = b'[{"id":"EV1"}]'
TOKEN = "tok-plateau-01"


def signed(url, body, signature, media_type=FORM):
    content = body if isinstance(body, bytes) else urlencode(body).encode()
    return Posted(url, {b"x-twilio-signature": signature}, media_type, content)


GOOD = {
    "published": ("12345", signed(PUBLISHED_URL, PUBLISHED, b"RSOYDt4T1cUTdK1PDd93/VVr8B8=")),
    "a form": (TOKEN, signed(VOICE_URL, VOICE, b"g/IxliyO6As1/hompiLh8GrMbsY=")),
    "JSON": (TOKEN, signed(EVENTS_URL, EVENTS, b"5aBhSH2lpK57mDuPOrh/HFErogI=", JSON)),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_signature_of_twilio_holds(name):
    secret, posted = GOOD[name]
    assert TWILIO_SIGNATURE.claimed(posted.headers)
    assert TWILIO_SIGNATURE.holds(secret, posted)


@pytest.mark.parametrize("name", GOOD)
def test_it_holds_for_that_token_address_and_body_alone(name):
    secret, posted = GOOD[name]
    forged = [
        posted._replace(url=posted.url.replace("https", "http")),
        posted._replace(url=posted.url + "&source=another"),
        posted._replace(body=posted.body + b"&x=1"),
        posted._replace(body=b""),
        posted._replace(headers={b"x-twilio-signature": b""}),
        posted._replace(media_type=JSON if posted.media_type == FORM else FORM),
    ]
    assert not TWILIO_SIGNATURE.holds(secret + "x", posted)
    assert not any(TWILIO_SIGNATURE.holds(secret, each) for each in forged)


def test_the_port_may_be_named_or_not():
    _, posted = GOOD["a form"]
    for host in ("gw.example.test:443", "gw.example.test:8443"):
        assert TWILIO_SIGNATURE.holds(TOKEN, posted._replace(url=posted.url.replace("gw.example.test", host)))
    with_port = posted._replace(url=VOICE_URL.replace("gw.example.test", "[::1]:443"))
    assert not TWILIO_SIGNATURE.holds(TOKEN, with_port)


@pytest.mark.parametrize("host", ["[::1", "a]b", "", ":", "x:99999999"])
def test_a_host_that_is_none_signs_nothing(host):
    for _, posted in GOOD.values():
        assert not TWILIO_SIGNATURE.holds(TOKEN, posted._replace(url=f"https://{host}/v1/telephony/twilio/voice"))


def test_a_field_that_comes_twice_with_one_value_counts_once():
    secret, posted = GOOD["published"]
    assert TWILIO_SIGNATURE.holds(secret, posted._replace(body=posted.body + b"&Digits=1234"))


def authorized(value):
    return Posted("https://gw.example.test/", {b"authorization": value}, JSON, b"{}")


def basic(user, password):
    return authorized(b"Basic " + base64.b64encode(f"{user}:{password}".encode()))


@pytest.mark.parametrize(
    "posted",
    [
        basic("anybody", "correct: horsé"),
        basic("", "correct: horsé"),
        authorized(b"Bearer " + "correct: horsé".encode()),
        authorized(b"bearer  " + "correct: horsé".encode()),
    ],
)
def test_a_password_holds_for_any_user(posted):
    assert PASSWORD.claimed(posted.headers)
    assert PASSWORD.holds("correct: horsé", posted)


@pytest.mark.parametrize(
    "posted",
    [basic("correct: horse", ""), basic("u", "correct: hors"), authorized(b"Basic !"), authorized(b"Basic"),
     authorized(b"Bearer correct: hors")],
)  # fmt: skip
def test_another_password_does_not(posted):
    assert not PASSWORD.holds("correct: horse", posted)


@pytest.mark.parametrize("value", [b"", b"Bearer", b"Bearer pl_0123", b"Bearer eyJhbGciOi.x.y", b"Digest correct"])
def test_what_is_a_key_or_nothing_claims_no_password(value):
    assert not PASSWORD.claimed({b"authorization": value} if value else {})
