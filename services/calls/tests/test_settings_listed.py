"""Queues and sources as they are listed."""

from datetime import UTC, datetime

import pytest

from services.calls.tests.running import RunningCalls, call_fact
from services.kernel.values import Actor

NINE = datetime(2026, 11, 21, 9, tzinfo=UTC)
STRICT = {"name": "strict", "threshold_seconds": 10, "effective_from": "2026-01-01T00:00:00Z"}


@pytest.fixture
def floor(calls: RunningCalls) -> RunningCalls:
    """Queues of two clients, one of nobody's that calls came to, and one that somebody was signed in to."""
    calls.configure("ConfigureQueue", "sales", {"client": "acme", "timezone": "Europe/Paris", "service_level": STRICT})
    calls.configure("ConfigureQueue", "care", {"client": "zenith"})
    calls.take(
        call_fact("c1", "queued", NINE, queue="never-told"),
        {"id": "s1", "source": "pbx1", "type": "agent.signed_in", "agent": "a-1", "occurred_at": NINE.isoformat(),
         "data": {"queues": ["night"]}},
    )  # fmt: skip
    return calls


def names(calls: RunningCalls, *asked: Actor, **filters: str) -> list[str]:
    return [item["queue"] for item in calls.ask("Queues", *asked, **filters)["items"]]


def test_queues_that_were_configured_and_those_that_were_heard_of_are_listed_by_name(floor):
    assert names(floor) == ["care", "never-told", "night", "sales"]
    assert names(floor, configured="false") == ["never-told", "night"]
    assert names(floor, client="acme") == ["sales"]


def test_a_queue_is_listed_as_it_is_shown(floor):
    for item in floor.ask("Queues")["items"]:
        shown = floor.ask("QueueOf", key=item["queue"])
        del shown["allowed_actions"]
        assert item == shown


def test_a_queue_is_listed_with_the_policy_last_adopted(floor):
    floor.configure_queue("sales", threshold_seconds=30)
    (item,) = floor.ask("Queues", configured="true", calendar=None, client=None, limit=1, cursor=None)["items"]
    assert item["queue"] == "care"
    policies = {item["queue"]: item["service_level"]["threshold_seconds"] for item in floor.ask("Queues")["items"]}
    assert policies == {"care": 20, "never-told": 20, "night": 20, "sales": 30}


def test_pages_of_queues_follow_each_other(floor):
    first = floor.ask("Queues", limit=3)
    second = floor.ask("Queues", limit=3, cursor=first["next"])
    assert [item["queue"] for item in second["items"]] == ["sales"]
    assert second["next"] is None


def test_a_client_and_a_limited_key_see_their_own_queues_alone(floor):
    assert names(floor, Actor(id="acme", client="acme")) == ["sales"]
    assert names(floor, Actor(id="key", queues=frozenset({"care", "night"}))) == ["care", "night"]


def test_sources_are_listed_as_they_are_shown_without_their_secrets(calls):
    calls.configure("ConfigureSource", "twilio/paris", {"kind": "twilio", "secret": "correct horse"})
    calls.configure("ConfigureSource", "pbx1", {"kind": "asterisk", "timezone": "Europe/Paris"})
    calls.follow()
    page = calls.ask("Sources", limit=1)
    rest = calls.ask("Sources", limit=1, cursor=page["next"])
    listed = [*page["items"], *rest["items"]]
    assert [(item["source"], item["kind"], item["has_secret"]) for item in listed] == [
        ("pbx1", "asterisk", False),
        ("twilio/paris", "twilio", True),
    ]
    assert "correct horse" not in repr(listed)
    limited = calls.ask("Sources", Actor(id="key", sources=frozenset({"pbx1"})))
    assert [item["source"] for item in limited["items"]] == ["pbx1"]
