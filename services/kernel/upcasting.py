"""Old shapes of stored events become the newest at read: pure functions on dicts, chained v1 → v2 → …"""

from collections.abc import Callable, Mapping
from typing import Any

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


def latest(
    upcasters: Mapping[tuple[str, int], Upcaster], event_type: str, schema_version: int, data: dict[str, Any]
) -> dict[str, Any]:
    """The data of an event in its newest shape; `upcasters` maps (type, version) to the step to the next version."""
    while step := upcasters.get((event_type, schema_version)):
        data, schema_version = step(data), schema_version + 1
    return data
