"""The read models of the staff service."""

from services.kernel.projections import Projection
from services.staff.projections.employees import EmployeeRegister


def read_models() -> list[Projection]:
    """Every read model, each with a memory of its own."""
    return [EmployeeRegister()]
