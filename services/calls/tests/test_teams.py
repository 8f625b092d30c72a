"""Teams as calls know them: what staff tells, quotas of a team, and who sees whom."""

from datetime import date, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from services.calls.domain import memberships as rules
from services.calls.domain.memberships import (
    Membership,
    NotePlacements,
    Placement,
    Placements,
    PlacementsNoted,
    memberships,
    spans,
)
from services.calls.domain.periods import NEVER, midnight
from services.calls.tests.running import RunningCalls
from services.calls.tests.test_quota_progress import DAY, YESTERDAY, answered, assess, progress, set_quota, told
from services.kernel.decider import specification

PARIS = ZoneInfo("Europe/Paris")
MONDAY, NEXT = date(2026, 11, 2), date(2026, 11, 9)
NORTH, SOUTH = Placement(MONDAY, "north", "a-1"), Placement(NEXT, "south", "a-1")

employee = specification(rules.decide, rules.evolve, Placements())


def test_a_later_revision_replaces_an_earlier_one_and_is_never_replaced_by_it():
    employee.when(NotePlacements(1, (NORTH,))).then(PlacementsNoted(1, (NORTH,)))
    both = PlacementsNoted(4, (NORTH, SOUTH))
    employee.given(PlacementsNoted(1, (NORTH,))).when(NotePlacements(4, (NORTH, SOUTH))).then(both)
    for late in (1, 4):
        employee.given(both).when(NotePlacements(late, (NORTH,))).then()


def test_an_agent_is_in_a_team_until_the_next_placement_begins():
    nowhere, nameless = Placement(date(2026, 12, 1), None, "a-1"), Placement(date(2027, 1, 1), "north", None)
    assert memberships((NORTH, SOUTH, nowhere, nameless)) == [
        Membership("a-1", "north", MONDAY, NEXT),
        Membership("a-1", "south", NEXT, date(2026, 12, 1)),
    ]


def test_days_are_those_of_the_zone_and_what_touches_is_one_span():
    found = spans([(NEXT, None), (MONDAY, NEXT)], PARIS)
    assert found == [(midnight(MONDAY, PARIS), NEVER)]


def hired(calls: RunningCalls, agent: str | None, team: str | None, since: date, employee: str | None = None) -> str:
    """Staff tells that somebody is hired."""
    who = employee or str(uuid4())
    data = {"employee": who, "role": "agent", "team": team, "agent": agent, "starts_on": since.isoformat()}
    calls.hear("staff", "employee_hired", data, who)
    return who


def moved(calls: RunningCalls, employee: str, revision: int, *placements: tuple[date, str | None, str | None]) -> None:
    """Staff tells of all placements of an employee."""
    listed = [{"effective_from": day.isoformat(), "team": team, "agent": agent} for day, team, agent in placements]
    calls.hear("staff", "employee_updated", {"employee": employee, "placements": listed}, employee, revision)


def members(calls: RunningCalls) -> list[tuple[str, str, date, date | None]]:
    listed = "SELECT agent, team, from_day, until_day FROM read.team_members ORDER BY from_day, agent"
    return calls.connection.execute(listed).fetchall()


def test_what_staff_tells_is_kept_whatever_comes_first_and_a_rebuild_keeps_the_same(calls):
    who = str(uuid4())
    moved(calls, who, 3, (MONDAY, "north", "a-1"), (NEXT, "south", "a-1"))
    hired(calls, "a-1", "north", MONDAY, who)  # it waited in a queue of its own
    hired(calls, None, "north", MONDAY)
    kept = [("a-1", "north", MONDAY, NEXT), ("a-1", "south", NEXT, None)]
    assert members(calls) == kept
    calls.rebuild()
    assert members(calls) == kept


def test_an_employee_of_before_there_were_agent_names_is_in_no_team(calls):
    who = str(uuid4())
    data = {"employee": who, "role": "agent", "team": "north", "starts_on": "2026-11-02"}
    calls.hear("staff", "employee_hired", data, who)
    assert members(calls) == []


# Quotas

HOUR, LATER_STILL = timedelta(hours=1), YESTERDAY + timedelta(days=3)


def leg(call: str, agent: str, at: datetime, queue: str = "sales") -> list[dict]:
    facts = answered(call, at, queue=queue)
    return [{**fact, "agent": agent} if fact.get("agent") else fact for fact in facts]


