"""Calls as they are listed and shown, with their visits and legs; numbers are unsealed for this answer alone."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import dict_row

from services.calls.queries import (
    CallList,
    CallOf,
    Calls,
    CallView,
    ExportedCall,
    ExportSubject,
    FactList,
    FactsOfCall,
    FactView,
    LegView,
    LinkedCall,
    SubjectExport,
    VisitView,
)
from services.calls.reports.call_listing import FILTERS, LISTED, Wanted, wanted_calls
from services.calls.reports.customers import CustomerReader
from services.calls.reports.dispositions import told_of
from services.calls.reports.facts import facts_of
from services.calls.reports.visibility import Sight, call_filters
from services.kernel.boxes import Boxes
from services.kernel.cursors import decode, encode
from services.kernel.database import Cursor
from services.kernel.decider import Rejected, changed
from services.kernel.lists import Listing, viewed
from services.kernel.privacy import Keyring, MasterKey
from services.kernel.projections import answers
from services.kernel.store import StoredEvent
from services.kernel.values import Actor, seconds
from services.kernel.wire import rfc3339

VISITS = "SELECT * FROM visits WHERE call = ANY(%s) ORDER BY call, number"
LEGS = "SELECT * FROM legs WHERE call = ANY(%s) ORDER BY call, number"
LINKED = Listing(
    """(SELECT calls.*, own.call AS beside, own.interaction FROM interactions AS own
        JOIN interactions AS others USING (interaction) JOIN calls ON calls.id = others.call AND others.call <> own.call
        WHERE own.call = %(beside)s) AS calls""",
    {"beside": "true", "seen_queues": FILTERS["seen_queues"], "seen_agent": FILTERS["seen_agent"]},
    order={"started_at": datetime.fromisoformat, "id": UUID},
)
MOST_LINKED = 100
INTERACTIONS = "SELECT call, interaction FROM interactions WHERE call = ANY(%s)"
SEALED_FOR = "coalesce((metadata ->> 'customer')::uuid, stream_id)"


class CallReader:
    """Answers about single calls."""

    def __init__(self, master: MasterKey) -> None:
        self._master, self._keyring = master, Keyring(master)
        self._boxes = Boxes(self._keyring, SEALED_FOR)
        self._customers = CustomerReader(master)

    @answers(Calls)
    def calls(self, asked: Calls, db: Cursor, actor: Actor) -> CallList | Rejected | None:
        """A page of the calls that the filters and the actor's rights leave, by first fact."""
        sight = Sight.of(db, actor)
        if asked.agent is not None and not sight.agents:
            return Rejected("calls.agents_hidden", "You may not see agents by name: leave out `agent`.", 403)
        wanted = wanted_calls(db, asked, actor, self._master, sight.known)
        if not isinstance(wanted, Wanted):
            return wanted
        shown, following = LISTED.page(db, asked, wanted.filters, **wanted.given)
        return CallList(items=tuple(self._views(db, actor, shown, sight)), next=following)

    @answers(ExportSubject)
    def export(self, asked: ExportSubject, db: Cursor, actor: Actor) -> SubjectExport | Rejected:
        """A page of a person's calls with their facts, as far as the actor may see them."""
        try:
            subject = self._keyring.subject(asked.id)
        except ValueError:
            return Rejected("request.invalid", "Give the id of a subject, or an E.164 number.", 422, "/id")
        wanted = {"subject": subject.hex, **call_filters(db, actor)}
        shown, following = LISTED.page(db, asked, wanted)
        facts = facts_of(db, [call["id"] for call in shown])
        sight = Sight.of(db, actor)
        said = told_of(db, self._boxes, facts, sight, subject)
        opened = self._boxes.opened(db, [(call, fact.event_id) for call in facts for fact in facts[call]], subject)
        return SubjectExport(
            subject=subject,
            customers=self._customers.of_subject(db, subject),
            calls=tuple(
                ExportedCall(view, _fact_views(facts[view.id], opened, sight), tuple(said[view.id]))
                for view in self._views(db, actor, shown, sight, subject)
            ),
            next=following,
        )

    @answers(CallOf)
    def call(self, asked: CallOf, db: Cursor, actor: Actor) -> CallView | None:
        """One call, if the actor may see it."""
        found = LISTED.rows(db, {"id": asked.id, **call_filters(db, actor)}, 1)
        return next(iter(self._views(db, actor, found, Sight.of(db, actor))), None)

    @answers(FactsOfCall)
    def facts(self, asked: FactsOfCall, db: Cursor, actor: Actor) -> FactList | None:
        """The facts of one call, if the actor may see it; its numbers unsealed."""
        if not LISTED.rows(db, {"id": asked.id, **call_filters(db, actor)}, 1):
            return None
        now = datetime.now(UTC)
        begin = decode(asked.cursor, now, int)[0] if asked.cursor else 0
        sight = Sight.of(db, actor)
        events = [event for event in facts_of(db, [asked.id])[asked.id] if sight.tells(event.data)]
        shown = events[begin : begin + asked.limit]
        more = begin + asked.limit < len(events)
        opened = self._boxes.opened(db, [(asked.id, event.event_id) for event in shown])
        return FactList(
            items=_fact_views(shown, opened, sight),
            next=encode(now, begin + asked.limit) if more else None,
        )

    def _views(
        self, db: Cursor, actor: Actor, calls: Sequence[Mapping[str, Any]], sight: Sight, subject: UUID | None = None
    ) -> list[CallView]:
        ids = [call["id"] for call in calls]
        visits, legs = _grouped(db, VISITS, ids), _grouped(db, LEGS, ids)
        places = [(call["id"], call["numbers_event"]) for call in calls if call["numbers_event"]]
        numbers = self._boxes.opened(db, places, subject)
        joined: dict[UUID, UUID] = dict(db.execute(INTERACTIONS, (ids,)).fetchall())
        views = []
        for call in calls:
            known = numbers.get(call["numbers_event"], {})
            views.append(
                viewed(
                    CallView,
                    call,
                    caller_number=known.get("from"),
                    called_number=known.get("to"),
                    interaction=joined.get(call["id"], call["id"]),
                    linked_calls=_linked(db, actor, call["id"]) if call["id"] in joined else (),
                    visits=tuple(
                        _visit_view(each, sight) for each in visits.get(call["id"], ()) if sight.shows(each["queue"])
                    ),
                    legs=tuple(
                        _leg_view(each, sight) for each in legs.get(call["id"], ()) if sight.shows(each["queue"])
                    ),
                )
            )
        return views


