"""An event of Asterisk's manager interface, as whoever makes facts of it reads it."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.kernel.values import FieldError

NO_KEY = ("", "")
NOTHING_SAID = frozenset({"", "<unknown>", "<none>"})


class Event:
    """An event; whoever reads a key uses it up, and what nobody used is `rest`."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = {name.casefold(): (name, value) for name, value in given.items()}
        self._used = {"event", "privilege", "received_at", "timestamp"}
        self.name = self.peek("event")
        self.kind = self.name.casefold()

    def peek(self, name: str) -> str:
        """The value as text; empty where Asterisk says nothing. Of a key that came several times, the first value."""
        value = self._given.get(name, NO_KEY)[1]
        if value.__class__ is list:
            value = value[0] if value else ""
        text = str(value).strip() if isinstance(value, str | int | float) else ""
        return "" if text in NOTHING_SAID else text

    def first(self, names: Sequence[str]) -> str | None:
        """The first of these keys that says something."""
        return next((name for name in names if name in self._given and self.peek(name)), None)

    def spelt(self, name: str) -> str:
        """A key as the event spells it."""
        return str(self._given[name][0])

    def use(self, name: str) -> str:
        """Likewise, and the key is used up."""
        self._used.add(name)
        return self.peek(name)

    def rest(self) -> dict[str, Any]:
        """What is left and says something."""
        return {
            name: value
            for key, (name, value) in self._given.items()
            if key not in self._used and not (isinstance(value, str) and value.strip() in NOTHING_SAID)
        }


class Unusable(Exception):  # noqa: N818 - becomes the event's verdict
    """The event cannot become a fact."""

    def __init__(self, key: str, code: str, remedy: str) -> None:
        super().__init__(remedy)
        self.fault = FieldError(f"/{key}", code, remedy)
