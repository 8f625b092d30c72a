"""Cost centres: the rules, and how they are listed and shown."""

from zoneinfo import ZoneInfo

import pytest

from services.budget.domain import cost_centres
from services.budget.domain.cost_centres import (
    CarryQueues,
    CloseCostCentre,
    CostCentre,
    CostCentreClosed,
    CostCentreOpened,
    OpenCostCentre,
    QueuesCarried,
)
from services.kernel.decider import specification
from services.kernel.tests.horizon import until_readable

PARIS = ZoneInfo("Europe/Paris")

centre = specification(cost_centres.decide, cost_centres.evolve, CostCentre())
opened = CostCentreOpened("Paris", ("sales", "support"), PARIS, "thing")
closed = CostCentreClosed("thing")


@pytest.mark.parametrize("history", [(opened,), (opened, closed)])
def test_a_code_that_was_opened_before_is_not_opened_again(history):
    centre.given(*history).when(OpenCostCentre("Lyon")).rejected("budget.cost_centre.open_already")


@pytest.mark.parametrize("history", [(), (opened, closed)])
@pytest.mark.parametrize("order", [CarryQueues(("sales",)), CloseCostCentre()])
def test_only_an_open_cost_centre_takes_queues_or_is_closed(history, order):
    centre.given(*history).when(order).rejected("budget.cost_centre.not_open")


def test_a_cost_centre_opens_with_each_of_its_queues_once():
    (
        centre.when(OpenCostCentre("Paris", ("support", "sales", "sales"), PARIS))
        .then(opened)
        .leaves(status="open", label="Paris", queues=("sales", "support"), timezone=PARIS)
    )


def test_the_queues_that_it_names_last_replace_those_before():
    (
        centre.given(opened)
        .when(CarryQueues(("billing", "billing")))
        .then(QueuesCarried(("billing",), "thing"))
        .leaves(queues=("billing",), label="Paris")
    )


def test_naming_the_same_queues_again_happens_because_another_may_have_named_them_since():
    same = QueuesCarried(("sales", "support"), "thing")
    centre.given(opened).when(CarryQueues(("sales", "support"))).then(same)


def test_a_closed_one_keeps_what_it_bears():
    centre.given(opened).when(CloseCostCentre()).then(closed).leaves(status="closed", queues=("sales", "support"))


def shown(budget, code):
    return budget.ask("CostCentreOf", key=code, cost_centre=code)


def test_it_is_shown_and_so_is_a_code_that_nobody_opened(budget):
    budget.open("CC-PARIS", "sales", timezone="Europe/Paris")
    paris = shown(budget, "CC-PARIS")
    assert paris.pop("allowed_actions") == []
    assert paris == {
        "cost_centre": "CC-PARIS",
        "status": "open",
        "label": "Cc-Paris",
        "queues": ["sales"],
        "timezone": "Europe/Paris",
    }
    nobodys = shown(budget, "CC-LYON")
    assert (nobodys["status"], nobodys["label"], nobodys["queues"]) == ("unopened", None, [])


def test_it_is_shown_as_of_an_instant_and_with_its_history(budget):
    budget.open("CC-PARIS", "sales")
    until_readable(budget.connection)
    (then,) = budget.connection.execute("SELECT clock_timestamp()").fetchone()
    budget.order("CarryQueues", "CC-PARIS", {"queues": ["support"]})
    message = {
        "use_case": "CostCentreOf",
        "key": "CC-PARIS",
        "parameters": {"cost_centre": "CC-PARIS"},
        "actor": {"id": "a"},
    }
    past = budget.dispatcher.query({**message, "as_of": then.isoformat()})
    assert '"queues":["sales"]' in past["body"]
    history = budget.dispatcher.query({**message, "history": True})
    assert history["body"].index("cost_centre_opened") < history["body"].index("queues_carried")


def test_they_are_listed_by_code_a_page_at_a_time(budget):
    for code in ("CC-PARIS", "CC-LYON", "CC-NICE"):
        budget.open(code, f"sales of {code}", "shared")
    budget.order("CloseCostCentre", "CC-LYON", {})
    budget.follow()
    first = budget.ask("CostCentres", limit=2)
    assert [(item["cost_centre"], item["status"]) for item in first["items"]] == [
        ("CC-LYON", "closed"),
        ("CC-NICE", "open"),
    ]
    assert first["items"][1]["queues"] == ["sales of CC-NICE", "shared"]
    rest = budget.ask("CostCentres", limit=2, cursor=first["next"])
    assert [item["cost_centre"] for item in rest["items"]] == ["CC-PARIS"]
    assert rest["next"] is None
    assert [item["cost_centre"] for item in budget.ask("CostCentres", status="closed")["items"]] == ["CC-LYON"]
