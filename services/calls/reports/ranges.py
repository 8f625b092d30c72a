"""How long a range a report takes."""

from datetime import datetime, timedelta

from services.kernel.decider import Rejected

MOST_DAYS = 400


def too_long(begin: datetime, end: datetime) -> Rejected | None:
    """Why a range cannot be reported on, if so."""
    if end <= begin:
        return Rejected("calls.report.range_empty", "Give a `to` that is later than `from`.", 422, "/to")
    if end - begin > timedelta(days=MOST_DAYS):
        return Rejected("calls.report.range_too_long", f"Ask for at most {MOST_DAYS} days.", 422, "/to")
    return None
