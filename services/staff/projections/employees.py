"""Employees as they are listed: where each works, and how far each has come; which event says who it is.

And who bears which agent name when.
"""

from collections.abc import Sequence
from uuid import UUID

from services.kernel import schemas
from services.kernel.database import Cursor
from services.kernel.decider import event_type
from services.kernel.projections import Projection
from services.kernel.store import StoredEvent
from services.staff.domain.employees import EmployeeHired, EmployeeTransferred
from services.staff.domain.placements import Placement, bearings
from services.staff.domain.supervision import STATUS_AFTER

STATUSES = {event_type(cls): status for cls, status in STATUS_AFTER.items()}


class EmployeeRegister(Projection):
    """Follows who is hired, transferred and supervised."""

    name = "employees"
    version = 2
    handles = ("employee_hired", "employee_transferred", "file_opened", *STATUSES)
    tables = """
        CREATE TABLE employees (
            id uuid PRIMARY KEY, role text NOT NULL, team text, agent text, starts_on date NOT NULL,
            status text NOT NULL, external_id text, file_event uuid
        );
        CREATE INDEX ON employees (external_id);
        CREATE INDEX ON employees (agent);
        CREATE TABLE agent_names (
            employee uuid NOT NULL, agent text NOT NULL, from_day date NOT NULL, until_day date,
            PRIMARY KEY (employee, from_day)
        );
        CREATE INDEX ON agent_names (agent);"""

    HIRE = "INSERT INTO employees (id, role, team, agent, starts_on, status) VALUES (%s, %s, %s, %s, %s, 'hired')"
    PLACE = "UPDATE employees SET team = %s, agent = %s WHERE id = %s"
    FORGET_NAMES = "DELETE FROM agent_names WHERE employee = %s"
    NAME = "INSERT INTO agent_names VALUES (%s, %s, %s, %s)"
    FILE = "UPDATE employees SET external_id = %s, file_event = %s WHERE id = %s"
    MOVE = "UPDATE employees SET status = %s WHERE id = %s"

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """The latest stands."""
        for event in events:
            data, employee = event.data, event.stream_id
            match event.type:
                case "employee_hired":
                    hired: EmployeeHired = schemas.revive(EmployeeHired, data)
                    placed = (employee, hired.role, hired.team, hired.agent, hired.starts_on)
                    db.execute(self.HIRE, placed)
                    self._name(employee, [Placement(hired.starts_on, hired.team, hired.agent)], db)
                case "employee_transferred":
                    moved: EmployeeTransferred = schemas.revive(EmployeeTransferred, data)
                    last = moved.placements[-1]
                    db.execute(self.PLACE, (last.team, last.agent, employee))
                    self._name(employee, moved.placements, db)
                case "file_opened":
                    outside = data["external_id"] and "{system}:{value}".format_map(data["external_id"])
                    db.execute(self.FILE, (outside, event.event_id, employee))
                case _:
                    db.execute(self.MOVE, (STATUSES[event.type], employee))

    def _name(self, employee: UUID, placements: Sequence[Placement], db: Cursor) -> None:
        db.execute(self.FORGET_NAMES, (employee,))
        db.executemany(self.NAME, [(employee, *bearing) for bearing in bearings(placements)])
