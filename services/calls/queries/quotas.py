"""Quotas: listed, shown, and how far each has come."""

from dataclasses import KW_ONLY
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from services.calls.domain.pace import Comparison, Metric, Pace
from services.calls.domain.periods import Day
from services.calls.domain.quota_terms import Scope
from services.calls.domain.quotas import QuotaView
from services.calls.queries.calls import Name
from services.kernel.decider import values
from services.kernel.lists import Paged
from services.kernel.values import Party


@values
class QuotaOf:
    """Show a quota: what is aimed at, by whom, what is in force and what awaits agreement."""

    quota_id: UUID


@values
class Quotas(Paged):
    """List quotas in the order in which they were set."""

    scope: Literal["queue", "campaign", "agent", "team"] | None = None
    scope_name: Name | None = None
    metric: Metric | None = None
    party: Party | None = None
    status: Literal["proposed", "in_force"] | None = None


@values
class QuotaList:
    """A page of quotas; `next` is the cursor of the following page."""

    items: tuple[QuotaView, ...]
    next: str | None


@values
class QuotaProgressOf:
    """Say how far a quota has come in the period of now, or in that which holds a `day`, counted at this moment."""

    quota_id: UUID
    day: Day | None = None


@values
class QuotaProgress(Pace):
    """How far a quota has come in one period, and where it is heading.

    `elapsed_share` is that of the period's time, opening hours or not. `strictest` is the most demanding quota in force
    on the same metric, scope and period, which may be this one.
    """

    _: KW_ONLY
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
    elapsed_share: Decimal
    elapsed_by: Literal["time"] = "time"
    strictest: UUID
    as_of: datetime
