"""The end of the process, for those who hold a connection open: they look whether it has begun, and let go."""


class Ending:
    """Begins when the process is told to end; requests under way may be finished."""

    def __init__(self) -> None:
        self.begun = False

    def begin(self) -> None:
        """From now on nothing more is begun. A signal handler may call it."""
        self.begun = True
