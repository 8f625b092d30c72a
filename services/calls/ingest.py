"""Facts from the queue into the streams of their calls, agents and sources: each once, in batches.

What is known already is counted as a duplicate and changes nothing; with other content it is also kept as a conflict.
Personal fields are sealed with the key of the customer, who is known by a keyed hash of the number.
"""

import hashlib
from collections import Counter as Tally
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import structlog
from prometheus_client import Counter

from services.calls.domain.facts import event_id, stream_id, subject
from services.kernel import store, traces
from services.kernel.database import Cursor, Pool
from services.kernel.following import WAKE
from services.kernel.messaging.messages import Batch
from services.kernel.privacy import Keyring, MasterKey, seal
from services.kernel.store import NewEvent

log = structlog.get_logger(__name__)

FACTS = Counter("plateau_ingest_facts", "Facts taken from the ingest queues, by what became of them.", ["result"])
STORED, DUPLICATE, CONFLICT = (FACTS.labels(result) for result in ("stored", "duplicate", "conflict"))
SKEWED = Counter("plateau_ingest_skewed_facts", "Stored facts stamped more than 5 minutes ahead.")

REMEMBERED = 2_000
AHEAD = timedelta(minutes=5)
NUMBERS = ("from", "to")
stream_of = lru_cache(maxsize=REMEMBERED)(stream_id)  # the facts of a call come close together

CONFLICTS = """INSERT INTO store.fact_conflicts (stream_id, event_id, digest, source)
    SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[]) ON CONFLICT DO NOTHING"""
PROGRESS = """INSERT INTO store.ingest_progress (publisher, queue, facts)
    SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[])
    ON CONFLICT (publisher, queue) DO UPDATE
    SET facts = greatest(ingest_progress.facts, excluded.facts), moved_at = now()"""
# A batch that was stored before as a whole comes again because its end was not heard of: nobody repeated anything.
REPEATS = """INSERT INTO store.fact_repeats (queue, source, hour, facts)
    SELECT %(queue)s, came.* FROM (
        SELECT source, date_trunc('hour', now()), facts FROM unnest(%(sources)s::text[], %(facts)s::bigint[])
            AS came(source, facts)) AS came
    WHERE cardinality(%(publishers)s::text[]) = 0 OR EXISTS (
        SELECT FROM unnest(%(publishers)s::text[], %(reached)s::bigint[]) AS heard(publisher, facts)
        LEFT JOIN store.ingest_progress AS stored ON stored.publisher = heard.publisher AND stored.queue = %(queue)s
        WHERE heard.facts > coalesce(stored.facts, 0))
    ON CONFLICT (hour, source, queue) DO UPDATE SET facts = fact_repeats.facts + excluded.facts"""
STORED_OF = "SELECT queue, facts FROM store.ingest_progress WHERE publisher = %s"


def stored(db: Cursor, publisher: str) -> dict[str, int]:
    """How many facts of a gateway's life are stored, by ingest queue."""
    return dict(db.execute(STORED_OF, (publisher,)).fetchall())


class Arrival(NamedTuple):
    """A canonical fact on its way into the store."""

    fact: dict[str, Any]
    stream: UUID
    event: UUID
    digest: str


class Customer(NamedTuple):
    """A person by the keyed hash of their number, which is also the id of the key that seals what is theirs."""

    name: str
    subject: UUID