def test_a_quota_of_a_team_counts_what_agents_took_while_they_were_in_it(calls):
    day = YESTERDAY.date()
    who = hired(calls, "a-1", "north", day - timedelta(days=30))
    hired(calls, "a-2", "north", day)
    hired(calls, "a-3", "south", day - timedelta(days=30))
    before, on_the_day = YESTERDAY - HOUR, YESTERDAY + HOUR
    calls.take(
        *leg("c1", "a-1", on_the_day), *leg("c2", "a-2", on_the_day), *leg("c3", "a-3", on_the_day),
        *leg("c4", "a-1", before), *leg("c5", "a-2", before),
    )  # fmt: skip
    both = {"every": "once", "first_day": (day - timedelta(days=1)).isoformat(), "last_day": DAY}
    quota = set_quota(calls, "handled", 3, scope=("team", "north"), period=both)
    assert progress(calls, quota)["attained"] == 3  # c1, c2, c4: a-2 came on the day
    assert progress(calls, set_quota(calls, "aht_seconds", 90, scope=("team", "north")))["denominator"] == 2
    moved(calls, who, 3, (day - timedelta(days=30), "north", "a-1"), (day, "south", "a-1"))
    assert progress(calls, quota)["attained"] == 2
    assert progress(calls, set_quota(calls, "handled", 3, scope=("team", "south")))["attained"] == 2


def test_days_of_a_membership_are_those_of_the_quotas_zone(calls):
    hired(calls, "a-1", "north", YESTERDAY.date())
    calls.take(*leg("c1", "a-1", midnight(YESTERDAY.date(), PARIS) + timedelta(minutes=5)))
    period = {"every": "once", "first_day": (YESTERDAY - timedelta(days=1)).date().isoformat(), "last_day": DAY}
    for zone, attained in (("Europe/Paris", 1), ("UTC", 0)):
        quota = set_quota(calls, "handled", 3, scope=("team", "north"), period={**period, "timezone": zone})
        assert progress(calls, quota)["attained"] == attained


def test_a_call_that_came_to_a_team_earlier_is_not_counted_again_with_its_disposition(calls):
    hired(calls, "a-1", "north", date(2020, 1, 1))
    hired(calls, "a-2", "north", date(2020, 1, 1))
    facts = leg("c1", "a-1", YESTERDAY - timedelta(minutes=3))[:-1]
    again = leg("c1", "a-2", YESTERDAY + timedelta(minutes=3))[1:]
    noted = {"id": "d1", "source": "pbx1", "type": "call.disposition_set", "call_id": "c1", "data": {"code": "order"}}
    calls.take(*facts, *again, {**noted, "occurred_at": (YESTERDAY + HOUR).isoformat()})
    day_before = (YESTERDAY - timedelta(days=1)).date().isoformat()
    first = {"every": "once", "first_day": day_before, "last_day": day_before}
    of_team = {"metric": "dispositions", "scope": ("team", "north")}
    assert progress(calls, set_quota(calls, **of_team))["attained"] == 0
    assert progress(calls, set_quota(calls, **of_team, period=first))["attained"] == 1
    assert progress(calls, set_quota(calls, "dispositions", scope=("agent", "a-2")))["attained"] == 1


def test_of_two_who_bear_one_name_each_call_counts_once_in_their_team(calls):
    for _ in range(2):
        hired(calls, "a-1", "north", date(2020, 1, 1))
    calls.take(*leg("c1", "a-1", YESTERDAY + HOUR))
    assert progress(calls, set_quota(calls, "handled", 3, scope=("team", "north")))["attained"] == 1


def test_a_quota_of_a_team_that_nobody_was_ever_in_stays_at_nothing(calls):
    assert progress(calls, set_quota(calls, "handled", 3, scope=("team", "nobody's")))["attained"] == 0


def test_a_transfer_that_is_told_late_revises_what_a_period_came_to(calls):
    who = hired(calls, "a-1", "north", date(2020, 1, 1))
    calls.take(*leg("c1", "a-1", YESTERDAY + HOUR), *leg("c2", "a-1", YESTERDAY + HOUR))
    set_quota(calls, "handled", 2, scope=("team", "north"))
    assert assess(calls) == 1
    moved(calls, who, 3, (date(2020, 1, 1), "south", "a-1"))
    assess(calls, LATER_STILL)
    assert told(calls) == [("quota_reached", 2, False), ("quota_missed", 0, True)]


@given(st.permutations([1, 2, 3, 4]), st.lists(st.integers(1, 4), max_size=4))
def test_revisions_in_any_order_and_repetition_leave_the_latest(order, repeated):
    state = Placements()
    for revision in [*order, *repeated]:
        made = rules.decide(state, NotePlacements(revision, (NORTH,)), employee.context)
        state = rules.evolve(state, made) if made else state
    assert state.revision == 4