def _linked(db: Cursor, actor: Actor, call: UUID) -> tuple[LinkedCall, ...]:
    found = LINKED.rows(db, {"beside": call, **call_filters(db, actor)}, MOST_LINKED)
    return tuple(viewed(LinkedCall, each) for each in found)


def _grouped(db: Cursor, statement: LiteralString, calls: list[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    grouped: dict[UUID, list[dict[str, Any]]] = {}
    with db.connection.cursor(row_factory=dict_row) as rows:
        for row in rows.execute(statement, (calls,)):
            grouped.setdefault(row["call"], []).append(row)
    return grouped


def _seconds(milliseconds: int | None) -> Decimal | None:
    return None if milliseconds is None else seconds(milliseconds)


def _visit_view(row: Mapping[str, Any], sight: Sight) -> VisitView:
    return VisitView(
        id=row["id"],
        queue=row["queue"],
        entered_at=row["entered_at"],
        ended_at=row["ended_at"],
        outcome=row["outcome"],
        reason=row["reason"],
        wait_seconds=_seconds(row["wait_ms"]),
        agent=sight.named(row["agent"], row["ended_at"] or row["entered_at"]),
        inferred=row["inferred"],
    )


def _leg_view(row: Mapping[str, Any], sight: Sight) -> LegView:
    return LegView(
        id=row["id"],
        visit_id=row["visit"],
        queue=row["queue"],
        agent=sight.named(row["agent"], row["answered_at"]),
        answered_at=row["answered_at"],
        ended_at=row["ended_at"],
        ring_seconds=_seconds(row["ring_ms"]),
        talk_seconds=_seconds(row["talk_ms"]),
        hold_seconds=seconds(row["hold_ms"]),
        wrapup_seconds=seconds(row["wrapup_ms"]),
        wrapup=row["wrapup"],
        transferred=row["transferred"],
        inferred=row["inferred"],
    )


def _fact_views(
    events: Sequence[StoredEvent], opened: Mapping[UUID, Mapping[str, Any]], sight: Sight
) -> tuple[FactView, ...]:
    views = [_fact_view(event, opened[event.event_id]) for event in events if sight.tells(event.data)]
    return tuple(changed(view, fact=sight.told(view.fact)) for view in views)


def _fact_view(event: StoredEvent, personal: Mapping[str, Any]) -> FactView:
    fact = {name: value for name, value in event.data.items() if name != "sealed"}
    fact["occurred_at"] = rfc3339(datetime.fromisoformat(fact["occurred_at"]))
    fact |= {name: personal[name] for name in ("from", "to") if name in personal}
    if "raw" in personal:
        fact["data"] = {**fact.get("data", {}), "raw": personal["raw"]}
    return FactView(fact["id"], fact["source"], event.type, event.occurred_at, event.recorded_at, fact)
