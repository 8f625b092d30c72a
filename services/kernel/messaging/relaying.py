"""Runs the relay of a small service in its Nameko process."""

import os
import threading
from typing import Any

from nameko.extensions import DependencyProvider

from services.kernel.declarations import Api
from services.kernel.relay import Relay


class Relaying(DependencyProvider):  # type: ignore[misc]  # nameko has no types
    """Publishes what `api` declares, from the database that a setting names, as long as the service runs."""

    def __init__(self, api: Api, setting: str) -> None:
        self._api, self._setting = api, setting
        self._told_to_stop = threading.Event()
        self._greenlet: Any = None

    def start(self) -> None:
        """Begin to relay."""
        relay = Relay(self._api, os.environ[self._setting], self.container.config["AMQP_URI"], self._told_to_stop)
        self._greenlet = self.container.spawn_managed_thread(relay.run, identifier="relay")

    def stop(self) -> None:
        """Relay no more."""
        self._told_to_stop.set()
        if self._greenlet is not None:
            self._greenlet.wait()
