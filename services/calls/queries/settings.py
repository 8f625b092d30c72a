"""Queues and sources as they are configured."""

from services.calls.queries.calls import Name
from services.kernel.decider import values


@values
class QueueOf:
    """Show how a queue is counted, and the service level policy last adopted (the default where none is)."""

    queue: Name


@values
class SourceOf:
    """Show how the facts of a source are read."""

    source: Name
