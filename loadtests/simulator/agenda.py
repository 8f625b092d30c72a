"""The clock of a simulation: what is due when, and nothing of the real time."""

import heapq
import itertools
from collections.abc import Callable, Iterator


class Agenda:
    """Runs actions in the order of their instants (integer milliseconds since the epoch); equal instants in the order
    in which they were entered, so that a run can be repeated exactly.
    """

    def __init__(self, now: int) -> None:
        self.now = now
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._entry = itertools.count()

    def at(self, instant: int, action: Callable[[], None]) -> None:
        """Have `action` run at `instant`, or at once if that has passed."""
        heapq.heappush(self._due, (max(instant, self.now), next(self._entry), action))

    def start(self, process: Iterator[int]) -> None:
        """Run a process written as a generator: it yields how many milliseconds it lets pass before it goes on."""

        def resume() -> None:
            delay = next(process, None)
            if delay is not None:
                self.at(self.now + delay, resume)

        resume()

    def run(self) -> None:
        """Run until nothing is due any more."""
        while self._due:
            self.now, _, action = heapq.heappop(self._due)
            action()
