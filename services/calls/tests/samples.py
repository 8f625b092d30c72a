"""Samples of facts as a sender sends them, and what is said of bad ones."""

from services.calls.domain.facts import canonical
from services.calls.domain.vocabulary import VOCABULARY, needs

ANSWERED = {
    "id": "pbx1-1717397259.239826-3",
    "source": "pbx1",
    "type": "call.answered",
    "call_id": "1717397243.239826",
    "occurred_at": "2026-11-21T09:14:03.120Z",
    "sequence": 3,
    "queue": "sales-fr",
    "agent": "a-1042",
    "direction": "inbound",
    "from": "+33199000001",
    "to": "+33199000100",
    "channel": "voice",
    "campaign": None,
    "record": None,
    "data": {"wait_seconds": 12, "ring_seconds": None},
}
EXAMPLES = {
    "queue": "sales-fr",
    "agent": "a-1042",
    "call_id": "c1",
    "data.reason": "timeout",
    "data.code": "order",
    "data.location": "recordings/1",
    "data.state": "busy",
}


def item(**fields):
    return {**ANSWERED, **fields}


def of_type(kind, **data):
    """The least that a fact of this type is."""
    wanted = [*needs(kind), *VOCABULARY[kind].either[:1]]
    least = {name: ANSWERED[name] for name in ("id", "source", "occurred_at")} | {"type": kind}
    least |= {name: EXAMPLES[name] for name in wanted if name in EXAMPLES and "." not in name}
    within = {name[5:]: EXAMPLES[name] for name in wanted if name.startswith("data.")}
    return least | ({"data": within | data} if within or data else {})


def faults(sent):
    found = canonical(sent)
    assert isinstance(found, list), found
    return [(fault.pointer, fault.code) for fault in found]
