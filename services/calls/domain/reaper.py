"""The reaper: what is said of a call whose end never came."""

from typing import Literal

from services.kernel.decider import event


@event("call_closed_by_inference")
class CallClosedByInference:
    """The call is taken as ended at its last fact; `known_facts` were known then, and one more undoes it."""

    known_facts: int
    reason: Literal["stale"] = "stale"
