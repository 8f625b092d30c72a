"""Quotas as their events have made them, and what each of their periods came to."""

from collections.abc import Sequence
from datetime import date, datetime

from psycopg.types.json import Jsonb

from services.calls.api import quotas as things
from services.calls.domain import periods, quotas
from services.calls.domain.quota_assessments import QuotaMissed, QuotaReached, QuotaUnmeasured
from services.calls.domain.quotas import Quota
from services.kernel import schemas
from services.kernel.database import Cursor
from services.kernel.decider import changed, event_type
from services.kernel.store import StoredEvent

OUTCOMES = {
    event_type(QuotaReached): "reached",
    event_type(QuotaMissed): "missed",
    event_type(QuotaUnmeasured): "unmeasured",
}


class QuotaRegister:
    """Follows what is set, agreed and assessed. `due_at` is when the next period ends that has not been assessed.

    `state` is the folded quota without its assessments. `looked_at` is when the policy last made sure that an
    assessment is still right: long ago where the quota has changed since.
    """

    handles = (*OUTCOMES, "quota_set", "quota_revised", "quota_agreed")
    tables = """
        CREATE TABLE quotas (
            id uuid PRIMARY KEY, version integer NOT NULL, metric text NOT NULL, flag text, scope text NOT NULL,
            scope_name text NOT NULL, party text NOT NULL, client text, jointly boolean NOT NULL, status text NOT NULL,
            state jsonb NOT NULL, assessed_to date, due_at timestamptz
        );
        CREATE INDEX quotas_due ON quotas (due_at);
        CREATE INDEX quotas_of ON quotas (scope, scope_name, metric);
        CREATE TABLE quota_assessments (
            quota uuid NOT NULL, first_day date NOT NULL, begins timestamptz NOT NULL, ends timestamptz NOT NULL,
            outcome text NOT NULL, looked_at timestamptz NOT NULL, PRIMARY KEY (quota, first_day)
        );"""

    READ = "SELECT version, state, assessed_to FROM quotas WHERE id = %s"
    KEEP = """INSERT INTO quotas VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE
        SET (version, client, status, state, assessed_to, due_at) = (excluded.version, excluded.client,
            excluded.status, excluded.state, excluded.assessed_to, excluded.due_at)"""
    ASSESS = """INSERT INTO quota_assessments VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (quota, first_day) DO UPDATE
        SET (outcome, looked_at) = (excluded.outcome, excluded.looked_at)"""
    LOOK_AGAIN = "UPDATE quota_assessments SET looked_at = '-infinity' WHERE quota = %s"

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """Each event is folded into the row of its quota."""
        for event in events:
            version, state, assessed_to = db.execute(self.READ, (event.stream_id,)).fetchone() or (0, None, None)
            if event.version > version:
                before = schemas.revive(Quota, state) if state else Quota()
                self._apply(event, before, assessed_to, db)

    def _apply(self, event: StoredEvent, before: Quota, assessed_to: date | None, db: Cursor) -> None:
        happened = schemas.revive(things.events[event.type], event.data)
        quota = changed(quotas.evolve(before, happened), assessed=())
        if outcome := OUTCOMES.get(event.type):
            assessed_to = max(happened.first_day, assessed_to or happened.first_day)
            row = (event.stream_id, happened.first_day, happened.begin, happened.end, outcome, event.recorded_at)
            db.execute(self.ASSESS, row)
        else:
            db.execute(self.LOOK_AGAIN, (event.stream_id,))
        terms = quota.terms
        assert terms is not None  # noqa: S101 - the first event sets it
        named = (terms.metric, terms.flag, terms.scope.kind, terms.scope.name, quota.party, quota.client, terms.jointly)
        kept = (quota.status, Jsonb(schemas.dump(quota)), assessed_to, _due(quota, assessed_to))
        db.execute(self.KEEP, (event.stream_id, event.version, *named, *kept))


def _due(quota: Quota, assessed_to: date | None) -> datetime | None:
    """When the period ends that is to be assessed next; None where there is none."""
    if quota.terms is None or not quota.targets:
        return None
    # What was agreed to late has no target for the periods before.
    begins = min(target.from_day for target in quota.targets)
    recurrence = quota.terms.period
    if assessed_to is None and recurrence.first_day and begins > recurrence.first_day:
        recurrence = changed(recurrence, first_day=begins)
    following = next(periods.periods(recurrence, assessed_to, periods.NEVER), None)
    return None if following is None else following.end
