"""What the answer of `/health/ready` comes to."""

from collections.abc import Mapping
from typing import Any


def is_up(health: Mapping[str, Any]) -> bool:
    """Whether everything that Plateau consists of answers; not, where there is no answer (an empty one)."""
    return bool(health) and all(state == "up" for state in health["dependencies"].values())


def is_level(health: Mapping[str, Any]) -> bool:
    """Whether every fact acknowledged so far is in the reports."""
    return is_up(health) and not any((health["ingest_backlog"], *health["projections"].values()))
