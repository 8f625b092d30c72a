"""What finance is shown: actuals one by one and in total, whatever came in which order."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.budget.tests.running import NINE, approved, completed
from services.kernel.cloud_events import Received
from services.kernel.values import Actor

ROW = {
    "cost_centre": None,
    "label": None,
    "status": None,
    "account": "telephony",
    "queue": None,
    "month": None,
    "sources": 1,
    "seconds": 90,
    "minutes": 1.5,
    "amounts": [],
}
PARIS = {"cost_centre": "CC-PARIS", "label": "Cc-Paris", "status": "open"}


def test_a_range_that_ends_before_it_begins_is_refused(budget):
    assert budget.refusal("TotalsOfActuals", from_=NINE, to=NINE) == ("budget.report.range_empty", 422)


def test_the_telephony_of_a_call_is_borne_by_the_cost_centre_of_its_first_queue(budget):
    budget.open("CC-PARIS", "sales")
    budget.hear_call("c1", 1, completed(90))
    assert budget.totals() == [{**ROW, **PARIS}]


def test_an_actual_cites_the_event_that_it_rests_on(budget):
    told = uuid4()
    budget.hear_call("c1", 2, completed(90.125), told)
    (shown,) = budget.actuals()
    assert (shown.pop("id"), shown.pop("posted_at")) > ("", "")
    assert shown == {
        "account": "telephony",
        "cost_centre": None,
        "queue": "sales",
        "incurred_at": "2026-11-20T09:00:00Z",
        "seconds": 90.125,
        "amount": None,
        "reverses": False,
        "cites": {"service": "calls", "event": str(told), "subject": "c1", "revision": 2},
    }


def test_a_correction_is_a_further_actual_and_one_source(budget):
    budget.open("CC-PARIS", "sales")
    budget.hear_call("c1", 1, completed(90))
    budget.hear_call("c1", 2, completed(60))
    listed = budget.actuals(cost_centre="CC-PARIS")
    assert [(item["seconds"], item["cites"]["revision"]) for item in listed] == [(90, 1), (-30, 2)]
    assert budget.totals() == [{**ROW, **PARIS, "seconds": 60, "minutes": 1}]


def test_a_call_that_moves_to_another_queue_leaves_its_first_cost_centre_with_nothing(budget):
    budget.open("CC-PARIS", "sales")
    budget.open("CC-LYON", "support")
    budget.hear_call("c1", 1, completed(90))
    budget.hear_call("c1", 2, completed(90, "support"))
    rows = {row["cost_centre"]: (row["sources"], row["seconds"], row["minutes"]) for row in budget.totals()}
    assert rows == {"CC-PARIS": (0, 0, 0), "CC-LYON": (1, 90, 1.5)}
    at_first = [(item["seconds"], item["reverses"]) for item in budget.actuals(queue="sales")]
    assert at_first == [(90, False), (-90, True)]


def test_an_excluded_call_costs_nothing_until_it_is_included(budget):
    budget.hear_call("c1", 1, completed(90))
    budget.hear_call("c1", 2, completed(90, excluded=True))
    assert [(row["sources"], row["seconds"]) for row in budget.totals()] == [(0, 0)]
    budget.hear_call("c1", 3, completed(90))
    assert [(row["sources"], row["seconds"]) for row in budget.totals()] == [(1, 90)]


def test_a_revision_that_was_overtaken_or_repeated_changes_nothing(budget):
    again = uuid4()
    budget.hear_call("c1", 3, completed(90), again)
    budget.hear_call("c1", 2, completed(30))
    budget.hear_call("c1", 3, completed(90), again)
    assert budget.totals() == [ROW]


def test_a_call_without_a_queue_is_shown_with_what_no_cost_centre_bears(budget):
    budget.open("CC-PARIS", "sales")
    budget.hear_call("c1", 1, completed(90, None))
    budget.hear_call("c2", 1, completed(30, "nobodys"))
    assert budget.totals() == [{**ROW, "sources": 2, "seconds": 120, "minutes": 2}]
    assert [(row["queue"], row["seconds"]) for row in budget.totals(group_by="queue")] == [("nobodys", 30), (None, 90)]


def test_a_queue_that_is_named_late_puts_the_past_right(budget):
    budget.hear_call("c1", 1, completed(90))
    budget.open("CC-PARIS")
    budget.order("CarryQueues", "CC-PARIS", {"queues": ["sales"]})
    budget.follow()
    assert budget.totals() == [{**ROW, **PARIS}]


def test_a_queue_is_borne_by_the_open_or_closed_cost_centre_that_named_it_last(budget):
    def bearer():
        budget.follow()
        (row,) = budget.totals()
        return row["cost_centre"], row["status"]

    budget.hear_call("c1", 1, completed(90))
    budget.open("CC-PARIS", "sales")
    budget.open("CC-LYON", "sales")
    assert bearer() == ("CC-LYON", "open")
    budget.order("CarryQueues", "CC-PARIS", {"queues": ["sales"]})
    assert bearer() == ("CC-PARIS", "open")
    budget.order("CloseCostCentre", "CC-PARIS", {})
    assert bearer() == ("CC-PARIS", "closed")
    budget.order("CarryQueues", "CC-LYON", {"queues": ["sales", "support"]})
    assert bearer() == ("CC-LYON", "open")
    budget.order("CarryQueues", "CC-LYON", {"queues": ["support"]})
    assert bearer() == ("CC-PARIS", "closed")


def test_awards_are_summed_by_currency_and_each_is_posted_once(budget):
    budget.open("CC-PARIS", "sales")
    first = approved("120.50")
    budget.hear_award("a1", first)
    budget.hear_award("a1", first)
    budget.hear_award("a2", approved("79.50"))
    budget.hear_award("a3", approved("5000", currency="JPY"))
    budget.hear_call("c1", 1, completed(90))
    awards, telephony = budget.totals()
    money = [{"amount": "200.00", "currency": "EUR"}, {"amount": "5000", "currency": "JPY"}]
    assert awards == {**ROW, **PARIS, "account": "awards", "sources": 3, "seconds": None, "minutes": None} | {
        "amounts": money
    }
    assert telephony == {**ROW, **PARIS}
    listed = budget.actuals(account="awards", cost_centre="CC-PARIS")
    assert sorted(item["amount"]["amount"] for item in listed) == ["120.50", "5000", "79.50"]
    assert {(item["seconds"], item["cites"]["service"]) for item in listed} == {(None, "training")}


def test_an_award_on_a_code_that_nobody_opened_is_not_lost(budget):
    budget.hear_award("a1", approved("120.50", "CC-TYPO"))
    (row,) = budget.totals()
    assert (row["cost_centre"], row["label"], row["status"]) == ("CC-TYPO", None, "unopened")
    assert budget.totals(cost_centre="CC-TYPO") == [row]


def test_minutes_are_rounded_once_at_the_end_half_even(budget):
    for number in range(3):
        budget.hear_call(f"c{number}", 1, completed(0.1))
    budget.hear_call("c3", 1, completed(0.3, "support"))
    by_queue = {row["queue"]: (row["seconds"], row["minutes"]) for row in budget.totals(group_by="queue")}
    assert by_queue == {"sales": (0.3, 0), "support": (0.3, 0)}  # 0.005 minutes each
    assert [row["minutes"] for row in budget.totals()] == [0.01]


def test_bounds_are_half_open(budget):
    for number, at in enumerate((NINE, NINE + timedelta(hours=1))):
        budget.hear_call(f"c{number}", 1, completed(90, at=at))
    hour = {"from_": NINE, "to": NINE + timedelta(hours=1)}
    assert budget.totals(**hour) == [ROW]
    assert [item["cites"]["subject"] for item in budget.actuals(**hour)] == ["c0"]


def test_a_month_begins_in_the_zone_of_the_cost_centre(budget):
    last_of_october = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)
    budget.open("CC-PARIS", "sales", timezone="Europe/Paris")
    budget.hear_call("c1", 1, completed(90, at=last_of_october))
    budget.hear_call("c2", 1, completed(90, "nobodys", at=last_of_october))
    months = {row["cost_centre"]: row["month"] for row in budget.totals(group_by="month")}
    assert months == {"CC-PARIS": "2026-11-01", None: "2026-10-01"}


def test_a_key_that_is_limited_to_queues_sees_those_alone(budget):
    budget.hear_call("c1", 1, completed(90))
    budget.hear_call("c2", 1, completed(90, "support"))
    budget.hear_award("a1", approved("120.50"))
    limited = Actor("key", queues=frozenset({"sales"}))
    assert budget.totals(actor=limited) == [ROW]
    assert [item["queue"] for item in budget.actuals(actor=limited)] == ["sales"]


def test_pages_hold_each_actual_once(budget):
    for number in range(7):
        budget.hear_call(f"c{number}", 1, completed(60, at=NINE + timedelta(minutes=number // 3)))
    seen, cursor = [], None
    while True:
        page = budget.ask("Actuals", limit=3, cursor=cursor)
        seen += [item["cites"]["subject"] for item in page["items"]]
        if (cursor := page["next"]) is None:
            break
    assert sorted(seen) == [f"c{number}" for number in range(7)]


def test_a_cursor_of_another_list_is_refused(budget):
    assert budget.refusal("Actuals", cursor="nonsense") == ("request.invalid", 422)


revisions = st.lists(
    st.tuples(st.integers(0, 10**7), st.sampled_from(["sales", "support", None]), st.booleans()), min_size=1, max_size=4
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(calls=st.lists(revisions, min_size=1, max_size=4), seed=st.integers(0, 2**32), batch=st.integers(1, 9))
def test_whatever_is_repeated_shuffled_or_overtaken_the_sum_is_that_of_the_last_revisions(budget, calls, seed, batch):
    prefix, told, truth = uuid4().hex, [], Decimal(0)
    for number, revised in enumerate(calls):
        for revision, (milliseconds, queue, excluded) in enumerate(revised, 1):
            data = completed(milliseconds / 1000, queue and f"{queue} {prefix}", excluded=excluded)
            subject = f"{prefix} {number}"
            told.append(Received(uuid4(), "/plateau/calls", "call_completed", subject, NINE, data, revision))
        truth += 0 if excluded else Decimal(milliseconds) / 1000
    told *= 2
    Random(seed).shuffle(told)
    for begin in range(0, len(told), batch):
        budget.inbox.take(told[begin : begin + batch])
    budget.follow()
    sums = "SELECT coalesce(sum(seconds), 0) FROM read.actuals WHERE subject LIKE %s"
    assert budget.connection.execute(sums, (f"{prefix} %",)).fetchone() == (truth,)


def test_a_rebuild_gives_the_same_rows(budget):
    budget.open("CC-PARIS", "sales")
    budget.open("CC-LYON", "sales", "support")
    for number in range(20):
        budget.hear_call(f"c{number % 7}", number + 1, completed(60.5 * number, "sales" if number % 2 else "support"))
    budget.hear_award("a1", approved("120.50"))
    before = budget.totals(group_by="queue"), budget.actuals(), budget.ask("CostCentres")
    budget.rebuild()
    assert (budget.totals(group_by="queue"), budget.actuals(), budget.ask("CostCentres")) == before
