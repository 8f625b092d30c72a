"""Alerts: raised when a rule's threshold is crossed for long enough, cleared when it no longer is, acknowledged."""

from dataclasses import KW_ONLY
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

from services.calls.domain.alert_rules import AlertTerms, Measure, Watched
from services.kernel.decider import Context, Decision, Rejected, changed, command, event, of, state, values
from services.kernel.values import Actor

# A figure that was not looked at for so long may have been anything in between.
BLIND = timedelta(minutes=5)
# A threshold must stay uncrossed for as long as it had to be crossed, and at least for so long.
CALM = timedelta(seconds=60)
Alarming = Literal[Measure, "quota_missed"]
Status = Literal["held", "open", "cleared"]


@values
class Alarm:
    """What an alert says: the figure of a rule (none: a quota that was missed), and since when it was like that.

    `webhooks` are the endpoints that the rule has told.
    """

    rule: UUID | None
    name: str
    measure: Alarming
    scope: Watched
    comparison: Literal["above", "below"]
    threshold: Decimal
    value: Decimal | None
    since: datetime
    _: KW_ONLY
    webhooks: tuple[UUID, ...] = ()


@command
class RaiseAlert:
    """Raise it; where it is to be held back, only when that is over."""

    alarm: Alarm
    held_until: datetime | None = None


@command
class ReleaseAlert:
    """Tell of what was held back, and of its end where it is over."""


@command
class ClearAlert:
    """Say that it is over."""


@command
class AcknowledgeAlert:
    """Say that you have seen an alert and see to it."""


@event("alert_raised")
class AlertRaised(Alarm):
    """Somebody should look. Where it was held back, `raised_at` is when it was raised, before it could be told."""

    alert: UUID
    raised_at: datetime


@event("alert_held_back")
class AlertHeldBack(Alarm):
    """It is told at the end of quiet hours; `cleared_at` where it was over before."""

    raised_at: datetime
    held_until: datetime
    cleared_at: datetime | None = None


@event("alert_cleared")
class AlertCleared:
    """What an alert told of is over."""

    alert: UUID
    rule: UUID | None
    name: str
    measure: Alarming
    scope: Watched
    raised_at: datetime
    cleared_at: datetime
    webhooks: tuple[UUID, ...] = ()


@event("alert_acknowledged")
class AlertAcknowledged:
    """Somebody has seen it."""

    by: str
    acknowledged_at: datetime


@state
class Alert:
    """An alert: held back, raised, or neither any more; `last` is what it said last, None before it ever did."""

    held: AlertHeldBack | None = None
    raised: AlertRaised | None = None
    last: AlertHeldBack | AlertRaised | None = None
    cleared_at: datetime | None = None
    acknowledged: AlertAcknowledged | None = None


@values
class AlertView(Alarm):
    """An alert: open until its figure is in order again; `held` until the end of quiet hours, when it is told."""

    _: KW_ONLY
    id: UUID
    status: Status
    raised_at: datetime
    held_until: datetime | None
    cleared_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None


def decide(alert: Alert, order: RaiseAlert | ReleaseAlert | ClearAlert | AcknowledgeAlert, ctx: Context) -> Decision:
    """Raised once, told once, cleared once."""
    held, raised = alert.held, alert.raised
    match order:
        case RaiseAlert() if held or raised:
            return ()
        case RaiseAlert(alarm, None):
            return of(AlertRaised, alarm, alert=UUID(ctx.key), raised_at=ctx.now)
        case RaiseAlert(alarm, until):
            return of(AlertHeldBack, alarm, raised_at=ctx.now, held_until=until)
        case ReleaseAlert() if held:
            told = of(AlertRaised, held, alert=UUID(ctx.key))
            return [told, *([_cleared(told, held.cleared_at)] if held.cleared_at else [])]
        case ClearAlert() if raised:
            return _cleared(raised, ctx.now)
        case ClearAlert() if held and held.cleared_at is None:
            return changed(held, cleared_at=ctx.now)
        case ReleaseAlert() | ClearAlert():
            return ()
        case AcknowledgeAlert() if alert.last is None:
            return Rejected("calls.alert.unknown", "There is no such alert.", 404)
        case AcknowledgeAlert():
            return () if alert.acknowledged else AlertAcknowledged(ctx.actor.id, ctx.now)


def _cleared(raised: AlertRaised, at: datetime) -> AlertCleared:
    return of(AlertCleared, raised, cleared_at=at)


def evolve(alert: Alert, happened: AlertRaised | AlertHeldBack | AlertCleared | AlertAcknowledged) -> Alert:
    """One that is over may be raised again, and is to be acknowledged again then."""
    kept = alert.acknowledged if alert.held else None
    match happened:
        case AlertRaised():
            return Alert(raised=happened, last=happened, acknowledged=kept)
        case AlertHeldBack():
            return Alert(held=happened, last=happened, cleared_at=happened.cleared_at, acknowledged=kept)
        case AlertCleared():
            return changed(alert, raised=None, cleared_at=happened.cleared_at)
        case AlertAcknowledged():
            return changed(alert, acknowledged=happened)


def allowed(alert: Alert, _actor: Actor) -> set[type]:
    """What would change something."""
    return {AcknowledgeAlert} if alert.last and not alert.acknowledged else set()


def view(key: str, alert: Alert) -> AlertView:
    """What is shown of an alert that was raised or held back."""
    assert alert.last is not None  # noqa: S101 - only what has events is shown
    status: Status = "held" if alert.held else "open" if alert.raised else "cleared"
    seen = alert.acknowledged
    return of(
        AlertView,
        alert.last,
        id=UUID(key),
        status=status,
        held_until=alert.held and alert.held.held_until,
        cleared_at=alert.cleared_at,
        acknowledged_at=seen and seen.acknowledged_at,
        acknowledged_by=seen and seen.by,
    )


@values
class Watch:
    """Since when a rule's threshold has been crossed, or not been any more, as far as it was looked at."""

    crossed_since: datetime | None = None
    calm_since: datetime | None = None
    looked_at: datetime | None = None


Verdict = Literal["raise", "clear"] | None


def look(
    terms: AlertTerms, watch: Watch, at: datetime, value: Decimal | None, *, is_open: bool
) -> tuple[Watch, Verdict]:
    """What one look at the figure adds, and whether an alert is to be raised or cleared now.

    A figure that there is none of crosses nothing. To be raised the threshold must be crossed at every look, for as
    long as the rule says; to be cleared it must be crossed at none, for as long. So a figure that wavers about its
    threshold neither raises an alert again and again nor clears it.
    """
    if watch.looked_at is None or at - watch.looked_at > BLIND:
        watch = Watch()
    lasts = timedelta(seconds=terms.duration_seconds)
    if value is not None and (value > terms.threshold if terms.comparison == "above" else value < terms.threshold):
        seen = Watch(crossed_since=watch.crossed_since or at, looked_at=at)
        assert seen.crossed_since is not None  # noqa: S101 - just made
        return seen, "raise" if not is_open and at - seen.crossed_since >= lasts else None
    calm = watch.calm_since or at
    return Watch(calm_since=calm, looked_at=at), "clear" if is_open and at - calm >= max(lasts, CALM) else None
