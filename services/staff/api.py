"""What the staff service publishes: one line a use case."""

from services.kernel.declarations import Api
from services.staff.domain import employees as rules
from services.staff.domain.employees import (
    Employee,
    EmployeeHired,
    EmployeeTransferred,
    EmployeeUpdated,
    EmployeeView,
    Hire,
    updated,
)
from services.staff.domain.placements import Transfer
from services.staff.domain.supervision import (
    EndSupervision,
    ExtendSupervision,
    ProveDuty,
    RecordCheckpoint,
    SignOff,
    StartSupervision,
    SupervisionSignedOff,
)
from services.staff.queries import EmployeeList, EmployeeOf, Employees

api = Api("staff")

employees = api.things("/v1/staff/employees", rules.decide, rules.evolve, Employee(), id="employee")
employees.command("POST", "", Hire, scope="employees:write")
employees.command("POST", "/{employee}/transfer", Transfer, scope="employees:write")
employees.command("POST", "/{employee}/supervision/start", StartSupervision, scope="supervision:write")
employees.command("POST", "/{employee}/supervision/checkpoint", RecordCheckpoint, scope="supervision:write")
employees.command("POST", "/{employee}/supervision/prove-duty", ProveDuty, scope="supervision:write")
employees.command("POST", "/{employee}/supervision/extend", ExtendSupervision, scope="supervision:write")
employees.command("POST", "/{employee}/supervision/end", EndSupervision, scope="supervision:write")
employees.command("POST", "/{employee}/supervision/sign-off", SignOff, scope="supervision:sign-off", guarded=True)
employees.shown("/{employee}", EmployeeOf, rules.view, returns=EmployeeView, scope="employees:read")
employees.query("GET", "", Employees, returns=EmployeeList, scope="employees:read")

api.publishes(EmployeeHired, SupervisionSignedOff, subject="employee")
api.publishes(EmployeeUpdated, made_of=EmployeeTransferred, by=updated, subject="employee", revised=True)
