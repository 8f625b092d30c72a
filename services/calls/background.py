"""The process that keeps the read models of calls up to date, and closes the calls whose end never came."""

import os

from services.calls.policies import close_stale
from services.calls.projections import read_models
from services.kernel import background
from services.kernel.background import Scheduled


def run() -> None:
    """Runs until SIGTERM or SIGINT."""
    schedule = [Scheduled("close stale calls", 60.0, close_stale)]
    background.run(os.environ["PLATEAU_CALLS_DATABASE_URL"], read_models(), schedule)
