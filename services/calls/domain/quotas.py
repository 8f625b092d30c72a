"""Quotas: a target of calls or results, set by the centre, by a client of the centre, or by both."""

from dataclasses import KW_ONLY
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from services.calls.domain import periods
from services.calls.domain.pace import SHARES, Comparison, Figures, Metric, comparison, reaches
from services.calls.domain.periods import Day, Period, Recurrence
from services.kernel.decider import Context, Decision, Rejected, changed, command, event, of, state, values
from services.kernel.values import Actor, Length, Party, Range

Name = Annotated[str, Length(1, 200)]
TargetFigure = Annotated[Decimal, Range(Decimal("0.0001"), 10**9)]
Status = Literal["absent", "proposed", "in_force"]

MOST_DAYS = 400  # as for reports; and as far back as a quota may begin
OF_AGENTS: frozenset[Metric] = frozenset({"handled", "dispositions", "aht_seconds"})


@values
class Scope:
    """Whose calls count: those of a queue, a campaign, an agent or a team, by its name."""

    kind: Literal["queue", "campaign", "agent", "team"]
    name: Name


@values
class QuotaTerms:
    """What is aimed at, by whom, and in which periods; `flag` narrows dispositions to those that bear it.

    Service level, answer rate and abandon rate are shares from 0 to 1, the rest are counts or seconds.
    """

    metric: Metric
    scope: Scope
    period: Recurrence
    flag: Name | None = None
    jointly: bool = False


@command
class SetQuota(QuotaTerms):
    """Set a quota, for the party that you belong to; one set `jointly` is in force once the other party agrees."""

    _: KW_ONLY
    target: TargetFigure


@command
class ReviseQuota:
    """Set another target, or another last day, for the period that holds `effective_from` (today) and all after it.

    A date in the past judges the past anew. What both set, both must agree to. A last day left out stays as it is.
    """

    target: TargetFigure
    effective_from: Day | None = None
    last_day: Day | None = None


@command
class AgreeQuota:
    """Agree to the figures that the other party proposes."""


@command
class AssessQuota:
    """Say what a period came to; `strictest` is the most demanding quota on the same metric, scope and period."""

    period: Period
    figures: Figures
    strictest: UUID


@event("quota_set")
class QuotaSet(QuotaTerms):
    """A party, and which client where it is one, aims at this."""

    _: KW_ONLY
    target: Decimal
    party: Party
    client: str | None = None


@event("quota_revised")
class QuotaRevised:
    """From the period that begins with that day on, the target is another."""

    target: Decimal
    from_day: date
    last_day: date | None
    party: Party


@event("quota_agreed")
class QuotaAgreed:
    """What the other party proposed last is in force."""

    party: Party
    client: str | None = None


@values
class Assessed:
    """What a period of a quota came to, with the counts behind it.

    `attained` is null, and neither reached nor missed, where nothing was to be measured. `revised`: it was assessed
    before, and this replaces that. Where several quotas aim at the same in the same period, each is assessed, and a
    miss of the `strictest` of them is the one to raise the alarm.
    """

    quota: UUID
    party: Party
    metric: Metric
    flag: str | None
    scope: Scope
    first_day: date
    begin: datetime
    end: datetime
    comparison: Comparison
    target: Decimal
    attained: Decimal | None
    numerator: Decimal
    denominator: int | None
    strictest: UUID
    revised: bool


@event("quota_reached")
class QuotaReached(Assessed):
    """The period is over, and its target was reached."""


@event("quota_missed")
class QuotaMissed(Assessed):
    """The period is over, and its target was missed."""


@event("quota_unmeasured")
class QuotaUnmeasured(Assessed):
    """The period is over, and there was nothing to measure in it."""


@values
class Target:
    """A target, from the period that begins with a day on."""

    target: Decimal
    from_day: date


@values
class Proposal(Target):
    """What awaits the agreement of the other party."""

    last_day: date | None
    awaits: Party


@state
class Quota:
    """A quota: `targets` in the order in which they came into force; `assessed` is the last word on each period."""

    terms: QuotaTerms | None = None
    party: Party = "centre"
    client: str | None = None
    targets: tuple[Target, ...] = ()
    proposal: Proposal | None = None
    assessed: tuple[Assessed, ...] = ()

    @property
    def status(self) -> Status:
        """In force once it has a target."""
        return "in_force" if self.targets else "proposed" if self.proposal else "absent"


