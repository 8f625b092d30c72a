"""Customers of CRMs: saved and found by what the CRM calls them or by number, joined with their calls, erased."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.calls.domain import customers as rules
from services.calls.domain.customers import (
    Customer,
    CustomerErased,
    CustomerFile,
    CustomerSaved,
    CustomerUnlinked,
    EraseCustomer,
    SaveCustomer,
    UnlinkCustomer,
)
from services.calls.tests.running import RunningCalls, call_fact
from services.kernel.decider import SYSTEM, changed, specification

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
WORK, HOME, OTHER = "+33199000011", "+33199000012", "+33199000013"
ADA = {"given_name": "Ada", "family_name": "Martin", "company": "Example", "numbers": [WORK, HOME],
       "emails": ["ada@example.org"]}  # fmt: skip

customer = specification(rules.decide, rules.evolve, Customer()).on("hubspot:7")
SAVED = CustomerSaved(given_name="Ada", numbers=(WORK,), customer="hubspot:7")


def file_of(saved: CustomerSaved) -> CustomerFile:
    return CustomerFile(given_name=saved.given_name, numbers=saved.numbers)


# The rule


@pytest.mark.parametrize("name", ["7", ":7", "HubSpot:7", "hubspot:", "hubspot: 7"])
def test_a_name_says_which_system_it_is_from(name):
    customer.on(name).when(SaveCustomer(given_name="Ada")).rejected("calls.customer.name_malformed")


@pytest.mark.parametrize("order", [UnlinkCustomer(), EraseCustomer()])
def test_nobody_is_unlinked_or_erased_who_was_never_saved(order):
    customer.when(order).rejected("calls.customer.unknown")


def test_the_same_again_changes_nothing_and_a_change_replaces_all():
    known = customer.given(SAVED)
    known.when(SaveCustomer(given_name="Ada", numbers=(WORK,))).then()
    known.when(SaveCustomer(given_name="Ada")).then(CustomerSaved(given_name="Ada", customer="hubspot:7"))


def test_whoever_is_unlinked_keeps_their_file_and_is_linked_again_by_saving():
    gone = customer.given(SAVED, CustomerUnlinked("hubspot:7"))
    gone.when(UnlinkCustomer()).then()
    gone.when(SaveCustomer(given_name="Ada", numbers=(WORK,))).then(SAVED).leaves(linked=True)
    customer.given(SAVED).when(UnlinkCustomer()).leaves(linked=False, file=file_of(SAVED))


def test_an_erased_customer_has_nothing_left():
    customer.given(SAVED).when(EraseCustomer()).then(CustomerErased("hubspot:7")).leaves(file=CustomerFile())


# What is asked


def save(calls: RunningCalls, name: str = "hubspot:7", **fields: Any) -> None:
    calls.order("SaveCustomer", name, {**ADA, **fields})
    calls.follow()


def names(calls: RunningCalls, **asked: Any) -> list[str]:
    return [each["customer"] for each in calls.ask("Customers", **asked)["items"]]


def told(call: str, number: str, seconds: int = 0) -> list[dict[str, Any]]:
    at = NINE + timedelta(seconds=seconds)
    return [call_fact(call, "queued", at, queue="sales", **{"from": number}), call_fact(call, "ended", at)]


def test_nothing_of_a_person_is_stored_in_the_clear(calls):
    save(calls)
    stored = str(calls.connection.execute("SELECT array_agg(e::text) FROM store.events AS e").fetchone())
    tables = str(calls.tables())
    for said in (*ADA["numbers"], *ADA["emails"], "Ada", "Martin", "Example"):
        assert said not in stored
        assert said not in tables


def test_a_customer_is_found_by_each_name_and_number_and_shown_with_what_may_be_done(calls):
    save(calls)
    save(calls, "zendesk:9", numbers=[HOME])
    save(calls, "zendesk:10", numbers=[OTHER])
    assert names(calls) == ["hubspot:7", "zendesk:10", "zendesk:9"]
    assert names(calls, external_id="zendesk:9") == ["zendesk:9"]
    assert names(calls, system="zendesk") == ["zendesk:10", "zendesk:9"]
    assert names(calls, number=HOME) == names(calls, number=HOME.replace("+", " ")) == ["hubspot:7", "zendesk:9"]
    assert names(calls, subject=UUID(calls.master.hash_of(WORK))) == ["hubspot:7"]
    assert names(calls, updated_since=datetime.now(UTC) + timedelta(minutes=1)) == []
    listed = calls.ask("Customers", external_id="hubspot:7")["items"][0]
    assert {name: listed[name] for name in ADA} == ADA
    assert set(listed["subjects"]) == {str(UUID(calls.master.hash_of(number))) for number in (WORK, HOME)}
    shown = calls.ask("CustomerOf", key="hubspot:7", customer="hubspot:7")
    assert {name: shown[name] for name in ADA} == ADA


def test_whoever_sees_certain_queues_only_sees_no_customers(calls):
    save(calls)
    limited = changed(SYSTEM, queues=frozenset({"sales"}))
    assert names(calls, actor=limited) == []
    assert calls.refusal("CustomerOf", limited, key="hubspot:7", customer="hubspot:7")[1] == 404


def test_the_calls_of_a_customer_are_those_of_all_their_numbers(calls):
    save(calls)
    calls.take(*told("c1", WORK), *told("c2", HOME, 60), *told("c3", OTHER, 120))

    def of(named: str) -> list[str]:
        return [call["call_id"] for call in calls.ask("Calls", customer=named)["items"]]

    assert of("hubspot:7") == ["c1", "c2"]
    assert of(WORK) == of(str(UUID(calls.master.hash_of(WORK)))) == of(calls.master.hash_of(WORK)) == ["c1"]
    assert of("hubspot:8") == of("nobody") == []
    save(calls, numbers=[OTHER])
    assert of("hubspot:7") == ["c3"]


def test_the_unlinked_are_listed_apart(calls):
    save(calls)
    calls.order("UnlinkCustomer", "hubspot:7", {})
    calls.follow()
    assert names(calls) == []
    assert names(calls, linked="false") == ["hubspot:7"]


@pytest.mark.parametrize("followed", [True, False])
def test_erasing_a_person_makes_unreadable_what_crms_told_of_them(calls, followed):
    """Also where the read models have not applied yet what was told."""
    calls.order("SaveCustomer", "hubspot:7", ADA)
    if followed:
        calls.follow()
    calls.order("SaveCustomer", "hubspot:8", {"given_name": "Bo", "numbers": [OTHER]})
    calls.order("EraseSubject", WORK, {})
    calls.follow()
    for _ in range(2):
        assert names(calls, number=WORK) == names(calls, number=HOME) == []
        erased = calls.ask("Customers", external_id="hubspot:7")["items"][0]
        assert (erased["given_name"], erased["numbers"], erased["emails"], erased["subjects"]) == (None, [], [], [])
        assert calls.ask("CustomerOf", key="hubspot:7", customer="hubspot:7")["given_name"] is None
        assert calls.ask("Customers", number=OTHER)["items"][0]["given_name"] == "Bo"
        calls.rebuild()
    save(calls)
    assert names(calls, number=WORK) == ["hubspot:7"]


def test_erasing_a_customer_who_has_no_number(calls):
    save(calls, numbers=[])
    calls.order("EraseCustomer", "hubspot:7", {})
    calls.follow()
    assert calls.ask("Customers", external_id="hubspot:7")["items"][0]["emails"] == []
    keys = calls.connection.execute("SELECT count(*) FROM keyring.keys").fetchone()
    assert keys == (0,)


def test_a_person_is_given_what_crms_told_of_them(calls):
    save(calls)
    exported = calls.ask("ExportSubject", id=HOME)["customers"]
    assert [each["emails"] for each in exported] == [["ada@example.org"]]
    assert calls.ask("ExportSubject", id=OTHER)["customers"] == []
