"""Gives a service class what it works with: something made on a pool of database connections and the keys."""

import os
from collections.abc import Callable
from typing import Any

from nameko.extensions import DependencyProvider

from services.kernel import traces
from services.kernel.database import Pool, open_pool
from services.kernel.privacy import MasterKey


class OnDatabase(DependencyProvider):  # type: ignore[misc]  # nameko has no types
    """What `make(pool, master_key)` makes, over the database that a setting names and with PLATEAU_MASTER_KEY.

    What a worker appends and logs belongs to the trace of the call that it answers.
    """

    def __init__(self, setting: str, make: Callable[[Pool, MasterKey], Any]) -> None:
        self._setting, self._make = setting, make

    def setup(self) -> None:
        """Open the pool, which connects by itself and again whenever the database comes back."""
        service = self.container.service_name
        self._pool = open_pool(os.environ[self._setting], service, size=self.container.max_workers)
        self._made = self._make(self._pool, MasterKey.from_text(os.environ["PLATEAU_MASTER_KEY"]))

    def stop(self) -> None:
        """Close the pool."""
        self._pool.close()

    def get_dependency(self, worker_ctx: Any) -> Any:  # noqa: ARG002 - the same for every worker
        """What the service class finds under the attribute."""
        return self._made

    def worker_setup(self, worker_ctx: Any) -> None:
        """Take up the trace of the call, as it came in the header `nameko.traceparent`."""
        traces.take_up(traces.parsed(worker_ctx.data.get(traces.TRACEPARENT)))