@values
class QuotaView(QuotaTerms):
    """A quota as it is shown: the target of now (of the proposal, where none is in force), and what awaits whom."""

    _: KW_ONLY
    id: UUID
    status: Status
    party: Party
    client: str | None
    comparison: Comparison
    target: Decimal
    targets: tuple[Target, ...]
    proposal: Proposal | None


def decide(quota: Quota, order: SetQuota | ReviseQuota | AgreeQuota | AssessQuota, ctx: Context) -> Decision:
    """Set by one party alone it is in force at once; by both, when the other agrees. Revisions follow the same rule."""
    party, terms = ctx.actor.party, quota.terms
    match order:
        case SetQuota() if terms:
            return Rejected("calls.quota.exists", "This quota is set already; revise it instead.")
        case SetQuota():
            return _set(order, ctx)
        case _ if terms is None:
            return Rejected("calls.quota.unknown", "There is no such quota: set it first.", 404)
        case ReviseQuota() if not (quota.party == party or terms.jointly):
            return Rejected("calls.quota.not_yours", "Only the party that set this quota alone revises it.")
        case ReviseQuota():
            return _revise(terms, order, ctx)
        case AgreeQuota() if quota.proposal and quota.proposal.awaits == party:
            return QuotaAgreed(party, ctx.actor.client)
        case AgreeQuota():
            return Rejected("calls.quota.nothing_to_agree", "No agreement is awaited from you.")
        case AssessQuota():
            return _assess(quota, order, UUID(ctx.key))


def _set(order: SetQuota, ctx: Context) -> Decision:
    if unfit := _unfit(order, ctx):
        return unfit
    first_day = order.period.first_day or periods.today(ctx.now, order.period.timezone)
    period = changed(order.period, first_day=first_day)
    return of(QuotaSet, order, period=period, party=ctx.actor.party, client=ctx.actor.client)


def _unfit(order: SetQuota, ctx: Context) -> Rejected | None:
    period, now = order.period, periods.today(ctx.now, order.period.timezone)
    first, last = period.first_day, period.last_day
    if order.scope.kind == "team":
        return _invalid(
            "calls.quota.team_unknown", "Calls are not known by team yet: name a queue or an agent.", "/scope/kind"
        )
    if order.scope.kind == "agent" and order.metric not in OF_AGENTS:
        return _invalid(
            "calls.quota.metric_not_of_agent", f"Of an agent, take {', '.join(sorted(OF_AGENTS))}.", "/metric"
        )
    if order.scope.kind == "agent" and (order.jointly or ctx.actor.party == "client"):
        return _invalid("calls.quota.agent_not_for_clients", "Clients do not know agents: name a queue.", "/scope/kind")
    if order.flag is not None and order.metric != "dispositions":
        return _invalid("calls.quota.flag_without_dispositions", "Only dispositions have flags.", "/flag")
    if refused := _target_unfit(order.metric, order.target):
        return refused
    if period.every == "once" and (first is None or last is None):
        return _invalid("calls.quota.span_incomplete", "Give the first and the last day of a single span.", "/period")
    if last is not None and last < (first or now):
        return _invalid(
            "calls.quota.ends_before_it_begins", "Give a last day that is not before the first.", "/period/last_day"
        )
    if first and first < now - timedelta(days=MOST_DAYS):
        return _invalid("calls.quota.begins_too_early", f"Begin at most {MOST_DAYS} days ago.", "/period/first_day")
    if period.every == "once" and first and last and (last - first).days >= MOST_DAYS:
        return _invalid("calls.quota.span_too_long", f"Take at most {MOST_DAYS} days.", "/period/last_day")
    return None


def _target_unfit(metric: Metric, target: Decimal) -> Rejected | None:
    if metric in SHARES and target > 1:
        return _invalid("calls.quota.target_not_a_share", "Give a share from 0 to 1, such as 0.8.", "/target")
    return None


def _invalid(code: str, detail: str, pointer: str) -> Rejected:
    return Rejected(code, detail, 422, pointer)


