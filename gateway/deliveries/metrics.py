"""What Prometheus reads of the deliveries."""

from collections.abc import Iterable, Mapping

from prometheus_client import Counter, Gauge, Histogram

from gateway.deliveries.queue import Backlog

ATTEMPTS = Counter("plateau_delivery_attempts", "Attempts to deliver, by what came of them.", ["channel", "outcome"])
FINISHED = Counter("plateau_deliveries_finished", "Deliveries that are delivered or dead.", ["channel", "status"])
SECONDS = Histogram(
    "plateau_delivery_attempt_seconds",
    "Time that an attempt took.",
    ["channel"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0),
)
DUE = Gauge("plateau_deliveries_due", "Deliveries that are due now.", ["channel"])
OLDEST = Gauge("plateau_deliveries_oldest_due_seconds", "For how long the oldest of them has been due.", ["channel"])


def show_backlog(channels: Iterable[str], backlog: Mapping[str, Backlog]) -> None:
    """Sets the gauges."""
    for channel in channels:
        due, oldest = backlog.get(channel, Backlog(0, 0.0))
        DUE.labels(channel).set(due)
        OLDEST.labels(channel).set(oldest)
