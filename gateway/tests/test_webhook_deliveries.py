"""Webhooks as their receivers see them: real HTTP to a real receiver, verified with the library of the standard."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import orjson
import pytest
from standardwebhooks import WebhookVerificationError

from gateway.tests.receiver import Reply, receiving
from gateway.tests.webhook_harness import BELLS, OPENED, RUNG, attempted, rung, settled, until
from gateway.webhooks.backfills import Backfills
from gateway.webhooks.channel import DISABLED, FAILING, PING
from gateway.webhooks.log import PATH as LOG
from services.kernel.feed import LATEST

pytestmark = pytest.mark.anyio


async def test_an_event_arrives_signed_with_type_timestamp_and_data(plateau, receiver):
    _, secret = await plateau.endpoint(receiver)
    event = rung(3)
    await plateau.happens(event, rung(kind=OPENED))
    [delivery] = await settled(plateau, "delivered")
    [posted] = receiver.posted
    assert posted.verified(secret) == {
        "type": RUNG,
        "timestamp": event["time"],
        "data": {"subject": "b-1", "revision": 3, "n": 3},
    }
    assert posted.headers["content-type"] == "application/json"
    assert posted.id == event["id"] == delivery["event_id"]
    for spoiled in (
        posted._replace(body=posted.body + b" "),
        posted._replace(headers=posted.headers | {"webhook-id": "x"}),
    ):
        with pytest.raises(WebhookVerificationError):
            spoiled.verified(secret)
    shown = await plateau.shown(f"{LOG}/{delivery['id']}")
    assert shown["body"] == orjson.loads(posted.body)
    [attempt] = shown["attempts_made"]
    assert (attempt["number"], attempt["outcome"], attempt["status"]) == (1, "delivered", 204)


async def test_an_alert_goes_to_the_endpoints_that_its_rule_names_whatever_types_they_take(plateau, receiver):
    named, other = [(await plateau.endpoint(receiver))[0].rpartition("/")[2] for _ in range(2)]
    assert "plateau.calls.alert_raised" in await plateau.types()
    raised = rung(kind="plateau.calls.alert_raised")
    gone = str(uuid4())
    await plateau.happens(
        raised | {"data": {"webhooks": [named, gone]}}, rung(kind=OPENED) | {"data": {"webhooks": [other]}}
    )
    [delivery] = await settled(plateau, "delivered")
    assert (delivery["endpoint_id"], delivery["event_id"]) == (named, raised["id"])


async def test_after_a_rotation_both_secrets_verify_for_a_day(plateau, receiver):
    path, old = await plateau.endpoint(receiver)
    new = (await plateau.http.post(f"{path}/rotate")).json()["secret"]
    shown = (await plateau.shown(path))["secrets"]
    assert [each["expires_at"] is None for each in shown] == [True, False]
    ends = datetime.fromisoformat(shown[1]["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=23, minutes=59) < ends <= timedelta(hours=24)
    await plateau.happens(rung())
    await settled(plateau, "delivered")
    for secret in (old, new):
        receiver.posted[0].verified(secret)
    await plateau.change("UPDATE webhook_secrets SET expires_at = now() WHERE expires_at IS NOT NULL")
    await plateau.happens(rung())
    await settled(plateau, "delivered", 2)
    receiver.posted[1].verified(new)
    with pytest.raises(WebhookVerificationError):
        receiver.posted[1].verified(old)


async def test_what_failed_comes_again_with_the_same_id_and_its_attempts_are_on_record(plateau, receiver):
    await plateau.endpoint(receiver)
    receiver.answer = lambda _: Reply(500, {}, b"out of paper" * 10_000)
    await plateau.happens(rung())
    [failed] = await until(lambda: plateau.deliveries(status="due"))
    await until(lambda: receiver.posted)
    receiver.answer = lambda _: Reply()
    await until(lambda: attempted(plateau, failed["id"], 1))
    await plateau.change("UPDATE deliveries SET due_at = now()")
    await settled(plateau, "delivered")
    assert len(set(receiver.ids)) == 1
    one, two = (await plateau.shown(f"{LOG}/{failed['id']}"))["attempts_made"]
    assert (one["outcome"], one["status"], one["reason"]) == ("retry", 500, "HTTP 500")
    assert one["excerpt"] == ("out of paper" * 50)[:500]
    assert two["outcome"] == "delivered"


async def test_redirects_are_not_followed(plateau, receiver):
    with receiving() as elsewhere:
        receiver.answer = lambda _: Reply(307, {"Location": elsewhere.url})
        await plateau.endpoint(receiver)
        await plateau.happens(rung())
        [delivery] = await until(lambda: plateau.deliveries(status="due"))
        await until(lambda: attempted(plateau, delivery["id"], 1))
        assert elsewhere.posted == []
    [attempt] = (await plateau.shown(f"{LOG}/{delivery['id']}"))["attempts_made"]
    assert (attempt["status"], attempt["reason"]) == (307, "HTTP 307: redirects are not followed")


async def test_a_receiver_that_does_not_answer_in_time_is_cut_off(plateau, receiver):
    answered = threading.Event()

    def wait(_posted):
        answered.wait(10)
        return Reply()

    receiver.answer = wait
    await plateau.endpoint(receiver)
    await plateau.happens(rung())
    [delivery] = await until(lambda: plateau.deliveries(status="due"))
    await until(lambda: attempted(plateau, delivery["id"], 1))
    answered.set()
    [attempt] = (await plateau.shown(f"{LOG}/{delivery['id']}"))["attempts_made"]
    assert attempt["outcome"] == "retry"
    assert 0.9 < attempt["seconds"] < 3


async def test_410_disables_an_endpoint_until_it_is_resumed_and_tells_the_others(plateau, receiver):
    with receiving() as watcher:
        path, _ = await plateau.endpoint(receiver)
        await plateau.endpoint(watcher, DISABLED, FAILING)
        receiver.answer = lambda _: Reply(410)
        await plateau.happens(rung())
        await until(lambda: watcher.posted)
        told = orjson.loads(watcher.posted[0].body)
        assert (told["type"], told["data"]["endpoint_id"]) == (DISABLED, path.rpartition("/")[2])
    shown = await plateau.shown(path)
    assert (shown["status"], shown["reason"]) == ("disabled", "it answered 410 Gone")
    assert "replay" not in shown["allowed_actions"]
    await plateau.happens(rung())
    assert len(await plateau.deliveries(endpoint=path.rpartition("/")[2])) == 1
    for action in ("pause", "replay"):
        body = {"from": "2026-11-21T00:00:00Z", "to": "2026-11-22T00:00:00Z"}
        answer = await plateau.http.post(f"{path}/{action}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "webhooks.endpoint.disabled")
    receiver.answer = lambda _: Reply()
    assert (await plateau.http.post(f"{path}/resume")).status_code == 200
    await plateau.happens(rung())
    await until(lambda: len(receiver.posted) == 2)


async def test_an_endpoint_that_fails_is_warned_of_after_a_day_and_disabled_after_five(plateau, receiver):
    plateau.channel.delays = (0.0, 86_400.0)  # so that nothing but what happens here is tried, however long it takes
    receiver.answer = lambda _: Reply(500)
    path, _ = await plateau.endpoint(receiver)
    with receiving() as watcher:
        await plateau.endpoint(watcher, DISABLED, FAILING)
        for number, (days, kinds) in enumerate([(0, []), (2, [FAILING]), (3, [FAILING]), (6, [FAILING, DISABLED])], 1):
            since = "UPDATE delivery_targets SET failing_since = now() - make_interval(days => %s) WHERE failures > 0"
            await plateau.change(since, days)
            event = rung()
            await plateau.happens(event)
            # On record, and not only posted: what comes of an attempt is noted after its answer.
            delivery = next(each for each in await plateau.deliveries(type=RUNG) if each["event_id"] == event["id"])
            await until(lambda delivery=delivery["id"]: attempted(plateau, delivery, 1))
            await until(lambda kinds=kinds: [orjson.loads(each.body)["type"] for each in watcher.posted] == kinds)
            shown = await plateau.shown(path)
            assert shown["status"] == ("live" if number < 4 else "disabled")
            assert (shown["failing_since"] is not None) == (number < 4)
    assert len(receiver.posted) == 4
    assert "every delivery has failed since" in shown["reason"]
    assert {each["status"] for each in await plateau.deliveries(type=RUNG)} == {"dead"}


async def test_who_fails_again_after_it_was_well_is_warned_of_again(plateau, receiver):
    plateau.channel.delays = (0.0, 86_400.0)
    await plateau.endpoint(receiver)
    with receiving() as watcher:
        await plateau.endpoint(watcher, FAILING)
        for number, answer in enumerate((500, 500, 204, 500, 500), 1):
            receiver.answer = lambda _, status=answer: Reply(status)
            since = "UPDATE delivery_targets SET failing_since = now() - interval '2 days' WHERE failures > 0"
            await plateau.change(since)
            await plateau.change("UPDATE webhook_endpoints SET warned_at = warned_at - interval '9 days'")
            event = rung()
            await plateau.happens(event)
            delivery = next(each for each in await plateau.deliveries(type=RUNG) if each["event_id"] == event["id"])
            await until(lambda delivery=delivery["id"]: attempted(plateau, delivery, 1))
            await until(lambda count=(0, 1, 1, 1, 2)[number - 1]: len(watcher.posted) == count)


async def test_an_endpoint_that_has_moved_is_not_left_in_peace_for_what_it_said_where_it_was(plateau, receiver):
    path, _ = await plateau.endpoint(receiver)
    receiver.answer = lambda _: Reply(429, {"Retry-After": "80000"})
    await plateau.happens(rung())
    await until(lambda: receiver.posted)
    await until(lambda: _failing(plateau, path))
    with receiving() as other:
        order = {"url": other.url, "types": [RUNG]}
        assert (await plateau.http.put(path, json=order, headers={"If-Match": '"1"'})).status_code == 200
        assert not await _failing(plateau, path)
        event = rung()
        await plateau.happens(event)
        await until(lambda: other.ids == [event["id"]])


async def _failing(plateau, path):
    return (await plateau.shown(path))["failing_since"] is not None


async def test_a_paused_endpoint_gets_what_happened_meanwhile_once_it_is_resumed(plateau, receiver):
    path, _ = await plateau.endpoint(receiver)
    for _ in range(2):
        assert (await plateau.http.post(f"{path}/pause")).json()["version"] == 2
    await plateau.happens(rung())
    tested = await plateau.http.post(f"{path}/test")
    assert [orjson.loads(posted.body)["type"] for posted in receiver.posted] == [PING]
    assert (tested.status_code, tested.json()["status"]) == (200, "delivered")
    await plateau.http.post(f"{path}/resume")
    await until(lambda: len(receiver.posted) == 2)


async def test_a_test_tells_what_went_wrong_and_is_not_repeated(plateau, receiver):
    path, _ = await plateau.endpoint(receiver)
    receiver.answer = lambda _: Reply(404, {}, b"no such page")
    tested = (await plateau.http.post(f"{path}/test")).json()
    assert tested["status"] == "dead"
    assert tested["attempts_made"][0]["excerpt"] == "no such page"
    assert (await plateau.shown(path))["failing_since"] is None


async def test_a_delivery_is_replayed_with_its_id_and_listed_by_filters(plateau, receiver):
    await plateau.endpoint(receiver, RUNG, OPENED)
    await plateau.happens(rung(), rung(kind=OPENED))
    both = await settled(plateau, "delivered", 2)
    [opened] = await plateau.deliveries(type=OPENED)
    assert both[0] == opened
    assert await plateau.deliveries(status="dead") == []
    assert await plateau.deliveries(endpoint=str(uuid4())) == []
    assert await plateau.deliveries(to="2026-01-01T00:00:00Z") == []
    first = await plateau.http.get(LOG, params={"limit": 1})
    rest = await plateau.http.get(first.links["next"]["url"])
    assert first.json()["items"] + rest.json()["items"] == both
    assert (await plateau.http.post(f"{LOG}/{opened['id']}/replay")).status_code == 200
    await until(lambda: receiver.ids.count(opened["event_id"]) == 2)
    assert (await plateau.http.post(f"{LOG}/{uuid4()}/replay")).status_code == 404


class Store:
    """The events of a service, as it answers when it is asked for them."""

    def __init__(self, *events):
        self.events = list(events)

    async def call(self, service, method, wanted):
        assert (service, method) == ("bells", "events")
        begin = len(self.events) if wanted["after"] == LATEST else int(wanted["after"].partition(".")[0])
        items = [
            {"place": f"{number}.0", "event": event}
            for number, event in enumerate(self.events[begin:], start=begin + 1)
            if event["type"] in wanted["types"]
        ]
        return {"items": items[:2], "reached": items[1]["place"] if items[2:] else f"{len(self.events)}.0"}


async def test_a_range_is_replayed_from_the_events_themselves(plateau, receiver, pool):
    days = [rung(day, at=f"2026-11-{day:02}T09:00:00Z") for day in range(1, 10)]
    store = Store(*days, rung(kind=OPENED, at="2026-11-05T09:00:00Z"))
    path, _ = await plateau.endpoint(receiver)
    await plateau.happens(days[3])
    await settled(plateau, "delivered")
    order = {"from": "2026-11-03T09:00:00Z", "to": "2026-11-07T09:00:00Z"}
    for bad, code in (
        ({**order, "to": order["from"]}, "webhooks.replay.range_empty"),
        ({**order, "types": [OPENED]}, "request.invalid"),
        ({"from": order["from"]}, "request.invalid"),
    ):
        answer = await plateau.http.post(f"{path}/replay", json=bad)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    ordered = await plateau.http.post(f"{path}/replay", json=order)
    assert ordered.status_code == 202
    backfills = Backfills(store, pool, [BELLS])
    while await backfills.step():
        pass
    await until(lambda: len(receiver.posted) == 5)
    assert sorted(receiver.ids) == sorted([days[3]["id"], *(day["id"] for day in days[2:6])])
    [replay] = (await plateau.shown(path))["replays"]
    assert (replay["id"], replay["status"], replay["found"]) == (ordered.json()["id"], "done", 4)
