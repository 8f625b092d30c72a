"""Serves the gateway over HTTP."""

import os
import sys

import uvicorn

from gateway.app import create_app
from gateway.settings import SettingsError, from_environment

GRACE = 10  # seconds; what is not answered by then after a SIGTERM is cut off


def run() -> None:
    """Serves until SIGTERM or SIGINT; requests under way are answered first."""
    try:
        settings = from_environment(os.environ)
    except SettingsError as error:
        sys.exit(str(error))
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_level=settings.log_level,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=GRACE,
    )
