"""The read models of the training service, one module each."""

from services.kernel.projections import Projection
from services.training.projections.awards import AwardRegister
from services.training.projections.learning_plans import LearningPlanRegister


def read_models() -> list[Projection]:
    """Every read model, each with a memory of its own."""
    return [LearningPlanRegister(), AwardRegister()]
