"""What the calls service does of itself for alerts: looks at each rule's figure, raises and clears, and holds back."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4, uuid5

import structlog

from services.calls.api import alerts
from services.calls.domain.alert_rules import AlertRule, AlertTerms, quiet_until
from services.calls.domain.alerts import Alarm, ClearAlert, RaiseAlert, ReleaseAlert, Watch, look
from services.calls.reports.observations import Observations
from services.kernel import schemas
from services.kernel.database import Connection, Cursor
from services.kernel.decider import SYSTEM, Context, of
from services.kernel.following import WAKE
from services.kernel.projections import READ_VIEWS
from services.kernel.store import Conflict
from services.kernel.things import Order, ThingStore

log = structlog.get_logger()

# Not there: the read model is being built for the first time. Not granted: another process is at it.
READY = """SELECT to_regclass('read.alert_watches') IS NOT NULL AND to_regclass('read.visits') IS NOT NULL
    AND pg_try_advisory_xact_lock(hashtext('alerts'))"""
RULES = """SELECT rules.id, rules.state, open.id, watch.crossed_since, watch.calm_since, watch.looked_at,
        watch.heard_at, watch.heard_to
    FROM alert_rules AS rules LEFT JOIN alert_watches AS watch ON watch.rule = rules.id
    LEFT JOIN alerts AS open
        ON open.rule = rules.id AND open.status <> 'cleared' AND open.cleared_at IS NULL
    WHERE NOT rules.paused OR open.id IS NOT NULL ORDER BY rules.id"""
RELEASED = "SELECT id FROM alerts WHERE status = 'held' AND held_until <= %s ORDER BY id"
# What was appended since the last look, up to where nothing can come in between any more.
GATE = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
HEARD = """SELECT data ->> 'source', max(recorded_at) FROM store.events
    WHERE transaction_id >= %(from)s::text::xid8 AND transaction_id < %(to)s::text::xid8
        AND data ->> 'source' = ANY(%(sources)s) AND type LIKE ANY('{call.%%,agent.%%,source.%%}')
    GROUP BY 1"""
WATCHED = """INSERT INTO read.alert_watches VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (rule) DO UPDATE
    SET (crossed_since, calm_since, looked_at, heard_at, heard_to) = (excluded.crossed_since, excluded.calm_since,
        excluded.looked_at, excluded.heard_at, excluded.heard_to)"""

THINGS = ThingStore(None)


class Watching(NamedTuple):
    """A rule, the alert of it that is open, and what is remembered of it."""

    rule: UUID
    terms: AlertTerms
    paused: bool
    alert: UUID | None
    watch: Watch
    heard_at: datetime | None
    heard_to: int | None


def watch_alerts(connection: Connection, now: datetime) -> int:
    """Looks at every rule once; returns how many alerts were raised, told of or cleared. One process at a time does."""
    try:
        with connection.transaction(), connection.cursor() as db:
            db.execute(READ_VIEWS)
            if db.execute(READY).fetchone() != (True,):
                return 0
            told = _watch(db, now)
    except Conflict:
        return 0  # somebody acknowledges one just now: the next round looks again
    if told:
        connection.execute(WAKE)
    return told


def _watch(db: Cursor, now: datetime) -> int:
    rules = [_watching(*row) for row in db.execute(RULES).fetchall()]
    (gate,) = db.execute(GATE).fetchone() or (0,)
    heard = _heard(db, rules, gate, now)
    seen = Observations(db, now, heard)
    orders = [_order(alert, ReleaseAlert()) for (alert,) in db.execute(RELEASED, (now,))]
    watches = []
    for each in rules:
        if each.paused:
            orders += [_order(each.alert, ClearAlert())] if each.alert else []
            continue
        value = seen.of(each.terms)
        watch, verdict = look(each.terms, each.watch, now, value, is_open=each.alert is not None)
        if verdict == "raise" and watch.crossed_since:
            alarm = of(Alarm, each.terms, rule=each.rule, value=value, since=watch.crossed_since)
            alert = uuid5(each.rule, watch.crossed_since.isoformat())  # raised again before it is known, it is the same
            orders.append(_order(alert, RaiseAlert(alarm, quiet_until(each.terms.quiet_hours, now))))
        elif verdict == "clear" and each.alert:
            orders.append(_order(each.alert, ClearAlert()))
        last = heard.get(each.terms.scope.name) if each.terms.measure == "silence_seconds" else None
        watches.append((each.rule, watch.crossed_since, watch.calm_since, watch.looked_at, last, last and gate))
    contexts = [(order, Context(now, SYSTEM, uuid4(), order.key)) for order in orders]
    told = THINGS.carry_out(db, contexts) if contexts else 0
    # Last: an append must be the first that its transaction writes.
    db.executemany(WATCHED, watches)
    return told


def _watching(rule: UUID, state: dict[str, Any], alert: UUID | None, *remembered: Any) -> Watching:
    known: AlertRule = schemas.revive(AlertRule, state)
    assert known.terms is not None  # noqa: S101 - a row is of a rule that was made
    return Watching(rule, known.terms, known.paused, alert, Watch(*remembered[:3]), *remembered[3:])


def _heard(db: Cursor, rules: list[Watching], gate: int, now: datetime) -> dict[str, datetime]:
    """When each source that a rule watches was last heard; of one that was not watched before, now."""
    silent = {each.terms.scope.name: each for each in rules if each.terms.measure == "silence_seconds"}
    heard = {source: each.heard_at or now for source, each in silent.items()}
    known = [each.heard_to for each in silent.values() if each.heard_to is not None]
    if known:
        asked = {"from": min(known), "to": gate, "sources": list(silent)}
        heard |= {source: max(at, heard[source]) for source, at in db.execute(HEARD, asked)}
    return heard


def _order(alert: UUID, command: RaiseAlert | ReleaseAlert | ClearAlert) -> Order:
    log.info("alert", alert=str(alert), order=type(command).__name__)
    return Order(alerts, str(alert), command)
