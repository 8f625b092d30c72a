"""Serves the gateway over HTTP."""

import os
import sys

import uvicorn

from gateway.app import create_app
from gateway.settings import SettingsError, from_environment
from services.kernel.garbage import settle
from services.kernel.logs import configure

GRACE = 10  # seconds; what is not answered by then after a SIGTERM is cut off


def run() -> None:
    """Serves until SIGTERM or SIGINT; requests under way are answered first."""
    try:
        settings = from_environment(os.environ)
    except SettingsError as error:
        sys.exit(str(error))
    configure(settings.log_level)
    app = create_app(settings)
    settle()
    uvicorn.run(
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
