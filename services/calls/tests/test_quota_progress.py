"""Quotas on real calls: progress at the moment of asking, who sees which, and assessments told exactly once."""

from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

import pytest

from services.calls.quota_policies import assess_quotas
from services.calls.tests.running import call_fact
from services.kernel.values import Actor

CLIENT, OTHER = Actor("acme-key", client="acme"), Actor("globex-key", client="globex")
TOLD = """SELECT type, data FROM store.events WHERE type IN ('quota_reached', 'quota_missed', 'quota_unmeasured')
    ORDER BY transaction_id, position"""
YESTERDAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
DAY = YESTERDAY.date().isoformat()
LATER = datetime.now(UTC).replace(hour=0, minute=10, second=0, microsecond=0)

_ids = count(1)


def answered(call, at=YESTERDAY + timedelta(hours=9), wait=10, queue="sales", **fields):
    return [
        call_fact(call, "queued", at, queue=queue, **fields),
        call_fact(call, "answered", at + timedelta(seconds=wait), queue=queue, agent="a-1"),
        call_fact(call, "ended", at + timedelta(seconds=wait + 60)),
    ]


def set_quota(calls, metric="answered", target=2, by=None, scope=("queue", "sales"), **more):
    body = {
        "metric": metric,
        "target": target,
        "scope": dict(zip(("kind", "name"), scope, strict=True)),
        "period": {"every": "once", "first_day": DAY, "last_day": DAY},
        **more,
    }
    key = str(UUID(int=next(_ids)))
    calls.order("SetQuota", key, body, **({"by": by} if by else {}))
    calls.follow()
    return key


def progress(calls, key, **asked):
    return calls.ask("QuotaProgressOf", quota_id=key, **asked)


def told(calls):
    return [(kind, data["attained"], data["revised"]) for kind, data in calls.connection.execute(TOLD)]


def assess(calls, now=LATER):
    count = assess_quotas(calls.connection, now)
    calls.follow()
    return count


@pytest.fixture
def clients(calls):
    for queue, client in (("sales", "acme"), ("care", "globex")):
        calls.configure("ConfigureQueue", queue, {"client": client})
    calls.follow()
    return calls


def test_a_client_sets_and_sees_quotas_for_its_own_queues_alone(clients):
    body = {"metric": "answered", "target": 2, "period": {"every": "day"}}
    for scope in ({"kind": "queue", "name": "care"}, {"kind": "campaign", "name": "spring"}):
        refused = clients.execute("SetQuota", str(UUID(int=next(_ids))), {**body, "scope": scope}, by=CLIENT)
        assert refused["refused"]["status"] == 404
    own = set_quota(clients, by=CLIENT)
    joint = set_quota(clients, jointly=True)
    secret = set_quota(clients)
    assert [each["id"] for each in clients.ask("Quotas", CLIENT)["items"]] == [own, joint]
    assert [each["id"] for each in clients.ask("Quotas", OTHER)["items"]] == []
    assert [each["id"] for each in clients.ask("Quotas")["items"]] == [own, joint, secret]
    for key, actor in ((own, OTHER), (joint, OTHER), (secret, CLIENT)):
        assert clients.query("QuotaOf", actor, key=key)["refused"]["status"] == 404
        assert clients.refusal("QuotaProgressOf", actor, quota_id=key) == ("request.not_found", 404)
        assert clients.execute("AgreeQuota", key, {}, by=actor, expected_version=1)["refused"]["status"] == 404
    limited = Actor("tool", queues=frozenset({"care"}))
    assert clients.ask("Quotas", limited)["items"] == []


def test_both_agree_on_the_version_that_they_saw_and_the_actions_shown_are_those_that_are_left(clients):
    scopes = frozenset({"quotas:read", "quotas:write", "quotas:agree"})
    client = Actor("acme-key", client="acme", scopes=scopes)
    key = set_quota(clients, jointly=True)
    assert clients.ask("QuotaOf", client, key=key)["allowed_actions"] == ["ReviseQuota", "AgreeQuota"]
    assert clients.execute("AgreeQuota", key, {}, by=client)["refused"]["status"] == 428
    assert assess(clients) == 0  # only proposed
    clients.order("AgreeQuota", key, {}, by=client, expected_version=1)
    shown = clients.ask("QuotaOf", client, key=key)
    assert (shown["status"], shown["client"], shown["allowed_actions"]) == ("in_force", "acme", ["ReviseQuota"])
    clients.follow()
    assert assess(clients) == 1


