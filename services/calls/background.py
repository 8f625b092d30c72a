"""The process that keeps the read models of calls up to date, acts on what they show, and relays public events."""

import os
from functools import partial

from services.calls.alert_policies import watch_alerts
from services.calls.api import api
from services.calls.closing import tell_of_intervals
from services.calls.policies import close_stale, tell_of_completed
from services.calls.projections import read_models
from services.calls.quota_policies import assess_quotas
from services.calls.report_policies import tell_of_due_reports
from services.kernel import background
from services.kernel.background import Scheduled
from services.kernel.relay import Relay

SCHEDULE = (
    Scheduled("assess quotas", 60.0, assess_quotas),
    Scheduled("watch alerts", 5.0, watch_alerts),
    Scheduled("tell of due reports", 20.0, tell_of_due_reports),
    Scheduled("close stale calls", 60.0, close_stale),
    # Not at once: of what ends within moments others are mostly told together. Nor in large portions, which would hold
    # up the read models that are followed in the same process.
    Scheduled("tell of completed calls", 0.25, tell_of_completed),
    Scheduled("tell of closed intervals", 2.0, tell_of_intervals),
)


def run() -> None:
    """Runs until SIGTERM or SIGINT."""
    dsn = os.environ["PLATEAU_CALLS_DATABASE_URL"]
    relay = partial(Relay, api, dsn, os.environ["PLATEAU_AMQP_URL"])
    background.run(dsn, read_models(), SCHEDULE, relay)
