"""How often Python looks for reference cycles, in processes that make many small objects and keep few."""

import gc

ALLOCATIONS = 50_000  # instead of 700: facts and rows hold no cycles, so that looking more often finds nothing


def settle(allocations: int = ALLOCATIONS) -> None:
    """Leaves alone what start-up has made, and looks less often at what comes; call it once all is imported."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(allocations, 10, 10)