def test_every_metric_counts_what_the_report_counts_in_any_order_and_however_often_it_comes(calls):
    calls.configure_queue("sales", threshold_seconds=20)
    at = YESTERDAY + timedelta(hours=9)
    facts = [
        *answered("c1", campaign="spring"),
        *answered("c2", wait=30, campaign="spring"),
        *answered("c3", queue="care"),
        call_fact("c4", "queued", at, queue="sales"),
        call_fact("c4", "abandoned", at + timedelta(seconds=40), queue="sales"),
        call_fact("c1", "disposition_set", at + timedelta(minutes=5), {"code": "order", "flags": ["sale"]}),
        call_fact("c2", "disposition_set", at + timedelta(minutes=5), {"code": "no"}),
        *answered("c5", at=YESTERDAY + timedelta(hours=25)),
    ]
    expected = {
        ("offered", ("queue", "sales")): (3, None),
        ("answered", ("queue", "sales")): (2, None),
        ("handled", ("queue", "sales")): (2, None),
        ("dispositions", ("queue", "sales")): (2, None),
        ("service_level", ("queue", "sales")): (1, 3),
        ("answer_rate", ("queue", "sales")): (2, 3),
        ("abandon_rate", ("queue", "sales")): (1, 3),
        ("asa_seconds", ("queue", "sales")): (40, 2),
        ("aht_seconds", ("queue", "sales")): (120, 2),
        ("offered", ("campaign", "spring")): (2, None),
        ("aht_seconds", ("campaign", "spring")): (120, 2),
        ("dispositions", ("campaign", "spring")): (2, None),
        ("handled", ("agent", "a-1")): (3, None),
        ("dispositions", ("agent", "a-1")): (2, None),
    }
    quotas = {(metric, scope): set_quota(calls, metric, 1, scope=scope) for metric, scope in expected}
    for told in (facts[::-2], facts, facts[::-1]):
        calls.take(*told)
    for of_what, key in quotas.items():
        seen = progress(calls, key)
        assert (seen["numerator"], seen["denominator"]) == expected[of_what], of_what
    sale = progress(calls, set_quota(calls, "dispositions", 2, flag="sale"))
    assert (sale["attained"], sale["share"], sale["elapsed_share"], sale["projection"], sale["expected"]) == (
        1,
        0.5,
        1,
        1,
        "missed",
    )


def test_a_period_is_assessed_once_and_again_only_when_late_facts_prove_it_wrong(calls):
    calls.take(*answered("c1"))
    key = set_quota(calls)
    assert progress(calls, key)["attained"] == 1
    assert assess(calls, YESTERDAY + timedelta(hours=24, minutes=4)) == 0  # not quite over
    assert [assess(calls), assess(calls), assess(calls, LATER + timedelta(days=2))] == [1, 0, 0]
    calls.take(*answered("c2"))
    assert progress(calls, key)["expected"] == "reached"  # at once
    assert assess(calls, LATER + timedelta(days=40)) == 1
    calls.rebuild()
    assert assess(calls, LATER + timedelta(days=90)) == 0
    assert told(calls) == [("quota_missed", 1, False), ("quota_reached", 2, True)]


def test_after_a_stop_each_period_is_assessed_and_a_revision_judges_those_that_it_covers_anew(calls):
    calls.take(*answered("c1"))
    first = (YESTERDAY - timedelta(days=2)).date().isoformat()
    key = set_quota(calls, target=1, period={"every": "day", "first_day": first})
    assert assess(calls) == 3
    assert told(calls) == [("quota_missed", 0, False), ("quota_missed", 0, False), ("quota_reached", 1, False)]
    calls.order("ReviseQuota", key, {"target": 2, "effective_from": DAY})
    calls.follow()
    assert [assess(calls), assess(calls)] == [1, 0]
    assert told(calls)[3:] == [("quota_missed", 1, True)]


def test_where_both_parties_have_one_each_is_assessed_and_the_stricter_is_named(clients):
    clients.take(*answered("c1"))
    centre, client = set_quota(clients, target=1), set_quota(clients, target=2, by=CLIENT)
    other = set_quota(clients, "abandon_rate", "0.5")
    assert assess(clients) == 3
    events = {data["quota"]: (kind, data["strictest"]) for kind, data in clients.connection.execute(TOLD)}
    assert events == {
        centre: ("quota_reached", client),
        client: ("quota_missed", client),
        other: ("quota_reached", other),
    }
    (alert,) = clients.ask("Alerts")["items"]
    assert (alert["measure"], alert["scope"], alert["status"]) == (
        "quota_missed",
        {"kind": "quota", "name": client},
        "open",
    )
    clients.take(*answered("c2"))
    assess(clients, LATER + timedelta(days=5))
    assert [each["status"] for each in clients.ask("Alerts")["items"]] == ["cleared"]


def test_two_schedulers_at_once_tell_of_it_once(calls, monkeypatch):
    key = set_quota(calls)

    def overtaken(db, aimed):
        monkeypatch.undo()
        with calls.pool.connection() as another:
            assert assess_quotas(another, LATER) == 1
        return aimed.id

    monkeypatch.setattr("services.calls.quota_policies.strictest", overtaken)
    assess(calls)
    assert [kind for kind, *_ in told(calls)] == ["quota_missed"]
    assert progress(calls, key)["attained"] == 0
