"""What the calls service does of itself for quotas: assesses the periods that are over, and again what was not final.

An assessment is looked at again after a tenth of the time since its period ended, at least five minutes: so a call that
comes late, or is corrected, revises what was told, sooner or later by how late it comes.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID, uuid4, uuid5

import structlog

from services.calls.api import alerts, quotas
from services.calls.domain import periods
from services.calls.domain.alert_rules import Watched
from services.calls.domain.alerts import Alarm, ClearAlert, RaiseAlert
from services.calls.domain.pace import Figures, comparison, reaches
from services.calls.domain.quota_assessments import AssessQuota
from services.calls.domain.quotas import Quota, target_of
from services.calls.reports.quota_figures import figures_of
from services.calls.reports.quotas import Aim, aim, strictest
from services.kernel import schemas
from services.kernel.database import Connection
from services.kernel.decider import SYSTEM, Context
from services.kernel.following import WAKE
from services.kernel.projections import READ_VIEWS
from services.kernel.store import Conflict
from services.kernel.things import Order, ThingStore

log = structlog.get_logger()

# Wrap-ups, and facts that are still on their way, should be in the figures when a period is assessed first.
GRACE = timedelta(minutes=5)
NEWS = timedelta(days=7)  # what was missed before that alarms nobody
AT_ONCE = 200  # quotas, so that one round does not take long

READY = "SELECT to_regclass('read.quotas') IS NOT NULL AND to_regclass('read.visits') IS NOT NULL"
DUE = "SELECT id, state, assessed_to FROM quotas WHERE due_at <= %(until)s ORDER BY due_at, id LIMIT %(limit)s"
DOUBTFUL = """SELECT quota, first_day, state FROM quota_assessments JOIN quotas ON quotas.id = quota
    WHERE looked_at <= %(now)s - greatest((%(now)s - ends) / 10, interval '5 minutes')
    ORDER BY looked_at, quota, first_day LIMIT %(limit)s"""
LOOKED_AT = "UPDATE read.quota_assessments SET looked_at = %s WHERE quota = %s AND first_day = %s"

THINGS = ThingStore(None)


def assess_quotas(connection: Connection, now: datetime) -> int:
    """Assesses each period that is over, and those anew that may have changed; returns how many were told of.

    What a quota says already is not said again, whoever else assesses it at the same time.
    """
    if connection.execute(READY).fetchone() != (True,):
        return 0
    told = 0
    for aimed in _due(connection, now):
        told += _assess(connection, aimed, now)
    for aimed in _doubtful(connection, now):
        told += _assess(connection, aimed, now)
        connection.execute(LOOKED_AT, (now, aimed.id, aimed.period.first_day))
    return told


def _due(connection: Connection, now: datetime) -> list[Aim]:
    aims: list[Aim] = []
    for id_, state, assessed_to in _rows(connection, DUE, {"until": now - GRACE, "limit": AT_ONCE}):
        quota = schemas.revive(Quota, state)
        over = periods.periods(quota.terms.period, assessed_to, now - GRACE)
        aims += [aim(id_, quota, each.first_day, now) for each in over if target_of(quota, each.first_day) is not None]
    return aims


def _doubtful(connection: Connection, now: datetime) -> list[Aim]:
    rows = _rows(connection, DOUBTFUL, {"now": now, "limit": AT_ONCE})
    return [aim(id_, schemas.revive(Quota, state), first_day, now) for id_, first_day, state in rows]


def _rows(connection: Connection, statement: LiteralString, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.transaction(), connection.cursor() as db:
        db.execute(READ_VIEWS)
        return db.execute(statement, parameters).fetchall()


def _assess(connection: Connection, aimed: Aim, now: datetime) -> int:
    period, key = aimed.period, str(aimed.id)
    try:
        with connection.transaction(), connection.cursor() as db:
            db.execute(READ_VIEWS)
            figures = figures_of(db, aimed.terms, period.begin, period.end)
            demanding = strictest(db, aimed)
            orders = [
                Order(quotas, key, AssessQuota(period, figures, demanding)),
                *_alert(aimed, figures, demanding, now),
            ]
            contexts = [(order, Context(now, SYSTEM, uuid4(), order.key)) for order in orders]
            told = THINGS.carry_out(db, contexts)
    except Conflict:
        return 0  # somebody revises it just now: the next round sees what there is
    if told:
        connection.execute(WAKE)
        log.info("quota assessed", quota=key, first_day=str(period.first_day))
    return int(told > 0)


def _alert(aimed: Aim, figures: Figures, demanding: UUID, now: datetime) -> Iterator[Order]:
    """Of several quotas on the same, a miss of the strictest raises the alert; a miss that was none clears it."""
    metric, period = aimed.terms.metric, aimed.period
    key = str(uuid5(aimed.id, f"missed {period.first_day}"))
    if reaches(metric, aimed.target, figures) is not False:
        yield Order(alerts, key, ClearAlert())
    elif demanding == aimed.id and now - period.end < NEWS:
        alarm = Alarm(
            rule=None,
            name=f"{metric} of {aimed.terms.scope.name}",
            measure="quota_missed",
            scope=Watched("quota", str(aimed.id)),
            comparison="above" if comparison(metric) == "at_most" else "below",
            threshold=aimed.target,
            value=figures.attained,
            since=period.end,
        )
        yield Order(alerts, key, RaiseAlert(alarm))
