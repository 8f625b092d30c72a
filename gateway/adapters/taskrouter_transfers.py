"""What TaskRouter's events say of the transfer of a task: COLD or WARM, to a WORKER or a QUEUE (ADR 0044).

A cold transfer takes the agent off the call when it begins, and counts unless it fails or is called off. Of a warm one
is told when the other agent comes; the first one goes on until their reservation ends, which does not say why.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.adapters.reading import Fact, since_1970

Event = Mapping[str, Any]

BEGUN, UNDONE = "1", "2"


def is_cold(event: Event) -> bool:
    """Whether the agent leaves the call as soon as the transfer begins."""
    return event.get("transfer_mode") == "COLD"


def is_to_queue(event: Event) -> bool:
    """Whether a task waits because it was transferred to a queue."""
    return event.get("transfer_type") == "QUEUE"


def is_direct(event: Event) -> bool:
    """Whether a reservation is that of a transfer to one agent: whatever queue it names, nobody waited in it."""
    return event.get("transfer_type") == "WORKER"


def of_transfer(fact: Fact, event: Event, version: str) -> Fact:
    """The fact as what is told of this transfer: if it is undone, its beginning no longer counts."""
    transfer = event.get("task_transfer_sid") or event.get("transfer_initiating_reservation_sid")
    return fact | {"record": f"transfer {transfer}", "record_version": version} if fact and transfer else fact


def waited(event: Event, at: str) -> dict[str, float]:
    """How long until `at` the task waited in the queue to which it was transferred, if it is said since when."""
    began = str(event.get("transfer_started") or "")
    if began.isdigit():
        began = since_1970(began, 1000 if len(began) > 10 else 1) or ""
    try:
        return {"wait_seconds": (datetime.fromisoformat(at) - datetime.fromisoformat(began)).total_seconds()}
    except (ValueError, TypeError):  # no instant, or one without an offset
        return {}
