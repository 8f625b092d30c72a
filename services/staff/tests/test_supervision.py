"""The supervised period: who may judge it, and what a sign-off waits for."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from services.kernel.decider import specification
from services.kernel.values import Actor
from services.staff.domain import employees
from services.staff.domain.employees import Employee, EmployeeHired, InductionFinished
from services.staff.domain.supervision import (
    DUTIES,
    CheckpointRecorded,
    DutyProven,
    EndSupervision,
    ExtendSupervision,
    ProveDuty,
    RecordCheckpoint,
    SignOff,
    StartSupervision,
    SupervisedPeriod,
    SupervisionEnded,
    SupervisionExtended,
    SupervisionSignedOff,
    SupervisionStarted,
    SupervisionTerms,
)

TRAINEE, SUPERVISOR = UUID(int=1), UUID(int=2)
MONDAY = date(2026, 11, 2)
IN_TIME = datetime(2026, 11, 30, 9, tzinfo=UTC)  # four weeks later

employee = specification(employees.decide, employees.evolve, Employee()).on(str(TRAINEE)).at(IN_TIME)
hired = EmployeeHired(TRAINEE, role="agent", starts_on=MONDAY)
started = SupervisionStarted((SUPERVISOR,), 4, MONDAY)
inducted = InductionFinished(UUID(int=9))
proven = [DutyProven(duty) for duty in DUTIES]
supervised = employee.given(hired, started)
ready = employee.given(hired, started, inducted, *proven)

the_trainee = pytest.mark.parametrize("trainee", [Actor(str(TRAINEE)), Actor("oidc|ada", agent=str(TRAINEE))])


def test_nobody_supervises_themselves():
    order = StartSupervision((SUPERVISOR, TRAINEE), 4, MONDAY)
    employee.given(hired).when(order).rejected("staff.supervision.own_supervisor")


@pytest.mark.parametrize("last", [(), (SupervisionSignedOff(TRAINEE, MONDAY),)])
def test_no_period_begins_while_one_runs_or_once_one_is_signed_off(last):
    order = StartSupervision((SUPERVISOR,), 4, MONDAY)
    employee.given(hired, started, *last).when(order).rejected("staff.supervision.started_already")


@pytest.mark.parametrize(
    "order",
    [
        RecordCheckpoint("quick", MONDAY),
        ProveDuty("files"),
        ExtendSupervision(8, "slow"),
        EndSupervision("x"),
        SignOff(),
    ],
)
def test_nothing_is_judged_outside_a_period(order):
    employee.given(hired).when(order).rejected("staff.supervision.not_running")
    employee.given(hired, started, SupervisionEnded()).when(order).rejected("staff.supervision.not_running")


@the_trainee
@pytest.mark.parametrize("order", [RecordCheckpoint("quick", MONDAY), ProveDuty("files"), SignOff()])
def test_nobody_judges_their_own_period(trainee, order):
    ready.when(order, by=trainee).rejected("staff.supervision.own_period")


def test_a_sign_off_waits_for_the_minimum_weeks():
    refused = ready.at(datetime(2026, 11, 29, 23, tzinfo=UTC)).when(SignOff()).rejected("staff.supervision.too_early")
    assert "2026-11-30" in refused.outcome.detail


@pytest.mark.parametrize("missing", DUTIES)
def test_a_sign_off_waits_for_every_duty(missing):
    others = [each for each in proven if each.duty != missing]
    refused = employee.given(hired, started, inducted, *others).when(SignOff())
    refused.rejected("staff.supervision.duties_missing")
    assert refused.outcome.detail.endswith(f": {missing}.")


def test_a_sign_off_waits_for_the_induction():
    employee.given(hired, started, *proven).when(SignOff()).rejected("staff.supervision.induction_missing")


def test_an_extension_is_longer():
    supervised.when(ExtendSupervision(4, "slow")).rejected("staff.supervision.not_longer")


def test_a_period_starts():
    begun = SupervisedPeriod("supervised", SupervisionTerms((SUPERVISOR,), 4, MONDAY))
    employee.given(hired).when(StartSupervision((SUPERVISOR,), 4, MONDAY)).then(started).leaves(period=begun)


def test_whoever_has_shown_everything_is_signed_off():
    ready.when(SignOff()).then(SupervisionSignedOff(TRAINEE, IN_TIME.date()))


def test_a_checkpoint_is_noted():
    supervised.when(RecordCheckpoint("quick", MONDAY)).then(CheckpointRecorded(MONDAY, "quick"))


def test_a_duty_is_proven_once():
    supervised.when(ProveDuty("files")).then(DutyProven("files"))
    employee.given(hired, started, DutyProven("files")).when(ProveDuty("files")).then()


def test_an_extension_moves_the_sign_off():
    extended = SupervisionExtended(8, "slow")
    supervised.when(ExtendSupervision(8, "slow")).then(extended)
    late = employee.given(hired, started, extended, inducted, *proven).when(SignOff())
    late.rejected("staff.supervision.too_early")
    assert "2026-12-28" in late.outcome.detail


def test_after_a_period_that_ended_another_begins_with_nothing_proven():
    again = employee.given(hired, started, *proven, SupervisionEnded("another post"), started)
    again.when(SignOff()).rejected("staff.supervision.duties_missing")


def test_the_period_is_shown_with_what_is_missing():
    history = (hired, started, DutyProven("files"), CheckpointRecorded(MONDAY, "quick"))
    shown = employees.view(str(TRAINEE), employee.given(*history).when(ProveDuty("files")).after)
    assert (shown.status, shown.induction_finished) == ("supervised", False)
    assert shown.supervision.earliest_sign_off == IN_TIME.date()
    assert shown.supervision.supervisors == (SUPERVISOR,)
    assert (shown.supervision.proven, shown.supervision.missing) == (("files",), DUTIES[1:])
    assert [(each.on, each.note) for each in shown.supervision.checkpoints] == [(MONDAY, "quick")]