def _revise(terms: QuotaTerms, order: ReviseQuota, ctx: Context) -> Decision:
    period = terms.period
    if refused := _target_unfit(terms.metric, order.target):
        return refused
    day = order.effective_from or periods.today(ctx.now, period.timezone)
    last = order.last_day or period.last_day
    if last and period.first_day and last < period.first_day:
        return _invalid(
            "calls.quota.ends_before_it_begins", "Give a last day that is not before the first.", "/last_day"
        )
    from_day = periods.holding(changed(period, last_day=last), day).first_day
    return QuotaRevised(order.target, from_day, last, ctx.actor.party)


def _assess(quota: Quota, order: AssessQuota, key: UUID) -> Decision:
    terms, period, figures = quota.terms, order.period, order.figures
    target = target_of(quota, period.first_day)
    if terms is None or target is None:
        return ()
    before = next((each for each in quota.assessed if each.first_day == period.first_day), None)
    kind = {True: QuotaReached, False: QuotaMissed, None: QuotaUnmeasured}[reaches(terms.metric, target, figures)]
    told = of(
        kind,
        terms,
        **vars(period),
        quota=key,
        party=quota.party,
        comparison=comparison(terms.metric),
        target=target,
        attained=figures.attained,
        numerator=figures.numerator,
        denominator=figures.denominator,
        strictest=order.strictest,
        revised=before is not None,
    )
    same = before is not None and changed(told, revised=before.revised, strictest=before.strictest) == before
    return () if same else told


def evolve(
    quota: Quota, happened: QuotaSet | QuotaRevised | QuotaAgreed | QuotaReached | QuotaMissed | QuotaUnmeasured
) -> Quota:
    """Targets add up, each from its day on; a proposal becomes one when it is agreed to."""
    match happened:
        case QuotaSet():
            terms = of(QuotaTerms, happened)
            begun = changed(quota, terms=terms, party=happened.party, client=happened.client)
            first = periods.floor(terms.period, terms.period.first_day or date.min)
            return _proposed(begun, Target(happened.target, first), terms.period.last_day, happened.party)
        case QuotaRevised():
            return _proposed(quota, Target(happened.target, happened.from_day), happened.last_day, happened.party)
        case QuotaAgreed():
            proposal = quota.proposal
            agreed = changed(quota, proposal=None, client=quota.client or happened.client)
            return _in_force(agreed, of(Target, proposal), proposal.last_day) if proposal else agreed
        case QuotaReached() | QuotaMissed() | QuotaUnmeasured():
            others = tuple(each for each in quota.assessed if each.first_day != happened.first_day)
            return changed(quota, assessed=(*others, happened))


def _proposed(quota: Quota, target: Target, last_day: date | None, party: Party) -> Quota:
    if quota.terms and quota.terms.jointly:
        awaits: Party = "client" if party == "centre" else "centre"
        return changed(quota, proposal=of(Proposal, target, last_day=last_day, awaits=awaits))
    return _in_force(quota, target, last_day)


def _in_force(quota: Quota, target: Target, last_day: date | None) -> Quota:
    assert quota.terms is not None  # noqa: S101 - nothing else happens before it is set
    terms = changed(quota.terms, period=changed(quota.terms.period, last_day=last_day))
    return changed(quota, terms=terms, targets=(*quota.targets, target))


def target_of(quota: Quota, first_day: date) -> Decimal | None:
    """The target in force for the period that begins with a day: of those that reach so far, the last agreed."""
    reaching = [each.target for each in quota.targets if each.from_day <= first_day]
    return reaching[-1] if reaching else None


def allowed(quota: Quota, actor: Actor) -> set[type]:
    """What the actor's party may do with the quota as it is."""
    if quota.terms is None:
        return set()
    revises = {ReviseQuota} if quota.terms.jointly or quota.party == actor.party else set()
    agrees = {AgreeQuota} if quota.proposal and quota.proposal.awaits == actor.party else set()
    return revises | agrees


def view(key: str, quota: Quota) -> QuotaView:
    """What is shown of a quota that was set."""
    last = quota.targets[-1] if quota.targets else quota.proposal
    assert quota.terms is not None  # noqa: S101 - only what has events is shown
    assert last is not None  # noqa: S101
    return of(
        QuotaView,
        quota.terms,
        id=UUID(key),
        status=quota.status,
        party=quota.party,
        client=quota.client,
        comparison=comparison(quota.terms.metric),
        target=last.target,
        targets=quota.targets,
        proposal=quota.proposal,
    )
