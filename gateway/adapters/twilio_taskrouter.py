"""TaskRouter's event callbacks, a form each (FORMATS section 7)."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType

from gateway.adapters.items import Item, Parameters
from gateway.adapters.proofs import TWILIO_SIGNATURE, Callback
from gateway.adapters.reading import MALFORMED, forms
from gateway.adapters.taskrouter import taskrouter_item
from gateway.sources import Source
from services.kernel.values import FieldError

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class TwilioTaskRouter:
    """Reads callbacks; they want an answer without content within 15 seconds."""

    name = "twilio_taskrouter"
    path = "/v1/telephony/twilio/taskrouter"
    summary = "Take TaskRouter's event callbacks."
    media_types = ("application/x-www-form-urlencoded",)
    parameters: Mapping[str, str] = MappingProxyType({})
    callback = Callback(TWILIO_SIGNATURE, status=204)

    def items(self, body: bytes, source: Source, _given: Parameters) -> Iterator[Item]:
        """The event."""
        for said in forms(body):
            event = {_in_snake_case(name): text for name, text in said.items()}
            event_type = event.get("event_type")
            if not event_type:
                yield Item(fault=FieldError("", MALFORMED, "It has no EventType."))
                continue
            without_sid = [event.get(name) for name in ("resource_sid", "event_type", "timestamp_ms")]
            id_ = event.get("sid") or (":".join(map(str, without_sid)) if all(without_sid) else None)
            yield taskrouter_item(event_type, id_, event, source)


@lru_cache(maxsize=512)
def _in_snake_case(name: str) -> str:
    return _WORD.sub("_", name).lower()
