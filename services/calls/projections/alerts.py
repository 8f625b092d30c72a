"""Alert rules, the alerts that they raised, and for how long a rule's threshold has been crossed."""

from collections.abc import Sequence
from typing import Any

from psycopg.types.json import Jsonb

from services.calls.api import alert_rules as things
from services.calls.domain import alert_rules
from services.calls.domain.alert_rules import AlertRule
from services.kernel import schemas
from services.kernel.database import Cursor
from services.kernel.store import StoredEvent


class AlertRegister:
    """Follows rules and alerts. `state` is the folded rule, without its addresses.

    `alert_watches` is the policy's own memory; where a rebuild loses it, it begins to count anew. `heard_to` is the
    transaction up to which it has looked for facts of a source.
    """

    handles = (
        "alert_rule_set",
        "alert_rule_paused",
        "alert_rule_resumed",
        "alert_raised",
        "alert_held_back",
        "alert_cleared",
        "alert_acknowledged",
    )
    tables = """
        CREATE TABLE alert_rules (
            id uuid PRIMARY KEY, version integer NOT NULL, measure text NOT NULL, scope text NOT NULL,
            scope_name text NOT NULL, paused boolean NOT NULL, state jsonb NOT NULL
        );
        CREATE TABLE alert_watches (
            rule uuid PRIMARY KEY, crossed_since timestamptz, calm_since timestamptz, looked_at timestamptz,
            heard_at timestamptz, heard_to bigint
        );
        CREATE TABLE alerts (
            id uuid PRIMARY KEY, rule uuid, name text NOT NULL, measure text NOT NULL, scope text NOT NULL,
            scope_name text NOT NULL, status text NOT NULL, said jsonb NOT NULL, raised_at timestamptz NOT NULL,
            held_until timestamptz, cleared_at timestamptz, acknowledged_at timestamptz, acknowledged_by text
        );
        CREATE INDEX alerts_of ON alerts (rule) WHERE status <> 'cleared';
        CREATE INDEX alerts_in_order ON alerts (raised_at);"""

    READ = "SELECT version, state FROM alert_rules WHERE id = %s"
    KEEP = """INSERT INTO alert_rules VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE
        SET (version, measure, scope, scope_name, paused, state) = (excluded.version, excluded.measure,
            excluded.scope, excluded.scope_name, excluded.paused, excluded.state)"""
    WATCH_ANEW = "DELETE FROM alert_watches WHERE rule = %s"
    RAISE = """INSERT INTO alerts VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE
        SET (status, said, raised_at, held_until, cleared_at, acknowledged_at, acknowledged_by) = (excluded.status,
            excluded.said, excluded.raised_at, excluded.held_until, excluded.cleared_at,
            CASE WHEN alerts.status = 'held' THEN alerts.acknowledged_at END,
            CASE WHEN alerts.status = 'held' THEN alerts.acknowledged_by END)"""
    CLEAR = "UPDATE alerts SET status = 'cleared', cleared_at = %s WHERE id = %s"
    ACKNOWLEDGE = "UPDATE alerts SET acknowledged_at = %s, acknowledged_by = %s WHERE id = %s"

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """Each event changes the row of its rule or of its alert."""
        for event in events:
            data, id_ = event.data, event.stream_id
            match event.type:
                case "alert_raised" | "alert_held_back":
                    self._raise(event, data, db)
                case "alert_cleared":
                    db.execute(self.CLEAR, (data["cleared_at"], id_))
                case "alert_acknowledged":
                    db.execute(self.ACKNOWLEDGE, (data["acknowledged_at"], data["by"], id_))
                case _:
                    self._set(event, db)

    def _raise(self, event: StoredEvent, data: dict[str, Any], db: Cursor) -> None:
        scope, held_until = data["scope"], data.get("held_until")
        named = (data["rule"], data["name"], data["measure"], scope["kind"], scope["name"])
        status = "held" if held_until else "open"
        when = (data["raised_at"], held_until, data.get("cleared_at"))
        db.execute(self.RAISE, (event.stream_id, *named, status, Jsonb(data), *when))

    def _set(self, event: StoredEvent, db: Cursor) -> None:
        version, state = db.execute(self.READ, (event.stream_id,)).fetchone() or (0, None)
        if event.version <= version:
            return
        before = schemas.revive(AlertRule, state) if state else AlertRule()
        rule = alert_rules.evolve(before, schemas.revive(things.events[event.type], event.data))
        terms = rule.terms
        assert terms is not None  # noqa: S101 - the first event sets it
        named = (terms.measure, terms.scope.kind, terms.scope.name, rule.paused)
        db.execute(self.KEEP, (event.stream_id, event.version, *named, Jsonb(schemas.dump(rule))))
        db.execute(self.WATCH_ANEW, (event.stream_id,))
