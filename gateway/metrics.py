"""What Prometheus reads at `/metrics`."""

import math
from collections.abc import Mapping
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

REQUESTS = Counter("plateau_http_requests", "Requests answered.", ["route", "status"])
SECONDS = Histogram(
    "plateau_http_request_seconds",
    "Time from the first byte of a request to the end of its answer.",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
ACCEPTED = Counter("plateau_ingest_accepted_items", "Items that were acknowledged.", ["route"])
REJECTED = Counter("plateau_ingest_rejected_items", "Items that were rejected, by code.", ["route", "code"])
WITHOUT_FACT = Counter("plateau_adapter_items_without_fact", "Log lines accepted that say nothing to keep.", ["route"])
PROOFS_REFUSED = Counter("plateau_source_proofs_refused", "Posts whose proof of a source's secret is wrong.", ["route"])
MESSAGES = Counter("plateau_ingest_messages", "Messages sent to ingest queues, by outcome.", ["outcome"])
MESSAGE_FACTS = Histogram(
    "plateau_ingest_message_facts", "Facts in a message.", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500)
)
BACKLOG = Gauge("plateau_ingest_backlog_facts", "Facts acknowledged and not yet stored.")
LISTENERS = Gauge("plateau_live_listeners", "Callers who follow the floor at /v1/live/stream.")
PROJECTION_LAG = Gauge("plateau_projection_lag_events", "Events that a projection has not read yet.", ["projection"])
RELAY_LAG = Gauge("plateau_relay_lag_events", "Public events that the bus has not confirmed yet.", ["service"])
HELD_BACK = Gauge(
    "plateau_readers_held_back_seconds",
    "How long the write transaction has been open that all readers of events wait for.",
    ["application", "database", "pid"],
)

# A child is looked up by its labels under a lock; the few that exist are kept here.
_requests: dict[tuple[str, int], Counter] = {}
_seconds: dict[str, Histogram] = {}
_accepted: dict[str, Counter] = {}


def observe(route: str, status: int, seconds: float) -> None:
    """Counts one answered request."""
    requests = _requests.get((route, status))
    if requests is None:
        requests = _requests[route, status] = REQUESTS.labels(route, str(status))
    timing = _seconds.get(route)
    if timing is None:
        timing = _seconds[route] = SECONDS.labels(route)
    requests.inc()
    timing.observe(seconds)


def accepted(route: str, items: int) -> None:
    """Counts acknowledged items."""
    counter = _accepted.get(route)
    if counter is None:
        counter = _accepted[route] = ACCEPTED.labels(route)
    counter.inc(items)


def show_lags(
    backlog: int | None,
    projections: Mapping[str, int],
    relays: Mapping[str, int],
    held_back_by: Mapping[str, Any] | None,
) -> None:
    """Sets the gauges; a backlog that is not known now is not a number, other unknown ones are absent."""
    BACKLOG.set(math.nan if backlog is None else backlog)
    for gauge, lags in ((PROJECTION_LAG, projections), (RELAY_LAG, relays)):
        gauge.clear()
        for name, lag in lags.items():
            gauge.labels(name).set(lag)
    HELD_BACK.clear()
    if held_back_by is not None:
        who = (held_back_by["application"], held_back_by["database"], str(held_back_by["pid"]))
        HELD_BACK.labels(*who).set(held_back_by["seconds"])


def exposition() -> tuple[bytes, bytes]:
    """All metrics as text, and the text's media type."""
    return generate_latest(), CONTENT_TYPE_LATEST.encode()
