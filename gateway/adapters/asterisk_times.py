"""Times of Asterisk's that are written without an offset, in the zone of the source."""

import re
from datetime import UTC, datetime, timedelta

from gateway.sources import Source

# A channel's id, and so that of its call, begins with when it was created; a systemname may stand before that.
_CREATED = re.compile(r"(?:.*-)?(\d{10})\.\d+")
_MARGIN = timedelta(minutes=1)


def created(unique_id: str) -> datetime | None:
    """When the channel of this id was created, as its id says, less a margin."""
    named = _CREATED.fullmatch(unique_id)
    return datetime.fromtimestamp(int(named[1]), UTC) - _MARGIN if named else None


def instant(text: str, source: Source, not_before: datetime | None) -> datetime:
    """The instant of a text in ISO 8601, in UTC.

    Once a year an hour of local time comes twice: then it is the first such time that is not before what it follows.

    Raises:
        ValueError: there is no such time.
        OverflowError: likewise, so far from now.
    """
    written = datetime.fromisoformat(text)
    if written.tzinfo is not None:
        return written.astimezone(UTC)
    first, second = (written.replace(tzinfo=source.timezone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return second if not_before is not None and first < not_before < second else first
