"""Who calls."""

from dataclasses import dataclass

from gateway.rate_limits import Allowance
from services.kernel.values import Actor


@dataclass(slots=True)
class Caller:
    """Who calls, what is left of their rate limit (None: not bound by it), and until when (monotonic) this holds."""

    actor: Actor
    allowance: Allowance | None
    fresh_until: float
