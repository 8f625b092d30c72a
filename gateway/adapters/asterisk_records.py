"""Which facts of Asterisk's feeds tell of the same thing, so that it counts once however many feeds tell of it.

What queue_log and AMI both tell of is one record with a version from each: of a record only the facts of its greatest
version count (FIELD 4.1). The log is the greater one, because it misses nothing; AMI counts until the log has spoken,
and for what the log never says. A row of a CDR that may be of a queue's call has the record of the call's entry, and no
version: it yields to both, since the queue tells the rest better. ADR 0023.
"""

import hashlib
from typing import Literal

Told = Literal["entered", "answered", "left", "missed", "dumped", "completed"]

AMI, QUEUE_LOG = "1", "2"  # versions, as the fold compares them
LONGEST = 200  # characters that a name may have


def record(told: Told, call: str, queue: str | None, agent: str | None) -> str:
    """The record of what is told of a call, whichever feed tells it.

    An exit is known by its queue alone, since the feeds name its agent differently or not at all; an entry by the call,
    which is what the CDR names.
    """
    if told == "entered":
        return call
    name = " ".join(filter(None, (told, queue, None if told == "left" else agent)))
    return name if len(name) <= LONGEST else f"{told} {hashlib.blake2b(name.encode(), digest_size=16).hexdigest()}"
