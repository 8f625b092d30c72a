"""Runs what a small service does behind the answers in its Nameko process."""

import os
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

from nameko.extensions import DependencyProvider

from services.kernel import background
from services.kernel.background import Scheduled
from services.kernel.declarations import Api
from services.kernel.projections import Projection
from services.kernel.relay import Relay


class Background(DependencyProvider):  # type: ignore[misc]  # nameko has no types
    """Follows with `read_models`, acts by `schedule` and publishes what `api` declares, if it does, as long as it runs.

    `setting` names the address of its database.
    """

    def __init__(
        self, api: Api, setting: str, read_models: Sequence[Projection] = (), schedule: Sequence[Scheduled] = ()
    ) -> None:
        self._api, self._setting, self._read_models, self._schedule = api, setting, read_models, schedule
        self._stop = threading.Event()
        self._greenlets: list[Any] = []

    def start(self) -> None:
        """Begin with all of it; where a part fails for good, the service ends."""
        dsn = os.environ[self._setting]
        relay = partial(Relay, self._api, dsn, self.container.config["AMQP_URI"]) if self._api.publications else None
        named = background.loops(dsn, self._read_models, self._schedule, relay, self._stop)
        self._greenlets = [self.container.spawn_managed_thread(loop, identifier=name) for name, loop in named.items()]

    def stop(self) -> None:
        """End all of it."""
        self._stop.set()
        for greenlet in self._greenlets:
            greenlet.wait()
