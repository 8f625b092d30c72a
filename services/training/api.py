"""What the training service publishes: one line a use case."""

from services.kernel.declarations import Api
from services.training.domain import awards as award_rules
from services.training.domain import inductions as induction_rules
from services.training.domain import learning_plans as plan_rules
from services.training.domain.awards import ApproveAward, Award, AwardApproved, AwardView, GrantAward
from services.training.domain.inductions import DefineInduction, Induction, InductionView
from services.training.domain.learning_plans import CompleteStep, LearningPlan, LearningPlanView, PlanFinished
from services.training.queries import (
    AwardList,
    AwardOf,
    Awards,
    InductionOf,
    LearningPlanList,
    LearningPlanOf,
    LearningPlans,
)

api = Api("training")

inductions = api.things(
    "/v1/training/inductions", induction_rules.decide, induction_rules.evolve, Induction(), id="role", named=True
)
inductions.command("PUT", "/{role:path}", DefineInduction, scope="inductions:write", guarded=True)
inductions.shown("/{role:path}", InductionOf, induction_rules.view, returns=InductionView, scope="inductions:read")

# A plan is started by a reaction alone: it follows an induction.
learning_plans = api.things(
    "/v1/training/learning-plans", plan_rules.decide, plan_rules.evolve, LearningPlan(), id="plan"
)
learning_plans.command("POST", "/{plan}/complete-step", CompleteStep, scope="learning-plans:write")
learning_plans.shown(
    "/{plan}", LearningPlanOf, plan_rules.view, returns=LearningPlanView, scope="learning-plans:read"
)  # fmt: skip
learning_plans.query("GET", "", LearningPlans, returns=LearningPlanList, scope="learning-plans:read")

awards = api.things("/v1/incentives/awards", award_rules.decide, award_rules.evolve, Award(), id="award")
awards.command("POST", "", GrantAward, scope="awards:write")
awards.command("POST", "/{award}/approve", ApproveAward, scope="awards:approve", guarded=True)
awards.shown("/{award}", AwardOf, award_rules.view, returns=AwardView, scope="awards:read")
awards.query("GET", "", Awards, returns=AwardList, scope="awards:read")

api.publishes(PlanFinished, subject="plan")
api.publishes(AwardApproved, subject="award")
