"""The read models of the budget service."""

from services.kernel.projections import Projection


def read_models() -> list[Projection]:
    """Every read model, each with a memory of its own."""
    return []
