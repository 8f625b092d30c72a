"""Runs Nameko services in this process. (Nameko's own command line needs pkg_resources, which setuptools dropped.)"""

# ruff: noqa: PLC0415 - whatever is to be cooperative is imported after the patch

import os
import sys

WAIT_FUNCTION = "wait_select"  # eventlet's select: `wait_selector` builds and drops a selector on top of it each time


def run(*service_paths: str) -> None:
    """Serve the named classes (`package.module:Class`) until SIGTERM or SIGINT; raises what ended a service otherwise.

    Waits, as long as it takes, for the broker (PLATEAU_AMQP_URL) and for the databases whose settings the classes name
    in `databases`; serves Prometheus metrics on PLATEAU_METRICS_PORT if that is set.
    """
    make_cooperative()
    from services.kernel.messaging.serving import serve

    serve(service_paths, os.environ)


def make_cooperative() -> None:
    """Patch the standard library for eventlet and have psycopg wait in Python; call it first thing in a process.

    By itself psycopg waits in C, where no other greenlet gets a turn: the whole process, heartbeats included, would
    stand still during each statement.
    """
    if "psycopg" in sys.modules:
        raise RuntimeError("psycopg was imported before make_cooperative(): call that first thing in the process.")
    os.environ["PSYCOPG_WAIT_FUNC"] = WAIT_FUNCTION
    # Eventlet's own resolver takes 8 MB, to look up one broker; the system's makes us wait only while we connect.
    os.environ["EVENTLET_NO_GREENDNS"] = "yes"
    import eventlet

    eventlet.monkey_patch()
    from psycopg import waiting

    if waiting.wait is not getattr(waiting, WAIT_FUNCTION):
        raise RuntimeError(f"psycopg does not wait with {WAIT_FUNCTION}: its statements would stop the whole process.")
