"""Employees as they are listed: where each works, and how far each has come; and which event says who it is."""

from collections.abc import Sequence

from services.kernel.database import Cursor
from services.kernel.decider import event_type
from services.kernel.projections import Projection
from services.kernel.store import StoredEvent
from services.staff.domain.supervision import STATUS_AFTER

STATUSES = {event_type(cls): status for cls, status in STATUS_AFTER.items()}


class EmployeeRegister(Projection):
    """Follows who is hired and supervised."""

    name = "employees"
    version = 1
    handles = ("employee_hired", "file_opened", *STATUSES)
    tables = """
        CREATE TABLE employees (
            id uuid PRIMARY KEY, role text NOT NULL, team text, starts_on date NOT NULL, status text NOT NULL,
            external_id text, file_event uuid
        );
        CREATE INDEX ON employees (external_id);"""

    HIRE = "INSERT INTO employees (id, role, team, starts_on, status) VALUES (%s, %s, %s, %s, 'hired')"
    FILE = "UPDATE employees SET external_id = %s, file_event = %s WHERE id = %s"
    MOVE = "UPDATE employees SET status = %s WHERE id = %s"

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """The latest stands."""
        for event in events:
            data, employee = event.data, event.stream_id
            match event.type:
                case "employee_hired":
                    db.execute(self.HIRE, (employee, data["role"], data["team"], data["starts_on"]))
                case "file_opened":
                    outside = data["external_id"] and "{system}:{value}".format_map(data["external_id"])
                    db.execute(self.FILE, (outside, event.event_id, employee))
                case _:
                    db.execute(self.MOVE, (STATUSES[event.type], employee))
