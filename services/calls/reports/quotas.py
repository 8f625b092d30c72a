"""Quotas as they are listed, and how far they have come: counted at the moment of asking."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, LiteralString
from uuid import UUID

from services.calls.domain import periods
from services.calls.domain.pace import AT_MOST, comparison, pace
from services.calls.domain.periods import Period
from services.calls.domain.quota_terms import QuotaTerms, Scope
from services.calls.domain.quotas import Quota, target_of, view
from services.calls.queries import QuotaList, QuotaProgress, QuotaProgressOf, Quotas
from services.calls.reports.quota_figures import figures_of
from services.calls.reports.visibility import is_shown, names_open_to, queues_open_to
from services.kernel import schemas
from services.kernel.database import Cursor
from services.kernel.decider import Rejected, of
from services.kernel.lists import Listing, equal
from services.kernel.projections import answers
from services.kernel.refusals import HIDDEN
from services.kernel.values import Actor

# Of agents and teams only those; each is listed as its kind and its name.
OF_PEOPLE: LiteralString = """(quotas.scope NOT IN ('agent', 'team')
    OR quotas.scope || ' ' || quotas.scope_name = ANY(%(seen_people)s))"""
FILTERS: dict[str, LiteralString] = {
    **equal("id", "scope", "scope_name", "metric", "party", "status"),
    "seen_queues": "scope = 'queue' AND scope_name = ANY(%(seen_queues)s)",
    "seen_client": "(party = 'client' OR jointly) AND (client IS NULL OR client = %(seen_client)s)",
    "named": "id::text = %(named)s",
    "seen_people": OF_PEOPLE,
    "seen_totals": "scope <> 'agent'",
}
LISTED = Listing("quotas", FILTERS, order={"id": UUID})
RIVALS = """SELECT id, state FROM quotas WHERE scope = %s AND scope_name = %s AND metric = %s
    AND flag IS NOT DISTINCT FROM %s AND status = 'in_force' ORDER BY id"""


@dataclass(frozen=True, slots=True)
class Aim:
    """A quota in one of its periods, with the target that it has there."""

    id: UUID
    quota: Quota
    terms: QuotaTerms
    period: Period
    target: Decimal


def aim(id_: UUID, quota: Quota, day: date | None, now: datetime) -> Aim:
    """The quota in the period that holds a day (None: now); where that has no target, with the proposed or first."""
    terms = quota.terms
    assert terms is not None  # noqa: S101 - a row is of a quota that was set
    period = periods.holding(terms.period, day or periods.today(now, terms.period.timezone))
    target = target_of(quota, period.first_day)
    if target is None:
        proposed = quota.proposal or quota.targets[0]
        target = proposed.target
    return Aim(id_, quota, terms, period, target)


def strictest(db: Cursor, aimed: Aim) -> UUID:
    """The most demanding of the quotas in force on the same metric, scope and period; of equal ones the first set."""
    terms, period, sign = aimed.terms, aimed.period, -1 if aimed.terms.metric in AT_MOST else 1
    demands = {aimed.id: aimed.target * sign}
    for id_, state in db.execute(RIVALS, (terms.scope.kind, terms.scope.name, terms.metric, terms.flag)):
        rival: Quota = schemas.revive(Quota, state)
        target = target_of(rival, period.first_day)
        recurrence = rival.terms and rival.terms.period
        if target is not None and recurrence and periods.holding(recurrence, period.first_day) == period:
            demands[id_] = target * sign
    return max(sorted(demands), key=demands.__getitem__)


def progress(db: Cursor, aimed: Aim, now: datetime) -> QuotaProgress:
    """How far it has come by an instant."""
    terms, period, quota = aimed.terms, aimed.period, aimed.quota
    elapsed = period.elapsed(now)
    figures = figures_of(db, terms, period.begin, period.end)
    return of(
        QuotaProgress,
        pace(terms.metric, aimed.target, figures, elapsed),
        **vars(period),
        quota=aimed.id,
        party=quota.party,
        metric=terms.metric,
        flag=terms.flag,
        scope=terms.scope,
        comparison=comparison(terms.metric),
        target=aimed.target,
        elapsed_share=Decimal(elapsed).quantize(Decimal("0.0001")),
        strictest=strictest(db, aimed),
        as_of=now,
    )


def quota_filters(db: Cursor, actor: Actor) -> dict[str, Any]:
    """The filters that the actor's rights add: their queues alone, and of those a client's own and joint quotas.

    Whoever sees agents of a team by name has the quotas of that team and of who is in it today, UTC; who sees totals
    alone has none of agents.
    """
    queues, known = queues_open_to(db, actor), names_open_to(db, actor)
    seen: dict[str, Any] = {} if queues is None else {"seen_queues": sorted(queues)}
    if actor.client is not None:
        return seen | {"seen_client": actor.client}
    if known is None:
        return seen
    now = datetime.now(UTC)
    people = [f"agent {name}" for name in known if is_shown(known, name, now)]
    return seen | ({"seen_people": [f"team {actor.team}", *people]} if known else {"seen_totals": True})


def quota_is_seen(db: Cursor, actor: Actor, quota: str) -> bool:
    """Whether the actor may know of the quota of that id, as far as the read model has it."""
    return bool(LISTED.rows(db, {"named": quota, **quota_filters(db, actor)}, 1))


def admitted(db: Cursor, actor: Actor, quota: Quota, order: Any) -> Rejected | None:
    """Hides quotas that are not the actor's to know of, and has them set none for the calls of others."""
    terms = quota.terms
    scope: Scope | None = terms.scope if terms else getattr(order, "scope", None)
    queues = queues_open_to(db, actor)
    if scope is not None and queues is not None and not (scope.kind == "queue" and scope.name in queues):
        return HIDDEN
    if scope is not None and scope.kind in ("agent", "team") and not _of_their_people(quota_filters(db, actor), scope):
        return HIDDEN
    if terms and actor.client is not None:
        theirs = (quota.party == "client" or terms.jointly) and quota.client in (None, actor.client)
        return None if theirs else HIDDEN
    return None


def _of_their_people(seen: dict[str, Any], scope: Scope) -> bool:
    """As the filters say it of a list."""
    if "seen_totals" in seen:
        return scope.kind == "team"
    return "seen_people" not in seen or f"{scope.kind} {scope.name}" in seen["seen_people"]


class QuotaReader:
    """Answers about quotas."""

    @answers(Quotas)
    def quotas(self, asked: Quotas, db: Cursor, actor: Actor) -> QuotaList:
        """A page of the quotas that the filters and the actor's rights leave, by id: those were made in order."""
        rows, following = LISTED.page(db, asked, {**LISTED.wanted(asked), **quota_filters(db, actor)})
        views = tuple(view(str(row["id"]), schemas.revive(Quota, row["state"])) for row in rows)
        return QuotaList(views, following)

    @answers(QuotaProgressOf)
    def progress(self, asked: QuotaProgressOf, db: Cursor, actor: Actor) -> QuotaProgress | None:
        """The progress of one quota, if the actor may see it."""
        found = LISTED.rows(db, {"id": asked.quota_id, **quota_filters(db, actor)}, 1)
        if not found:
            return None
        now = datetime.now(UTC)
        return progress(db, aim(asked.quota_id, schemas.revive(Quota, found[0]["state"]), asked.day, now), now)
