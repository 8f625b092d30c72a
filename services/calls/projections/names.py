"""Where outside names become inside ones, when read models are made; until one is mapped, it stands for itself."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

NameKind = Literal["agent", "queue"]
Inside = Callable[[str, NameKind, str, datetime], str]


def itself(_source: str, _kind: NameKind, name: str, _at: datetime) -> str:
    """The inside name of what a source calls so at an instant."""
    return name
