"""What adapters make of a body."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from services.kernel.values import FieldError

Parameters = Mapping[str, str]


class Item(NamedTuple):
    """One thing that a feed said: its facts (none: nothing worth keeping), or what is wrong with it."""

    facts: tuple[dict[str, Any], ...] = ()
    fault: FieldError | None = None
    id: str | None = None
