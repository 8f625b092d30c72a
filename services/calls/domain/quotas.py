"""Quotas: a target of calls or results, set by the centre, by a client of the centre, or by both."""

from dataclasses import KW_ONLY
from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from services.calls.domain import periods
from services.calls.domain.pace import Comparison, comparison
from services.calls.domain.periods import Day
from services.calls.domain.quota_assessments import (
    Assessed,
    AssessQuota,
    QuotaMissed,
    QuotaReached,
    QuotaUnmeasured,
    assessed,
)
from services.calls.domain.quota_terms import QuotaTerms, TargetFigure, invalid, target_unfit, unfit
from services.kernel.decider import Context, Decision, Rejected, changed, command, event, of, state, values
from services.kernel.values import Actor, Party

Status = Literal["absent", "proposed", "in_force"]


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
    today = periods.today(ctx.now, order.period.timezone)
    if refused := unfit(order, order.target, ctx.actor.party, today):
        return refused
    first_day = order.period.first_day or today
    period = changed(order.period, first_day=first_day)
    return of(QuotaSet, order, period=period, party=ctx.actor.party, client=ctx.actor.client)


def _revise(terms: QuotaTerms, order: ReviseQuota, ctx: Context) -> Decision:
    period = terms.period
    if refused := target_unfit(terms.metric, order.target):
        return refused
    day = order.effective_from or periods.today(ctx.now, period.timezone)
    last = order.last_day or period.last_day
    if last and period.first_day and last < period.first_day:
        return invalid(
            "calls.quota.ends_before_it_begins", "Give a last day that is not before the first.", "/last_day"
        )
    from_day = periods.holding(changed(period, last_day=last), day).first_day
    return QuotaRevised(order.target, from_day, last, ctx.actor.party)


def _assess(quota: Quota, order: AssessQuota, key: UUID) -> Decision:
    first_day = order.period.first_day
    target = target_of(quota, first_day)
    if quota.terms is None or target is None:
        return ()
    before = next((each for each in quota.assessed if each.first_day == first_day), None)
    told = assessed(quota.terms, target, order, before, quota=key, party=quota.party)
    return told or ()


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
