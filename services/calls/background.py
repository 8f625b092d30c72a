"""The process that keeps the read models of calls up to date, acts on what they show, and relays public events."""

import os
from functools import partial

from services.calls.api import api
from services.calls.policies import close_stale, tell_of_completed
from services.calls.projections import read_models
from services.kernel import background
from services.kernel.background import Scheduled
from services.kernel.relay import Relay

SCHEDULE = (
    Scheduled("close stale calls", 60.0, close_stale),
    # Not at once: of a call and its wrap-up, which end within moments, others are mostly told together.
    Scheduled("tell of completed calls", 1.0, tell_of_completed),
)


def run() -> None:
    """Runs until SIGTERM or SIGINT."""
    dsn = os.environ["PLATEAU_CALLS_DATABASE_URL"]
    relay = partial(Relay, api, dsn, os.environ["PLATEAU_AMQP_URL"])
    background.run(dsn, read_models(), SCHEDULE, relay)
