"""Alert rules and alerts as they are listed."""

from typing import Any, LiteralString
from uuid import UUID

from services.calls.domain.alert_rules import AlertRule, AlertRuleSummary, Watched
from services.calls.domain.alerts import Alarm, Alert, AlertView
from services.calls.queries import AlertList, AlertRuleList, AlertRules, Alerts
from services.calls.reports.quotas import OF_PEOPLE, quota_filters, quota_is_seen
from services.calls.reports.visibility import names_open_to, queues_open_to
from services.kernel import schemas
from services.kernel.database import Cursor
from services.kernel.decider import Rejected, of
from services.kernel.lists import Listing, Row, equal, viewed
from services.kernel.projections import answers
from services.kernel.refusals import HIDDEN
from services.kernel.values import Actor

QUOTAS: LiteralString = "(scope <> 'quota' OR scope_name IN (SELECT id::text FROM quotas WHERE {}))"
SEEN: dict[str, LiteralString] = {
    "seen_queues": """(scope = 'queue' AND scope_name = ANY(%(seen_queues)s)
        OR scope = 'client' AND scope_name = %(seen_client)s)""",
    "seen_client": "true",
    "seen_people": QUOTAS.format(OF_PEOPLE),
    "seen_totals": QUOTAS.format("quotas.scope <> 'agent'"),
}
RULES = Listing(
    "alert_rules",
    {
        **equal("measure", "scope", "scope_name", "paused"),
        **SEEN,
        "webhook": "state -> 'terms' -> 'webhooks' @> to_jsonb(%(webhook)s::text)",
    },
    order={"id": UUID},
)
LISTED = Listing(
    """(SELECT *, (status = 'cleared' OR acknowledged_at IS NOT NULL)::int AS place,
        -(extract(epoch FROM raised_at) * 1000000)::bigint AS newest FROM alerts) AS listed""",
    {
        **equal("id", "status", "rule", "measure", "scope", "scope_name"),
        **SEEN,
        "acknowledged": "(acknowledged_at IS NOT NULL) = %(acknowledged)s",
        "from_": "raised_at >= %(from_)s",
        "to": "raised_at < %(to)s",
    },
    order={"place": int, "newest": int, "id": UUID},
)


def alert_filters(db: Cursor, actor: Actor) -> dict[str, Any]:
    """The filters that the actor's rights add: what is of their queues alone, or of a client as a whole.

    What is of a quota is seen by who sees the quota.
    """
    seen = quota_filters(db, actor)
    return {**seen, "seen_client": actor.client} if "seen_queues" in seen else seen


def admitted(db: Cursor, actor: Actor, rule: AlertRule, order: Any) -> Rejected | None:
    """Hides rules that are not the actor's to know of, and has them make none about the calls of others."""
    for scope in (rule.terms and rule.terms.scope, getattr(order, "scope", None)):
        if scope is not None and not _seen(db, scope, actor):
            return HIDDEN
    return None


def alert_admitted(db: Cursor, actor: Actor, alert: Alert, _order: Any) -> Rejected | None:
    """Hides alerts that are not the actor's to know of."""
    return None if alert.last is None or _seen(db, alert.last.scope, actor) else HIDDEN


def _seen(db: Cursor, scope: Watched, actor: Actor) -> bool:
    queues = queues_open_to(db, actor)
    if queues is None:
        limited = scope.kind == "quota" and names_open_to(db, actor) is not None
        return not limited or quota_is_seen(db, actor, scope.name)
    if scope.kind == "client":
        return actor.client == scope.name and actor.queues is None
    return scope.kind == "queue" and scope.name in queues


class AlertReader:
    """Answers about alerts and their rules."""

    @answers(AlertRules)
    def rules(self, asked: AlertRules, db: Cursor, actor: Actor) -> AlertRuleList:
        """A page of the rules that the filters and the actor's rights leave, by id: those were made in order."""
        rows, following = RULES.page(db, asked, {**RULES.wanted(asked), **alert_filters(db, actor)})
        return AlertRuleList(tuple(_summary(row) for row in rows), following)

    @answers(Alerts)
    def alerts(self, asked: Alerts, db: Cursor, actor: Actor) -> AlertList:
        """A page of the alerts that the filters and the actor's rights leave."""
        rows, following = LISTED.page(db, asked, {**LISTED.wanted(asked), **alert_filters(db, actor)})
        return AlertList(tuple(_alert(row) for row in rows), following)


def _summary(row: Row) -> AlertRuleSummary:
    rule: AlertRule = schemas.revive(AlertRule, row["state"])
    return of(AlertRuleSummary, rule.terms, id=row["id"], paused=rule.paused)


def _alert(row: Row) -> AlertView:
    said: Alarm = schemas.revive(Alarm, row["said"])
    return viewed(AlertView, row | vars(said) | {"raised_at": row["raised_at"]})
