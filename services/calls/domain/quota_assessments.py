"""What a period of a quota came to, when it is over."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from services.calls.domain.pace import Comparison, Figures, Metric, comparison, reaches
from services.calls.domain.periods import Period
from services.calls.domain.quota_terms import QuotaTerms, Scope
from services.kernel.decider import changed, command, event, of, values
from services.kernel.values import Party


@command
class AssessQuota:
    """Say what a period came to; `strictest` is the most demanding quota on the same metric, scope and period."""

    period: Period
    figures: Figures
    strictest: UUID


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


def assessed(
    terms: QuotaTerms, target: Decimal, order: AssessQuota, before: Assessed | None, **whose: object
) -> Assessed | None:
    """What is told of a period; None where that was told of it `before`. `whose` are the quota and its party."""
    figures = order.figures
    kind = {True: QuotaReached, False: QuotaMissed, None: QuotaUnmeasured}[reaches(terms.metric, target, figures)]
    told = of(
        kind,
        terms,
        **vars(order.period),
        **whose,
        comparison=comparison(terms.metric),
        target=target,
        attained=figures.attained,
        numerator=figures.numerator,
        denominator=figures.denominator,
        strictest=order.strictest,
        revised=before is not None,
    )
    same = before is not None and changed(told, revised=before.revised, strictest=before.strictest) == before
    return None if same else told
