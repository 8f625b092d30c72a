"""What a quota aims at, and which terms make no sense."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Literal

from services.calls.domain.pace import SHARES, Metric
from services.calls.domain.periods import Recurrence
from services.kernel.decider import Rejected, values
from services.kernel.values import Length, Party, Range

Name = Annotated[str, Length(1, 200)]
TargetFigure = Annotated[Decimal, Range(Decimal("0.0001"), 10**9)]

MOST_DAYS = 400  # as for reports; and as far back as a quota may begin
OF_AGENTS: frozenset[Metric] = frozenset({"handled", "dispositions", "aht_seconds"})


@values
class Scope:
    """Whose calls count: those of a queue, a campaign, an agent or a team, by its name.

    Of a team those that agents took while they were in it.
    """

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


def unfit(terms: QuotaTerms, target: Decimal, party: Party, today: date) -> Rejected | None:
    """Why a party cannot aim at this, if so."""
    period, first, last = terms.period, terms.period.first_day, terms.period.last_day
    of_people = terms.scope.kind in ("agent", "team")
    if of_people and terms.metric not in OF_AGENTS:
        of = f"Of an agent or a team, take {', '.join(sorted(OF_AGENTS))}."
        return invalid("calls.quota.metric_not_of_agent", of, "/metric")
    if of_people and (terms.jointly or party == "client"):
        detail = "Clients do not know agents and teams: name a queue."
        return invalid("calls.quota.agent_not_for_clients", detail, "/scope/kind")
    if terms.flag is not None and terms.metric != "dispositions":
        return invalid("calls.quota.flag_without_dispositions", "Only dispositions have flags.", "/flag")
    if refused := target_unfit(terms.metric, target):
        return refused
    if period.every == "once" and (first is None or last is None):
        return invalid("calls.quota.span_incomplete", "Give the first and the last day of a single span.", "/period")
    if last is not None and last < (first or today):
        return invalid(
            "calls.quota.ends_before_it_begins", "Give a last day that is not before the first.", "/period/last_day"
        )
    if first and first < today - timedelta(days=MOST_DAYS):
        return invalid("calls.quota.begins_too_early", f"Begin at most {MOST_DAYS} days ago.", "/period/first_day")
    if period.every == "once" and first and last and (last - first).days >= MOST_DAYS:
        return invalid("calls.quota.span_too_long", f"Take at most {MOST_DAYS} days.", "/period/last_day")
    return None


def target_unfit(metric: Metric, target: Decimal) -> Rejected | None:
    """Why that cannot be a target of the metric, if so."""
    if metric in SHARES and target > 1:
        return invalid("calls.quota.target_not_a_share", "Give a share from 0 to 1, such as 0.8.", "/target")
    return None


def invalid(code: str, detail: str, pointer: str) -> Rejected:
    """The refusal of a field."""
    return Rejected(code, detail, 422, pointer)
