"""The RPC methods of every service."""

from typing import Any

from services.kernel.messaging.rpc import rpc


class Answering:
    """Commands, questions, public events and how far all is, over `dispatch`, the Dispatcher of the service."""

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
    def events(self, **wanted: Any) -> dict[str, Any]:
        """Public events, from a place on."""
        return self.dispatch.events(**wanted)  # type: ignore[no-any-return]

    @rpc
    def progress(self) -> dict[str, Any]:
        """How far all that follows the events is behind them."""
        return self.dispatch.progress()  # type: ignore[no-any-return]
