"""The RPC methods of every service."""

from typing import Any

from services.kernel.messaging.rpc import rpc


class Answering:
    """Commands, questions and how far the read models are, over `dispatch`, the Dispatcher of the service."""

    dispatch: Any

    @rpc
    def execute(self, **message: Any) -> dict[str, Any]:
        """Carries a command out."""
        return self.dispatch.execute(message)  # type: ignore[no-any-return]

    @rpc
    def query(self, **message: Any) -> dict[str, Any]:
        """Answers a question."""
        return self.dispatch.query(message)  # type: ignore[no-any-return]

    @rpc
    def progress(self) -> dict[str, Any]:
        """How far the read models are behind the events."""
        return self.dispatch.progress()  # type: ignore[no-any-return]
