"""Adapters: what an outside telephone system says, as facts.

An adapter is one module with one object that fits `Adapter`, one line in `ADAPTERS`, and one fixture folder in
`gateway/tests/fixtures/`. The conformance suite (`gateway/tests/test_adapters.py`) holds for all of them: ids that are
the same however often and in whatever company an item comes, unknown events kept, bad items rejected singly, and no
`sequence` made out of positions.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from gateway.adapters.amazon_connect_events import AmazonConnectEvents
from gateway.adapters.amazon_connect_records import AmazonConnectRecords
from gateway.adapters.asterisk_ami import AsteriskAmi
from gateway.adapters.asterisk_cdr import AsteriskCdr
from gateway.adapters.asterisk_queue_log import AsteriskQueueLog
from gateway.adapters.csv_calls import CsvCalls
from gateway.adapters.freeswitch_cdr import FreeswitchCdr
from gateway.adapters.freeswitch_events import FreeswitchEvents
from gateway.adapters.items import Item, Parameters
from gateway.adapters.proofs import Callback
from gateway.adapters.twilio_events import TwilioEvents
from gateway.adapters.twilio_taskrouter import TwilioTaskRouter
from gateway.adapters.twilio_voice import TwilioVoice
from gateway.sources import Source


class Adapter(Protocol):
    """Reads one feed. `parameters` are those of the query string beside `source`, with what they mean."""

    name: str
    path: str
    summary: str
    media_types: Sequence[str]
    parameters: Mapping[str, str]

    def items(self, body: bytes, source: Source, given: Parameters) -> Iterator[Item]:
        """The items of a body (lines, events), each with its facts or with what is wrong with it.

        Raises:
            Problem: the request as a whole makes no sense (a parameter, say).
        """


@runtime_checkable
class CalledBack(Protocol):
    """An adapter of a system that posts by itself and proves who it is with the secret of its source."""

    callback: Callback


def callback_of(adapter: Adapter) -> Callback | None:
    """How the system of an adapter calls us back; None where whoever posts has a key."""
    return adapter.callback if isinstance(adapter, CalledBack) else None


ADAPTERS: tuple[Adapter, ...] = (
    AsteriskQueueLog(),
    AsteriskAmi(),
    AsteriskCdr(),
    FreeswitchEvents(),
    FreeswitchCdr(),
    TwilioVoice(),
    TwilioTaskRouter(),
    TwilioEvents(),
    AmazonConnectEvents(),
    AmazonConnectRecords(),
    CsvCalls(),
)
