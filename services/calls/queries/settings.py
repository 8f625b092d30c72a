"""Queues and sources as they are configured."""

from services.calls.domain.sources import SourceSettings
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


@values
class SourceToReadOf:
    """Give all that is needed to read a source's feed; asked by the gateway alone."""

    source: Name


@values
class SourceToRead(SourceSettings):
    """A source's settings, and the secret that proves who posts as it (null: keys alone admit)."""

    secret: str | None = None


@values
class SourcesWithProofOf:
    """Name the sources that a secret guards; asked by the gateway alone."""


@values
class SourcesWithProof:
    """The names of the sources as which nobody may post without their secret, or a key that names them."""

    sources: tuple[str, ...]
