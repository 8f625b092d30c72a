"""Alert rules: which figure, of what, must not stay above or below a threshold, and who is told when it does."""

from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from services.calls.domain.periods import midnight
from services.kernel.decider import Context, Decision, Rejected, changed, command, event, of, state, values
from services.kernel.values import Actor, Length, Pattern, Personal, Range

Name = Annotated[str, Length(1, 200)]
Kind = Literal["queue", "client", "source", "quota"]
Measure = Literal[
    "service_level",
    "abandon_rate",
    "waiting",
    "longest_wait_seconds",
    "agents_available",
    "quota_projection",
    "silence_seconds",
]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Clock = Annotated[str, Pattern("([01][0-9]|2[0-3]):[0-5][0-9]", "Give a time of day, such as 07:00.")]
Email = Annotated[
    str, Length(3, 254), Pattern(r'[^@\s<>,;:"()]+@[^@\s<>,;:"()]+\.[^@\s<>,;:"().]+', "Give an e-mail address.")
]

_OF_QUEUES = frozenset({"service_level", "abandon_rate", "waiting", "longest_wait_seconds", "agents_available"})
FITTING: Mapping[Kind, frozenset[str]] = {
    "queue": _OF_QUEUES,
    "client": _OF_QUEUES,
    "source": frozenset({"silence_seconds"}),
    "quota": frozenset({"quota_projection"}),
}
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@values
class Watched:
    """What is watched: a queue, all queues of a client together, a source, or a quota by its id."""

    kind: Kind
    name: Name


@values
class QuietSpan:
    """Hours of some days of the week; into the next day where `to` is not later than `from`."""

    days: Annotated[tuple[Weekday, ...], Length(1, 7)]
    from_: Clock
    to: Clock


@values
class QuietHours:
    """When nobody is to be told, by the clock of a zone. What happens then is told at their end."""

    spans: Annotated[tuple[QuietSpan, ...], Length(1, 20)]
    timezone: ZoneInfo = ZoneInfo("UTC")


@values
class AlertTerms:
    """What raises an alert: the figure is `above` or `below` the threshold for as long as `duration_seconds`.

    Service level and abandon rate are of the visits that entered within the last `window_seconds`. The projection of a
    quota is a share of its target (below 1: it is heading for a miss). The silence of a source is counted from its last
    fact on, whatever that told of. `webhooks` are endpoints that are told, whatever types they take; each of them must
    be there.
    """

    name: Name
    measure: Measure
    scope: Watched
    comparison: Literal["above", "below"]
    threshold: Annotated[Decimal, Range(0, 10**9)]
    duration_seconds: Annotated[int, Range(0, 86400)] = 60
    window_seconds: Annotated[int, Range(60, 86400)] = 1800
    quiet_hours: QuietHours | None = None
    webhooks: Annotated[tuple[UUID, ...], Length(0, 20)] = ()


@values
class RuleOrder(AlertTerms):
    """Terms, and the e-mail addresses that are told; endpoints that take `alert_raised` are told in any case."""

    _: KW_ONLY
    emails: Annotated[tuple[Email, ...], Length(0, 20), Personal()] = ()


@command
class SetAlertRule(RuleOrder):
    """Make an alert rule."""


@command
class ReviseAlertRule(RuleOrder):
    """Replace all that an alert rule says; how long its threshold has been crossed is counted anew."""


@command
class PauseAlertRule:
    """Stop watching; an alert of the rule that is open is cleared."""


@command
class ResumeAlertRule:
    """Watch again."""


@event("alert_rule_set")
class AlertRuleSet(AlertTerms):
    """From now on this is watched; the addresses are None once they are erased."""

    _: KW_ONLY
    emails: Annotated[tuple[str, ...] | None, Personal()] = None


@event("alert_rule_paused")
class AlertRulePaused:
    """It is not watched."""


@event("alert_rule_resumed")
class AlertRuleResumed:
    """It is watched again."""


@state
class AlertRule:
    """A rule; `terms` is None until it is set."""

    terms: AlertTerms | None = None
    emails: tuple[str, ...] = ()
    paused: bool = False


@values
class AlertRuleSummary(AlertTerms):
    """A rule as it is listed: without the addresses, which only the rule itself shows."""

    _: KW_ONLY
    id: UUID
    paused: bool


@values
class AlertRuleView(AlertRuleSummary):
    """A rule as it is shown."""

    _: KW_ONLY
    emails: tuple[str, ...]


def decide(
    rule: AlertRule, order: SetAlertRule | ReviseAlertRule | PauseAlertRule | ResumeAlertRule, _ctx: Context
) -> Decision:
    """A rule watches what fits its measure; nothing happens where nothing changes."""
    match order:
        case SetAlertRule() if rule.terms:
            return Rejected("calls.alert_rule.exists", "This rule is made already; replace it instead.")
        case SetAlertRule() | ReviseAlertRule() if order.measure not in FITTING[order.scope.kind]:
            fitting = ", ".join(sorted(FITTING[order.scope.kind]))
            return Rejected("calls.alert_rule.scope_unfit", f"A {order.scope.kind} has {fitting}.", 422, "/measure")
        case SetAlertRule():
            return of(AlertRuleSet, order)
        case _ if rule.terms is None:
            return Rejected("calls.alert_rule.unknown", "There is no such rule: make it first.", 404)
        case ReviseAlertRule():
            same = (of(AlertTerms, order), order.emails) == (rule.terms, rule.emails)
            return () if same else of(AlertRuleSet, order)
        case PauseAlertRule():
            return () if rule.paused else AlertRulePaused()
        case ResumeAlertRule():
            return AlertRuleResumed() if rule.paused else ()


def evolve(rule: AlertRule, happened: AlertRuleSet | AlertRulePaused | AlertRuleResumed) -> AlertRule:
    """The latest terms stand."""
    match happened:
        case AlertRuleSet():
            return changed(rule, terms=of(AlertTerms, happened), emails=happened.emails or ())
        case AlertRulePaused() | AlertRuleResumed():
            return changed(rule, paused=isinstance(happened, AlertRulePaused))


def allowed(rule: AlertRule, _actor: Actor) -> set[type]:
    """What would change something."""
    return {ReviseAlertRule, ResumeAlertRule if rule.paused else PauseAlertRule} if rule.terms else set()


def view(key: str, rule: AlertRule) -> AlertRuleView:
    """What is shown of a rule that was made."""
    return of(AlertRuleView, rule.terms, id=UUID(key), paused=rule.paused, emails=rule.emails)


def quiet_until(quiet: QuietHours | None, now: datetime) -> datetime | None:
    """When the quiet hours end in which an instant lies, those that follow without a gap included; None outside."""
    until = None
    spans = [] if quiet is None else list(_spans(quiet, now))
    while ends := [end for begin, end in spans if begin <= (until or now) < end]:
        until = max(ends)
    return until


def _spans(quiet: QuietHours, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Those that begin within the eight days around an instant; who is quiet for ever is told once in that time."""
    today = now.astimezone(quiet.timezone).date()
    for day in (today + timedelta(days=ahead) for ahead in range(-1, 7)):
        for span in quiet.spans:
            if WEEKDAYS[day.weekday()] in span.days:
                into = timedelta(days=span.to <= span.from_)
                yield _instant(day, span.from_, quiet.timezone), _instant(day + into, span.to, quiet.timezone)


def _instant(day: date, clock: str, zone: ZoneInfo) -> datetime:
    return midnight(day, zone, time.fromisoformat(clock))
