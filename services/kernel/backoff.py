"""Pauses between repetitions of something that failed for a reason that passes."""

import random
from collections.abc import Iterator


def pauses(first: float = 0.1, longest: float = 5.0) -> Iterator[float]:
    """Seconds to wait before each next try, for ever: doubling from `first` to `longest`, each shortened at random.

    The randomness (down to half) keeps processes that lost the same server from coming back in step.
    """
    pause = first
    while True:
        yield pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing
        pause = min(pause * 2, longest)