class Ingest:
    """Stores batches of facts."""

    def __init__(self, pool: Pool, master: MasterKey) -> None:
        self._pool, self._master, self._keyring = pool, master, Keyring(master)
        self._known_as = lru_cache(maxsize=REMEMBERED)(self._customer)

    def store(self, batch: Batch) -> None:
        """Appends what is new of the facts and notes how far their publishers have come, in one transaction.

        Raises Conflict where somebody else wrote to one of the streams meanwhile: the same batch again will do.
        """
        arrivals = [self._arrival(fact) for fact in batch.facts]
        first: dict[UUID, Arrival] = {}
        for arrival in arrivals:
            first.setdefault(arrival.event, arrival)
        with self._pool.connection() as connection:
            with connection.cursor() as db:
                heads = store.heads(db, list({each.stream for each in first.values()}))
                known = self._known(db, [each for each in first.values() if each.stream in heads])
                new = [each for each in first.values() if each.event not in known]
                events = self._events(db, new)
            if batch.traces:
                _trace(events, arrivals, batch.traces)
            unequal = _unequal(arrivals, new, known)
            reached = furthest(batch)
            repeated = len(arrivals) - len(events) - len(unequal)
            with connection.transaction(), connection.cursor() as db:
                if events:
                    store.append(db, events, heads)
                if unequal:
                    rows = [(each.stream, each.event, each.digest, each.fact["source"]) for each in unequal]
                    db.execute(CONFLICTS, [list(column) for column in zip(*rows, strict=True)])
                if repeated:
                    db.execute(REPEATS, _repeats(batch.queue, reached, arrivals, known, unequal))
                if reached:
                    db.execute(PROGRESS, (list(reached), [batch.queue] * len(reached), list(reached.values())))
            connection.execute(WAKE)
        if batch.traces:
            trace_ids = traces.ids_of(event.metadata for event in events)
            log.debug("ingest.stored", queue=batch.queue, facts=len(events), trace_ids=trace_ids)
        STORED.inc(len(events))
        DUPLICATE.inc(len(arrivals) - len(events))
        CONFLICT.inc(len(unequal))
        SKEWED.inc(sum("skewed" in event.metadata for event in events))

    @staticmethod
    def _known(db: Cursor, candidates: list[Arrival]) -> dict[UUID, str | None]:
        """Which of them are stored, with their digests; what is about a new stream need not be asked for."""
        return store.known(db, [(each.stream, each.event) for each in candidates]) if candidates else {}

    def _arrival(self, fact: dict[str, Any]) -> Arrival:
        stream = stream_of(fact["source"], *subject(fact))
        # When a record was told is not what it says: the same row of a file, imported again, is no contradiction.
        said = {**fact, "record_version": None} if "record_version" in fact else fact
        content = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
        digest = hashlib.blake2b(content, key=self._master.lookup, digest_size=16).hexdigest()
        return Arrival(fact, stream, event_id(stream, fact["id"]), digest)

    def _events(self, db: Cursor, new: list[Arrival]) -> list[NewEvent]:
        personal = [personal_fields(each.fact) for each in new]
        customers = [self._known_as(customer_number(each.fact)) for each in new]
        # Whose key seals a fact: the customer's; the call's own where the number is withheld.
        subjects = [
            each.stream if customer is None else customer.subject for each, customer in zip(new, customers, strict=True)
        ]
        sealing = {whose for whose, fields in zip(subjects, personal, strict=True) if fields}
        keys = self._keyring.ensure(db, sealing) if sealing else {}
        ahead = datetime.now(UTC) + AHEAD
        events = []
        for each, fields, customer, whose in zip(new, personal, customers, subjects, strict=True):
            data, metadata = each.fact, {"digest": each.digest}
            if fields:
                data = without_personal_fields(data)
                data["sealed"] = seal(keys[whose], each.event, fields)
                if "from" in fields or "to" in fields:
                    metadata["numbers"] = "sealed"
            if customer:
                metadata["customer"] = customer.name
            occurred_at = datetime.fromisoformat(data["occurred_at"])
            if occurred_at > ahead:
                metadata["skewed"] = "ahead"
            events.append(NewEvent(each.stream, each.event, data["type"], data, occurred_at, metadata=metadata))
        return events

    def _customer(self, number: str | None) -> Customer | None:
        if number is None:
            return None
        name = self._master.hash_of(number)
        return Customer(name, UUID(name))


def _unequal(arrivals: list[Arrival], new: list[Arrival], known: Mapping[UUID, str | None]) -> list[Arrival]:
    """Those that say something else than what is stored, or came first, under the same name."""
    if len(new) == len(arrivals):
        return []
    digests = {each.event: each.digest for each in new} | {**known}
    return [each for each in arrivals if each.digest != digests[each.event]]


def _trace(events: list[NewEvent], arrivals: list[Arrival], given: Mapping[int, str]) -> None:
    traced: dict[UUID, str] = {}
    for place, traceparent in given.items():
        traced.setdefault(arrivals[place].event, traceparent)
    for event in events:
        if traceparent := traced.get(event.event_id):
            event.metadata[traces.TRACEPARENT] = traceparent


def _repeats(
    queue: str,
    reached: Mapping[str, int],
    arrivals: list[Arrival],
    known: Collection[UUID],
    unequal: Collection[Arrival],
) -> dict[str, Any]:
    """Whose facts came again, those with other content left out, and how often."""
    seen, counts = set(known), Tally[str]()
    for arrival in arrivals:
        if arrival.event in seen:
            counts[arrival.fact["source"]] += 1
        seen.add(arrival.event)
    counts.subtract(arrival.fact["source"] for arrival in unequal)
    sources = sorted(source for source, facts in counts.items() if facts)
    return {
        "queue": queue,
        "sources": sources,
        "facts": [counts[source] for source in sources],
        "publishers": list(reached),
        "reached": list(reached.values()),
    }


def furthest(batch: Batch) -> dict[str, int]:
    """How many facts each publisher has sent to the queue by the end of the batch, as its messages' headers say."""
    reached: dict[str, int] = {}
    for delivery in batch.deliveries:
        if delivery.publisher is not None and delivery.published is not None:
            reached[delivery.publisher] = max(delivery.published, reached.get(delivery.publisher, 0))
    return reached


def personal_fields(fact: Mapping[str, Any]) -> dict[str, Any]:
    """What a fact says about a person: its numbers, and what the source sent that has no name of ours."""
    personal = {name: fact[name] for name in NUMBERS if name in fact}
    raw = fact.get("data", {}).get("raw")
    return personal if raw is None else {**personal, "raw": raw}


def without_personal_fields(fact: dict[str, Any]) -> dict[str, Any]:
    """A copy of the fact less its personal fields."""
    kept = fact.copy()
    for name in NUMBERS:
        kept.pop(name, None)
    if "raw" in kept.get("data", {}):
        kept["data"] = {name: value for name, value in kept["data"].items() if name != "raw"}
    return kept


def customer_number(fact: Mapping[str, Any]) -> str | None:
    """The number of the person on the line: whom an outbound call goes to, else whom the call comes from."""
    number: str | None = fact.get("to") if fact.get("direction") == "outbound" else fact.get("from")
    return number
