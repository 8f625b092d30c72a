"""Waiting for something that takes its time to start."""

import time
from collections.abc import Callable
from pathlib import Path

import click


def wait_until(holds: Callable[[], bool], name: str, log: Path, patience: float) -> None:
    """Return once `holds()`; after `patience` seconds raise a `click.ClickException` that points to the `log`."""
    deadline = time.monotonic() + patience
    while not holds():
        if time.monotonic() > deadline:
            raise click.ClickException(f"{name} does not answer after {patience:.0f} s. Its log: {log}")
        time.sleep(0.1)
