"""Learning plans as they are listed: whose, and how far each has come."""

from collections.abc import Sequence

from services.kernel.database import Cursor
from services.kernel.projections import Projection
from services.kernel.store import StoredEvent


class LearningPlanRegister(Projection):
    """Follows plans from their start to their end."""

    name = "learning_plans"
    version = 1
    handles = ("plan_started", "step_completed", "learning_plan_finished")
    tables = """
        CREATE TABLE learning_plans (
            id uuid PRIMARY KEY, started_at timestamptz NOT NULL, employee uuid NOT NULL, kind text NOT NULL,
            status text NOT NULL, steps integer NOT NULL, open_steps integer NOT NULL
        );
        CREATE INDEX ON learning_plans (started_at, id);
        CREATE INDEX ON learning_plans (employee);"""

    START = "INSERT INTO learning_plans VALUES (%s, %s, %s, %s, 'running', %s, %s)"
    STEP = "UPDATE learning_plans SET open_steps = %s WHERE id = %s"
    FINISH = "UPDATE learning_plans SET status = 'finished' WHERE id = %s"

    def apply(self, events: Sequence[StoredEvent], db: Cursor) -> None:
        """The latest stands."""
        for event in events:
            data, plan = event.data, event.stream_id
            match event.type:
                case "plan_started":
                    steps = len(data["courses"])
                    db.execute(self.START, (plan, event.occurred_at, data["employee"], data["kind"], steps, steps))
                case "step_completed":
                    db.execute(self.STEP, (data["open_steps"], plan))
                case "learning_plan_finished":
                    db.execute(self.FINISH, (plan,))
