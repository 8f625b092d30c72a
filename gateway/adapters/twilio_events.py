"""Twilio's Event Streams: arrays of CloudEvents of TaskRouter and of voice callbacks (FORMATS section 7)."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from gateway.adapters.items import Item, Parameters
from gateway.adapters.proofs import TWILIO_SIGNATURE, Callback
from gateway.adapters.reading import MALFORMED, Document, documents, item, noted, part
from gateway.adapters.taskrouter import taskrouter_item
from gateway.adapters.twilio_voice import voice_item
from gateway.sources import Source
from services.kernel.values import FieldError

TASKROUTER = "com.twilio.taskrouter."
VOICE = ("com.twilio.voice.status-callback", "com.twilio.voice.webhook.status-callback")  # since 2024, and before


class TwilioEvents:
    """Reads CloudEvents. `datacontenttype`, which holds a date at times, is not looked at."""

    name = "twilio_events"
    path = "/v1/telephony/twilio/events"
    summary = "Take Twilio's Event Streams."
    media_types = ("application/json", "application/cloudevents-batch+json")
    parameters: Mapping[str, str] = MappingProxyType({})
    callback = Callback(TWILIO_SIGNATURE)

    def items(self, body: bytes, source: Source, _given: Parameters) -> Iterator[Item]:
        """Each event."""
        for event in documents(body):
            yield Item(fault=event) if isinstance(event, FieldError) else _item(event, source)


def _item(event: Document, source: Source) -> Item:
    data = event.get("data")
    event_type, id_ = event.get("type"), event.get("id")
    if not (isinstance(event_type, str) and isinstance(id_, str) and id_ and isinstance(data, dict)):
        return Item(fault=FieldError("", MALFORMED, "Give a CloudEvent with id, type and data."))
    inner = data.get("payload")
    payload = inner if isinstance(inner, dict) else data
    if event_type.startswith(TASKROUTER):
        said = {
            "timestamp": data.get("timestamp"),
            **{name: value for name, value in payload.items() if value is not None},
        }
        # The event's own id, which a callback has too: whoever sends both counts each event once.
        sid = data.get("sid") or f"{event.get('source', '')}:{id_}"
        return taskrouter_item(event_type.removeprefix(TASKROUTER), str(sid), said, source)
    if event_type.startswith(VOICE):
        said = _form(data, payload)
        if "CallStatus" in said:
            return voice_item(said, source)
        fact = noted(event_type, said, call_id=said.get("CallSid"))
        return item(
            f"{event.get('source', '')}:{id_}", source, [fact and fact | {"occurred_at": said.get("Timestamp")}]
        )
    return Item()


def _form(data: Mapping[str, Any], payload: Mapping[str, Any]) -> dict[str, str]:
    """The fields of a voice event as the callback's form has them: it holds the request that the callback is."""
    request = data.get("request") if isinstance(data.get("request"), dict) else payload.get("request")
    parameters = part(request, "parameters") if isinstance(request, dict) else payload
    said = {"CallSid": payload.get("sid") or data.get("sid"), "Timestamp": data.get("timestamp")}
    said |= {_pascal(name): value for name, value in parameters.items()}
    return {name: str(value) for name, value in said.items() if value not in (None, "") and not isinstance(value, dict)}


def _pascal(name: str) -> str:
    return "".join([word[:1].upper() + word[1:] for word in name.split("_")])
