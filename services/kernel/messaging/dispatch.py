"""Gives a service class the dispatcher of its use cases, with the connections behind it."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from nameko.extensions import DependencyProvider

from services.kernel.database import open_pool
from services.kernel.declarations import Api
from services.kernel.privacy import Keyring, MasterKey
from services.kernel.projections import Projection
from services.kernel.service import Dispatcher
from services.kernel.upcasting import Upcaster


class Dispatch(DependencyProvider):  # type: ignore[misc]  # nameko has no types
    """A `Dispatcher` over the database of PLATEAU_<API NAME>_DATABASE_URL and the keys under PLATEAU_MASTER_KEY."""

    def __init__(
        self,
        api: Api,
        read_models: Sequence[Projection],
        upcasters: Mapping[tuple[str, int], Upcaster] | None = None,
    ) -> None:
        self._api, self._read_models, self._upcasters = api, read_models, upcasters

    def setup(self) -> None:
        """Open the pool, which connects by itself and again whenever the database comes back."""
        url = os.environ[f"PLATEAU_{self._api.name.upper()}_DATABASE_URL"]
        self._pool = open_pool(url, f"{self.container.service_name} rpc", size=self.container.max_workers)
        keyring = Keyring(MasterKey.from_text(os.environ["PLATEAU_MASTER_KEY"]))
        self._dispatcher = Dispatcher(self._api, self._read_models, self._pool, keyring, self._upcasters)

    def stop(self) -> None:
        """Close the pool."""
        self._pool.close()

    def get_dependency(self, worker_ctx: Any) -> Dispatcher:  # noqa: ARG002 - the same for every worker
        """What the service class finds under the attribute."""
        return self._dispatcher
