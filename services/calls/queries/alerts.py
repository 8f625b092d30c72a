"""Alert rules and alerts."""

from datetime import datetime
from uuid import UUID

from services.calls.domain.alert_rules import AlertRuleSummary, Kind, Measure
from services.calls.domain.alerts import AlertView, Status
from services.calls.queries.calls import Name
from services.kernel.decider import values
from services.kernel.lists import Paged


@values
class AlertRuleOf:
    """Show an alert rule, with the addresses that are told."""

    rule_id: UUID


@values
class AlertRules(Paged):
    """List alert rules in the order in which they were made; `webhook`: those that name this endpoint."""

    measure: Measure | None = None
    scope: Kind | None = None
    scope_name: Name | None = None
    paused: bool | None = None
    webhook: UUID | None = None


@values
class AlertRuleList:
    """A page of alert rules; `next` is the cursor of the following page."""

    items: tuple[AlertRuleSummary, ...]
    next: str | None


@values
class AlertOf:
    """Show an alert."""

    alert_id: UUID


@values
class Alerts(Paged):
    """List alerts: first those that are open or held back and nobody has acknowledged, then the rest; newest first."""

    status: Status | None = None
    acknowledged: bool | None = None
    rule: UUID | None = None
    measure: Name | None = None
    scope: Kind | None = None
    scope_name: Name | None = None
    from_: datetime | None = None
    to: datetime | None = None


@values
class AlertList:
    """A page of alerts; `next` is the cursor of the following page."""

    items: tuple[AlertView, ...]
    next: str | None


@values
class AlertRecipientsOf:
    """Say whom a rule's alerts are sent to."""

    rule: UUID


@values
class Recipients:
    """E-mail addresses; none where they are erased, or where there is no such rule or schedule."""

    emails: tuple[str, ...]
