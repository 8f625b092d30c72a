"""Places in the order of events as the opaque texts that callers keep."""

import base64

from services.kernel.store import Position


def as_text(position: Position) -> str:
    """A position as the opaque text that callers keep."""
    return base64.urlsafe_b64encode(b"%d.%d" % position).decode().rstrip("=")


def from_text(position: str) -> Position:
    """The position that such a text stands for; raises ValueError where it is not one of ours."""
    transaction_id, number = base64.urlsafe_b64decode(position + "=" * (-len(position) % 4)).split(b".")
    return Position(int(transaction_id), int(number))
