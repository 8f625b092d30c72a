"""Serves the gateway over HTTP."""

import os
import sys
from contextlib import suppress
from types import FrameType

import uvicorn

from gateway.app import create_app
from gateway.ending import Ending
from gateway.settings import SettingsError, from_environment
from services.kernel.garbage import settle
from services.kernel.logs import configure

FAILED = 3  # as uvicorn's own command says that it could not start
GRACE = 10  # seconds; what is not answered by then after a SIGTERM is cut off


class Server(uvicorn.Server):
    """Tells those who hold connections open that the process is to end; others know of it when they are done."""

    def __init__(self, config: uvicorn.Config, ending: Ending) -> None:
        super().__init__(config)
        self._ending = ending

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """As uvicorn does."""
        self._ending.begin()
        super().handle_exit(sig, frame)


def run() -> None:
    """Serves until SIGTERM or SIGINT; requests under way are answered first."""
    try:
        settings = from_environment(os.environ)
    except SettingsError as error:
        sys.exit(str(error))
    configure(settings.log_level)
    ending = Ending()
    app = create_app(settings, ending)
    settle()
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    server = Server(config, ending)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(FAILED)
