"""First contact resolution: whether customers had to call again for the same reason (MEASURES section 3)."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import sql

from services.calls.queries import (
    RepeatedContact,
    RepeatedContacts,
    RepeatList,
    ResolutionOf,
    ResolutionReport,
    ResolutionRow,
)
from services.calls.reports.call_listing import CONTACT, PERSON, REASON
from services.calls.reports.ranges import too_long
from services.calls.reports.visibility import clients_of, queue_is_seen, queues_open_to
from services.kernel.cursors import decode, encode
from services.kernel.database import Cursor
from services.kernel.decider import Rejected
from services.kernel.projections import answers
from services.kernel.values import Actor, ratio

# A contact's repeat may lie after the range, and is looked for as far as the days reach. What the actor may not see is
# left out before contacts are paired, so that nobody learns of another client's calls.
PAIRED: LiteralString = f"""
    WITH answered AS (
        SELECT id, started_at, customer, campaign, {REASON} AS reason, disposition ->> 'resolved' AS resolved,
            {PERSON} AS person,
            (SELECT queue FROM visits WHERE visits.call = calls.id AND outcome = 'answered'
                ORDER BY number LIMIT 1) AS queue
        FROM calls WHERE {CONTACT}
            AND started_at >= %(from)s AND started_at < %(to)s::timestamptz + make_interval(days => %(days)s)
    ), contacts AS (
        SELECT * FROM answered WHERE %(seen)s::text[] IS NULL OR queue = ANY(%(seen)s::text[])
    ), by_number_and_name AS (
        SELECT *, lead(started_at) OVER by_number AS number_at, lead(id) OVER by_number AS number_id,
            lead(started_at) OVER by_name AS name_at, lead(id) OVER by_name AS name_id
        FROM contacts WHERE (customer IS NOT NULL OR person IS NOT NULL) AND reason IS NOT NULL
        WINDOW by_number AS (PARTITION BY coalesce(customer, id::text), reason ORDER BY started_at, id),
            by_name AS (PARTITION BY coalesce(person, id::text), reason ORDER BY started_at, id)
    ), paired AS (
        SELECT *, least(number_at, name_at) AS next_at,
            CASE WHEN name_at IS NULL OR (number_at, number_id) <= (name_at, name_id) THEN number_id
                ELSE name_id END AS next_id
        FROM by_number_and_name
    )"""  # noqa: S608 - constants
MATCHING: LiteralString = "started_at < %(to)s AND (%(queue)s::text IS NULL OR queue = %(queue)s::text)"
REPEATED: LiteralString = "coalesce(next_at <= started_at + make_interval(days => %(days)s), false)"
COUNTS: LiteralString = f"""{PAIRED}
    SELECT {{group}}, customer IS NULL AND person IS NULL, reason IS NULL,
        started_at + make_interval(days => %(days)s) > %(now)s,
        coalesce(resolved = 'yes', false), {REPEATED}, count(*)
    FROM contacts LEFT JOIN (SELECT id, next_at FROM paired) AS paired USING (id)
    WHERE {MATCHING} GROUP BY 1, 2, 3, 4, 5, 6"""  # noqa: S608 - constants
REPEATS: LiteralString = f"""{PAIRED}
    SELECT id, queue, reason, started_at, next_id, next_at FROM paired
    WHERE {MATCHING} AND {REPEATED} AND (started_at, id) > (%(after_at)s, %(after_id)s)
    ORDER BY started_at, id LIMIT %(limit)s"""  # noqa: S608 - constants
BEGINNING = (datetime.min.replace(tzinfo=UTC), UUID(int=0))


class ResolutionReader:
    """Answers with how often nobody had to call again."""

    @answers(ResolutionOf)
    def report(self, asked: ResolutionOf, db: Cursor, actor: Actor) -> ResolutionReport | Rejected | None:
        """Rows by group, without one a single row; None where the actor may not see the queue."""
        if refused := too_long(asked.from_, asked.to):
            return refused
        if asked.queue is not None and not queue_is_seen(db, actor, asked.queue):
            return None
        now = datetime.now(UTC)
        group = {None: "NULL::text", "campaign": "campaign"}.get(asked.group_by, "queue")
        counts = sql.SQL(COUNTS).format(group=sql.SQL(group))
        found = db.execute(counts, {**_given(db, asked, actor), "now": now}).fetchall()
        clients = clients_of(db, [row[0] for row in found if row[0]]) if asked.group_by == "client" else {}
        tallies: dict[str | None, Counter[str]] = {} if asked.group_by else {None: Counter()}
        for name, *what, contacts in found:
            tally = tallies.setdefault(clients.get(name) if asked.group_by == "client" else name, Counter())
            for count in _counts(*what):
                tally[count] += contacts
        ordered = sorted(tallies.items(), key=lambda each: (each[0] is None, each[0] or ""))
        rows = tuple(_row(tally, **{asked.group_by or "queue": name}) for name, tally in ordered)
        return ResolutionReport(rows, asked.days, "kind and first topic, else code", now)

    @answers(RepeatedContacts)
    def repeats(self, asked: RepeatedContacts, db: Cursor, actor: Actor) -> RepeatList | Rejected | None:
        """A page of pairs, by the first fact of the contact; None where the actor may not see the queue."""
        if refused := too_long(asked.from_, asked.to):
            return refused
        if asked.queue is not None and not queue_is_seen(db, actor, asked.queue):
            return None
        now = datetime.now(UTC)
        after = decode(asked.cursor, now, datetime.fromisoformat, UUID) if asked.cursor else BEGINNING
        place = {"after_at": after[0], "after_id": after[1], "limit": asked.limit + 1}
        pairs = [RepeatedContact(*row) for row in db.execute(REPEATS, {**_given(db, asked, actor), **place})]
        shown = tuple(pairs[: asked.limit])
        more = len(pairs) > asked.limit
        return RepeatList(shown, encode(now, shown[-1].started_at.isoformat(), str(shown[-1].call)) if more else None)


def _given(db: Cursor, asked: ResolutionOf | RepeatedContacts, actor: Actor) -> dict[str, Any]:
    seen = queues_open_to(db, actor)
    return {
        "from": asked.from_,
        "to": asked.to,
        "days": asked.days,
        "queue": asked.queue,
        "seen": None if seen is None else sorted(seen),
    }


def _counts(nobody: bool, no_reason: bool, provisional: bool, resolved: bool, repeated: bool) -> list[str]:
    """Under which counts a contact falls."""
    if nobody:
        return ["without_customer"]
    if no_reason:
        return ["without_reason"]
    if provisional:
        return ["provisional"]
    counts = ["settled"]
    if repeated:
        counts.append("repeated")
    if resolved:
        counts += ["resolved"] if repeated else ["resolved", "resolved_without_repeat"]
    return counts


def _row(counts: Counter[str], **group: str | None) -> ResolutionRow:
    named = ("without_customer", "without_reason", "provisional", "settled", "repeated", "resolved")
    return ResolutionRow(
        **{"queue": None, "client": None, "campaign": None, **group},
        contacts=sum(counts[name] for name in named[:4]),
        **{name: counts[name] for name in (*named, "resolved_without_repeat")},
        first_contact_resolution=ratio(counts["resolved_without_repeat"], counts["resolved"]),
        repeat_rate=ratio(counts["repeated"], counts["settled"]),
    )
