"""What telephone systems post, through the fold: the calls that it tells, in any order and with any repetition."""

import random
from datetime import datetime
from itertools import groupby
from urllib.parse import urlencode

import orjson

from gateway.adapters import ADAPTERS
from gateway.sources import Source
from services.calls.api import canonical
from services.calls.domain.facts import event_id, stream_id
from services.calls.domain.fold import Fact, fold
from services.calls.projections.stories import microseconds

BY_NAME = {adapter.name: adapter for adapter in ADAPTERS}
SOURCE = Source("cloud", default_region="FR", activities={"Coffee": "paused"}, disposition_attribute="outcome")
T = 1767607190  # 2026-01-05T09:59:50Z


def said(feed, *documents, source=SOURCE):
    """The facts of documents that one feed posts."""
    body = b"\n".join(each if isinstance(each, bytes) else orjson.dumps(each) for each in documents)
    items = list(BY_NAME[feed].items(body, source, {}))
    assert [item.fault for item in items if item.fault] == []
    return [canonical(fact) for item in items for fact in item.facts]


def form(**fields):
    return urlencode(fields).encode()


def calls(facts):
    """The calls that facts tell, by id; the same in any order, with repetition."""
    told = {}
    by_call = sorted((fact for fact in facts if "call_id" in fact), key=lambda fact: fact["call_id"])
    for call_id, group in groupby(by_call, key=lambda fact: fact["call_id"]):
        stream = stream_id("cloud", "call", call_id)
        known = [
            Fact.of(event_id(stream, fact["id"]), fact, microseconds(datetime.fromisoformat(fact["occurred_at"])))
            for fact in group
        ]
        told[call_id] = fold(known)
        for seed in range(5):
            shuffled = random.Random(seed).sample(known + known, 2 * len(known))
            assert fold(shuffled) == told[call_id]
    return told


def visits(call):
    return [(v.queue, v.outcome, v.reason, v.wait_ms / 1000 if v.wait_ms is not None else None) for v in call.visits]


def legs(call):
    return [(leg.agent, leg.talk_ms / 1000, leg.hold_ms / 1000, leg.wrapup_ms / 1000) for leg in call.legs]
